// SPDX-License-Identifier: GPL-3.0-or-later
// The half of room_relay that answers joins: from the ring, or, for who was away for long, from the
// store: one read at a time, which serves everybody who waits.
#include <algorithm>
#include <iterator>

#include "actors/chat/room_records.hpp"
#include "actors/chat/room_relay.hpp"
#include "actors/chat/wire.hpp"
#include "base/log.hpp"

namespace troupe::chat {
namespace {

constexpr std::size_t most_waiting_for_store = 20'000;  // as many sockets as a process may hold

using start_of = std::pair<std::int64_t, std::size_t>;

/// The numbers and texts of a resume, one after another in one buffer, which each answer has a
/// slice of.
struct resume_text {
  bytes text;
  std::vector<start_of> starts;

  void add(std::int64_t seq, byte_view json) {
    if (!text.empty()) {
      text.push_back(',');
    }
    starts.emplace_back(seq, text.size());
    text.insert(text.end(), json.begin(), json.end());
  }
};

}  // namespace

void room_relay::serve(runtime::context& ctx, waiting_join w) {
  d_.counters.joins.add();
  // A number we do not know yet is another relay's, ahead of us: nothing is missed.
  const auto after = w.after ? std::max<std::int64_t>(*w.after, 0) : ring_.last();
  if (after + 1 < ring_.first()) {
    d_.counters.joins_from_store.add();
    if (for_store_.size() + in_read_.size() >= most_waiting_for_store) {
      d_.counters.refused_joins.add();
      w.answer.set(fail(errc::unavailable, "too_many_joins", "too many clients join at once"));
      return;
    }
    w.after = after;
    for_store_.push_back(std::move(w));
    read_store(ctx);
    return;
  }
  auto answer = base_answer();
  answer.history = w.after ? ring_.after(after) : ring_.recent();
  w.answer.set(std::move(answer));
}

void room_relay::read_store(runtime::context& ctx) {
  if (is_reading_ || for_store_.empty()) {
    return;
  }
  is_reading_ = true;
  reading_since_ = ctx.now();
  in_read_ = std::exchange(for_store_, {});
  auto oldest = ring_.last();
  for (const auto& each : in_read_) {
    oldest = std::min(oldest, *each.after);
  }
  storage::history_request request;
  request.room = room_;
  request.after_seq = std::max(oldest, ring_.last() - most_missed_events);
  request.limit = static_cast<int>(most_missed_events);
  request.only_messages = false;
  d_.counters.store_reads.add();
  auto job = [&store = d_.store, request]() -> result<std::vector<old_event>> {
    return map(store.history(request), [](const std::vector<storage::room_event>& rows) {
      std::vector<old_event> events;
      events.reserve(rows.size());
      for (const auto& row : rows) {
        events.push_back({row.seq, to_json(to_event(row))});
      }
      return events;
    });
  };
  auto then = [this, mine = ++reads_](runtime::context& c, result<std::vector<old_event>> got) {
    if (mine != reads_) {
      return;  // it took too long, and all were answered without it
    }
    is_reading_ = false;
    if (!got) {
      d_.counters.failed_store_reads.add();
      log::warn("chat relay could not read older events room={} reason={}", room_,
                got.error().reason);
    }
    serve_old(got ? *got : std::vector<old_event>());
    read_store(c);
  };
  static_cast<void>(ctx.run(std::move(job), std::move(then)));
}

/// events: dense up to where the ring begins, unless the store failed or the ring went on further
/// than it was read. What is not dense is missed.
void room_relay::serve_old(const std::vector<old_event>& events) {
  auto first = events.end();
  for (auto next = ring_.first(); first != events.begin();) {
    const auto& before = *std::prev(first);
    if (before.seq >= next) {  // in the ring as well
      --first;
      continue;
    }
    if (before.seq + 1 != next) {
      break;
    }
    next = before.seq;
    --first;
  }
  resume_text all;
  for (auto at = first; at != events.end() && at->seq < ring_.first(); ++at) {
    all.add(at->seq, as_bytes(at->json));
  }
  ring_.for_each([&](std::int64_t seq, byte_view json) { all.add(seq, json); });
  const shared_bytes text(std::move(all.text));
  const auto bearable = std::ranges::lower_bound(
      all.starts, text.size() - std::min(text.size(), most_missed_bytes), {}, &start_of::second);
  for (auto& each : std::exchange(in_read_, {})) {
    const auto after = std::max(*each.after, ring_.last() - most_missed_events);
    const auto start =
        std::max(std::ranges::upper_bound(all.starts, after, {}, &start_of::first), bearable);
    auto answer = base_answer();
    const auto begins = start == all.starts.end() ? ring_.last() + 1 : start->first;
    if (start != all.starts.end()) {
      answer.history = text.slice(start->second, text.size() - start->second);
    }
    if (begins > *each.after + 1) {
      answer.missed.emplace(*each.after + 1, begins - 1);
    }
    each.answer.set(std::move(answer));
  }
}

}  // namespace troupe::chat
