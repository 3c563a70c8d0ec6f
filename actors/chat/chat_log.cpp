// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/chat_log.hpp"

#include <chrono>
#include <set>
#include <span>
#include <utility>

#include "base/log.hpp"

namespace troupe::chat {
namespace {

using writes = std::vector<storage::room_write>;

committed from_store(storage::room_outcome how) {
  return {how == storage::room_outcome::ok ? commit_outcome::stored : commit_outcome::fenced, {}};
}

/// An error after which the store may or may not have it.
bool is_unknown(const error& e) {
  return e.code == errc::unavailable || e.code == errc::deadline_exceeded;
}

/// The writes that something is wrong with must not take the others down with them.
committed store_alone(storage::chat_store& store, const storage::room_write& write) {
  auto stored = store.append(std::span(&write, 1));
  if (!stored) {
    return {is_unknown(stored.error()) ? commit_outcome::unknown : commit_outcome::broken,
            stored.error().message};
  }
  return stored->size() == 1 ? from_store(stored->front())
                             : committed{commit_outcome::unknown, "the store gave no outcome"};
}

/// On the pool.
result<std::vector<committed>> store_all(storage::chat_store& store, const writes& all) {
  auto stored = store.append(all);
  std::vector<committed> out;
  out.reserve(all.size());
  if (stored && stored->size() == all.size()) {
    for (const auto how : *stored) {
      out.push_back(from_store(how));
    }
    return out;
  }
  if (stored) {
    return fail(errc::unavailable, "the store gave too few outcomes");
  }
  if (is_unknown(stored.error())) {
    return fail(std::move(stored.error()));
  }
  if (all.size() == 1) {
    out.push_back({commit_outcome::broken, stored.error().message});
    return out;
  }
  for (const auto& write : all) {
    out.push_back(store_alone(store, write));
  }
  return out;
}

}  // namespace

chat_log_metrics::chat_log_metrics(metrics& m)
    : rooms(m.make_histogram("troupe_chat_commit_rooms", "Rooms in one transaction of chat",
                             {1, 2, 5, 10, 20, 50, 100, 256})),
      events(m.make_histogram("troupe_chat_commit_events", "Events in one transaction of chat",
                              {1, 2, 5, 10, 20, 50, 100, 500, 2000})),
      seconds(m.make_histogram("troupe_chat_commit_seconds",
                               "Time of one transaction of chat, waiting for a thread included",
                               {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2, 5})),
      failures(m.make_counter("troupe_chat_commit_failures_total",
                              "Transactions of chat that failed or whose outcome is not known")),
      refused(m.make_counter("troupe_chat_commit_refused_total",
                             "Writes of rooms refused because too many wait")) {}

runtime::kind_options chat_log::options() {
  runtime::kind_options o;
  o.mailbox_limit = 20'000;
  o.sender_limit = 200'000;
  o.activation_limit = 16;
  return o;
}

runtime::later<committed> chat_log::on(runtime::context& ctx, const commit& m) {
  auto promised = ctx.defer<committed>();
  auto answer = promised.answer();
  if (!m.write) {
    promised.set(committed{commit_outcome::broken, "no write"});
  } else if (queue_.size() >= d_.settings.most_waiting) {
    d_.counters.refused.add();
    promised.set(committed{commit_outcome::refused, "too many rooms wait for the store"});
  } else {
    queue_.push_back({m.write, std::move(promised)});
    start(ctx);
  }
  return answer;
}

void chat_log::start(runtime::context& ctx) {
  if (is_writing_ || queue_.empty()) {
    return;
  }
  is_writing_ = true;
  writes batch;
  promises answers;
  std::set<user_id> rooms;
  std::size_t events = 0;
  while (!queue_.empty() && batch.size() < d_.settings.most_at_once) {
    const auto& next = *queue_.front().write;
    // Two activations of one room, one of them lost: never in one transaction.
    if (!rooms.insert(next.room).second ||
        (!batch.empty() && events + next.events.size() > d_.settings.most_events_at_once)) {
      break;
    }
    events += next.events.size();
    batch.push_back(next);
    answers.push_back(std::move(queue_.front().answer));
    queue_.pop_front();
  }
  d_.counters.rooms.observe(static_cast<double>(batch.size()));
  d_.counters.events.observe(static_cast<double>(events));
  static_cast<void>(
      ctx.run([&store = d_.store, batch = std::move(batch)] { return store_all(store, batch); },
              [this, answers = std::move(answers), began = ctx.now()](
                  runtime::context& then, result<std::vector<committed>> how) mutable {
                done(then, std::move(answers), std::move(how), began);
              }));
}

void chat_log::done(runtime::context& ctx, promises answers, result<std::vector<committed>> how,
                    steady_time began) {
  is_writing_ = false;
  d_.counters.seconds.observe(std::chrono::duration<double>(ctx.now() - began).count());
  const bool is_refused = !how && how.error().reason == "queue_full";
  if (is_refused) {
    d_.counters.refused.add(static_cast<double>(answers.size()));
  } else if (!how) {
    d_.counters.failures.add();
    log::warn("chat not stored, the rooms will try again rooms={}: {}", answers.size(),
              how.error().message);
  }
  for (std::size_t i = 0; i < answers.size(); ++i) {
    answers[i].set(how ? (*how)[i]
                       : committed{is_refused ? commit_outcome::refused : commit_outcome::unknown,
                                   how.error().message});
  }
  start(ctx);
}

}  // namespace troupe::chat
