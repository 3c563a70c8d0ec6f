// SPDX-License-Identifier: GPL-3.0-or-later
// A room with its log, a store that can fail, and relays that write down what they are told.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "actors/chat/room.hpp"
#include "runtime/testing/entity_bench.hpp"
#include "tests/support/memory_chat_store.hpp"

namespace troupe::chat::testing {

using namespace std::chrono_literals;
using test::memory_chat_store;
using fault = memory_chat_store::fault;

constexpr user_id ada = 7;  // the owner
constexpr user_id bob = 8;
constexpr user_id eve = 9;
constexpr user_id mia = 10;  // often a moderator
constexpr user_id joe = 11;
constexpr user_id root = 12;  // an administrator

inline speaker who(user_id user) {
  static const std::map<user_id, std::string> names = {{ada, "ada"}, {bob, "bob"}, {eve, "eve"},
                                                       {mia, "mia"}, {joe, "joe"}, {root, "root"}};
  const auto found = names.find(user);
  return {user, found != names.end() ? found->second : "u" + std::to_string(user), user == root};
}

using told = std::map<std::string, std::vector<room_news>>;  // by relay

struct recording_relay {
  static constexpr std::string_view kind = "relay";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<room_news>;

  struct state {};

  recording_relay(std::string id, told& t) : id_(std::move(id)), told_(t) {}

  void on(runtime::context&, const room_news& m) { told_[id_].push_back(m); }

  state data;

 private:
  std::string id_;
  told& told_;
};

template <class Inspector>
auto inspect(Inspector& f, recording_relay::state&) {
  return f();
}

struct recording_sink final : audience_sink {
  void on_audience(stream_id stream, std::int64_t viewers) override {
    seen.emplace_back(stream, viewers);
  }

  void on_audience_end(stream_id stream) override { seen.emplace_back(stream, -1); }

  std::vector<std::pair<stream_id, std::int64_t>> seen;
};

/// What outlives a crash of the room.
struct world {
  world() {
    for (const auto user : {ada, bob, eve, mia, joe, root}) {
      store.users[user] = who(user).username;
    }
  }

  manual_clock time;  // of the ids alone
  metrics figures;
  memory_chat_store store;
  id_generator ids{time, 1};
  runtime::testing::memory_entity_log log;
  recording_sink sink;
  told news;
  room_metrics counters{figures};
  chat_log_metrics log_counters{figures};
  chat_log_dependencies log_needs{store, log_counters, {}};
  room_dependencies needs{store, ids, counters, &sink, "a", {}};
};

using answer = runtime::testing::pending<posted>;

/// One process of the node.
struct room_bench : runtime::testing::entity_bench {
  explicit room_bench(world& w, std::uint64_t incarnation = 1)
      : entity_bench(&w.log, incarnation), around(w) {
    node().add_kind<chat_log>(
        [&w](const runtime::entity_name&) { return std::make_unique<chat_log>(w.log_needs); },
        chat_log::options());
    node().add_kind<room>(
        [&w](const runtime::entity_name& n) { return std::make_unique<room>(n, w.needs); },
        room::options());
    node().add_kind<recording_relay>([&w](const runtime::entity_name& n) {
      return std::make_unique<recording_relay>(n.id, w.news);
    });
  }

  const runtime::session& session_of(user_id user) {
    auto found = sessions_.find(user);
    if (found == sessions_.end()) {
      found = sessions_.emplace(user, node().open_session()).first;
    }
    return found->second;
  }

  /// Sends it, and does not run anything yet.
  answer begin_say(user_id user, std::string text, std::string nonce = {}, id reply_to = 0) {
    return begin(
        session_of(user), name,
        post{who(user), "s" + std::to_string(user), std::move(nonce), std::move(text), reply_to},
        std::chrono::minutes(5));
  }

  result<posted> say(user_id user, std::string text, std::string nonce = {}, id reply_to = 0) {
    const auto slot = begin_say(user, std::move(text), std::move(nonce), reply_to);
    return settled(slot);
  }

  template <class R>
  result<R> settled(const runtime::testing::pending<R>& slot) {
    run();
    if (!slot->has_value()) {
      advance(1s);  // for what is tried again
    }
    return slot->has_value() ? **slot : fail(errc::internal, "test_waits", "not answered yet");
  }

  template <runtime::message M>
  result<typename M::answer> command(user_id by, M m) {
    const auto slot = begin(session_of(by), name, std::move(m), std::chrono::minutes(5));
    return settled(slot);
  }

  void tell_room(auto m) {
    node().tell(default_session(), name, std::move(m));
    run();
  }

  result<subscription> subscribe_as(std::string relay, std::optional<std::int64_t> after = {}) {
    return ask(name, subscribe{std::move(relay), after});
  }

  /// What a relay was shown, in the order it was told.
  std::vector<event> shown(const std::string& relay) {
    std::vector<event> out;
    for (const auto& n : around.news[relay]) {
      out.insert(out.end(), n.events.begin(), n.events.end());
    }
    return out;
  }

  memory_chat_store::room_rows& stored() { return around.store.rooms[ada]; }

  double refused(const std::string& code) {
    return around.figures.make_counter("troupe_chat_refused_total", "", {{"code", code}}).value();
  }

  const runtime::entity_name name{"room", std::to_string(ada)};
  world& around;

 private:
  std::map<user_id, runtime::session> sessions_;
};

inline std::string reason(const auto& r) {
  return r ? "ok" : r.error().reason;
}

}  // namespace troupe::chat::testing
