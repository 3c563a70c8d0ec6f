// SPDX-License-Identifier: GPL-3.0-or-later
// A relay between a room that says what the test wants and sockets that write down what they get.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "actors/chat/room_records.hpp"
#include "actors/chat/room_relay.hpp"
#include "actors/chat/wire.hpp"
#include "runtime/testing/entity_bench.hpp"
#include "tests/support/memory_chat_store.hpp"

namespace troupe::chat::testing {

using namespace std::chrono_literals;

constexpr user_id channel = 7;

inline std::string text_of(const shared_bytes& b) {
  return std::string(as_text(b.view()));
}

struct recording_sockets final : broadcaster {
  void publish(user_id room, std::vector<broadcast> what) override {
    CHECK(room == channel);
    ++calls;
    for (const auto& each : what) {
      if (each.for_user != 0) {
        private_ones.emplace_back(each.for_user, text_of(each.json));
      } else if (each.seq == 0) {
        (each.for_moderators ? for_moderators : notices).push_back(text_of(each.json));
      } else {
        seqs.push_back(each.seq);
        events.push_back(text_of(each.json));
      }
    }
  }

  std::size_t listeners(user_id) const override { return count; }

  std::size_t count = 1;
  int calls = 0;
  std::vector<std::int64_t> seqs;
  std::vector<std::string> events;
  std::vector<std::string> notices;
  std::vector<std::string> for_moderators;
  std::vector<std::pair<user_id, std::string>> private_ones;
};

/// What the room of the tests is: it numbers events and answers subscriptions, or not.
struct script {
  std::vector<event> events;  // all of them, from 1
  std::size_t ring = 100;
  bool is_silent = false;
  std::optional<error> refusal;
  mode current;
  std::vector<user_id> moderators;
  std::optional<stream_notice> stream;
  std::int64_t viewers = 3;
  std::int64_t held = 0;
  std::vector<subscribe> asked;
  std::vector<std::string> left;

  event& say(user_id by, std::string text) {
    event e;
    e.kind = event_kind::message;
    e.user = by;
    e.username = "u" + std::to_string(by);
    e.text = std::move(text);
    return add(std::move(e));
  }

  event& add(event e) {
    e.seq = static_cast<std::int64_t>(events.size()) + 1;
    if (e.kind == event_kind::message) {
      e.message_id = 1000 + e.seq;
    }
    return events.emplace_back(std::move(e));
  }

  subscription answer(const subscribe& m) const {
    subscription s;
    s.last_seq = static_cast<std::int64_t>(events.size());
    const auto oldest = events.size() > ring ? events.size() - ring : 0;
    const bool is_within = m.after && static_cast<std::size_t>(*m.after) >= oldest;
    for (auto at = oldest; at < events.size(); ++at) {
      if (!is_within || events[at].seq > *m.after) {
        s.events.push_back(events[at]);
      }
    }
    s.mode = current;
    s.owner = channel;
    s.owner_name = "ada";
    s.moderators = moderators;
    s.stream = stream;
    s.viewers = viewers;
    s.held = held;
    return s;
  }
};

struct scripted_room {
  static constexpr std::string_view kind = "room";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<subscribe, unsubscribe>;

  struct state {};

  explicit scripted_room(script& s) : says(s) {}

  runtime::later<subscription> on(runtime::context& ctx, const subscribe& m) {
    says.asked.push_back(m);
    auto promised = ctx.defer<subscription>();
    auto answer = promised.answer();
    if (says.is_silent) {
      kept.push_back(std::move(promised));
    } else if (says.refusal) {
      promised.set(fail(*says.refusal));
    } else {
      promised.set(says.answer(m));
    }
    return answer;
  }

  void on(runtime::context&, const unsubscribe& m) { says.left.push_back(m.relay); }

  state data;
  script& says;
  std::vector<runtime::promise<subscription>> kept;
};

template <class Inspector>
auto inspect(Inspector& f, scripted_room::state&) {
  return f();
}

struct relay_bench : runtime::testing::entity_bench {
  relay_bench() {
    node().add_kind<scripted_room>(
        [this](const runtime::entity_name&) { return std::make_unique<scripted_room>(room); });
    node().add_kind<room_relay>(
        [this](const runtime::entity_name& n) { return std::make_unique<room_relay>(n, needs); },
        relay_kind_options());
    store.users[channel] = "ada";
  }

  /// Each viewer is a session of its own.
  runtime::testing::pending<joined> begin_join(std::optional<std::int64_t> after = {}) {
    return begin(node().open_session(), name, join{after});
  }

  result<joined> enter(std::optional<std::int64_t> after = {}) {
    return ask(node().open_session(), name, join{after});
  }

  /// Events from `from` on, as the room sends them.
  void news(std::int64_t from, std::uint64_t epoch = 1) {
    room_news n;
    n.epoch = epoch;
    n.events.assign(room.events.begin() + (from - 1), room.events.end());
    tell(std::move(n));
  }

  void tell(room_news n) {
    node().tell(default_session(), name, std::move(n));
    run();
  }

  /// Puts all of the room's events into the store.
  void fill_store() {
    auto& rows = store.rooms[channel];
    for (const auto& e : room.events) {
      rows.events.push_back(to_row(e));
    }
    rows.last_seq = static_cast<std::int64_t>(room.events.size());
  }

  double counted(const std::string& metric) { return figures().make_counter(metric, "").value(); }

  const runtime::entity_name name{"relay", "a/7"};
  script room;
  recording_sockets sockets;
  test::memory_chat_store store;
  relay_metrics counters{figures()};
  relay_dependencies needs{store, sockets, counters};
};

/// The numbers in a join's history.
inline std::vector<std::int64_t> numbers(const joined& j) {
  std::vector<std::int64_t> found;
  const auto text = text_of(j.history);
  for (auto at = text.find("\"seq\":"); at != std::string::npos;
       at = text.find("\"seq\":", at + 1)) {
    found.push_back(std::stoll(text.substr(at + 6)));
  }
  return found;
}

inline std::vector<std::int64_t> dense(std::int64_t from, std::int64_t to) {
  std::vector<std::int64_t> all;
  for (auto i = from; i <= to; ++i) {
    all.push_back(i);
  }
  return all;
}

}  // namespace troupe::chat::testing
