// SPDX-License-Identifier: GPL-3.0-or-later
// The node's group commit for chat, entity chat_log/NODE: what many rooms want stored goes into one
// transaction. While one is on its way the next one gathers, so the delay it adds is that of one
// transaction at most and there is no timer. Started by: the first room that commits. Owns: what
// waits, bounded. Talks to: the store, on the node's pool. Thread: CAF worker pool, never blocks.
// Survives: nothing; a room that gets no answer starts anew from what is stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/chat/chat_log_inspect.hpp"
#include "base/metrics.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/entities.hpp"
#include "storage/chat_store.hpp"

namespace troupe::chat {

enum class commit_outcome : std::uint8_t {
  stored,
  fenced,   ///< a newer activation owns the room
  refused,  ///< no room to wait here: it was not tried
  unknown,  ///< the store is away, or was while it was asked: last_seq() tells
  broken,   ///< the store cannot take this write: not stored, and trying again is of no use
};

struct committed {
  commit_outcome outcome = commit_outcome::stored;
  std::string why;
};

template <class Inspector>
auto inspect(Inspector& f, committed& x) {
  return f(x.outcome, x.why);
}

/// One write of one room; a room sends its next one after the answer.
struct commit {
  static constexpr std::string_view type = "chat_log.commit";
  static constexpr std::uint32_t version = 1;
  using answer = committed;

  std::shared_ptr<const storage::room_write> write;
};

template <class Inspector>
auto inspect(Inspector& f, commit& x) {
  return f(x.write);
}

struct chat_log_settings {
  /// Writes in one transaction. 256 rooms of a few rows each take SQLite some milliseconds: longer
  /// transactions add delay for everybody and save nothing more.
  std::size_t most_at_once = 256;
  /// Events in one transaction, unless a single write has more.
  std::size_t most_events_at_once = 2000;
  /// Writes that may wait; a room has one, so it is also how many rooms may write at once.
  std::size_t most_waiting = 20'000;
};

struct chat_log_metrics {
  explicit chat_log_metrics(metrics& m);

  metrics::histogram& rooms;
  metrics::histogram& events;
  metrics::histogram& seconds;
  metrics::counter& failures;
  metrics::counter& refused;
};

/// What it borrows must outlive it.
struct chat_log_dependencies {
  storage::chat_store& store;
  chat_log_metrics& counters;
  chat_log_settings settings;
};

class chat_log {
 public:
  static constexpr std::string_view kind = "chat_log";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<commit>;

  struct state {};

  explicit chat_log(const chat_log_dependencies& d) : d_(d) {}

  /// Every room of the node is a sender, with one command at a time.
  static runtime::kind_options options();

  runtime::later<committed> on(runtime::context& ctx, const commit& m);

  state data;

 private:
  struct waiting {
    std::shared_ptr<const storage::room_write> write;
    runtime::promise<committed> answer;
  };

  using promises = std::vector<runtime::promise<committed>>;

  void start(runtime::context& ctx);
  void done(runtime::context& ctx, promises answers, result<std::vector<committed>> how,
            steady_time began);

  const chat_log_dependencies& d_;
  std::deque<waiting> queue_;
  bool is_writing_ = false;
};

template <class Inspector>
auto inspect(Inspector& f, chat_log::state&) {
  return f();
}

}  // namespace troupe::chat
