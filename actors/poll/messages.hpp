// SPDX-License-Identifier: GPL-3.0-or-later
// What a poll understands. Thread: plain data.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "runtime/message.hpp"

namespace troupe::poll {

struct open_poll {
  static constexpr std::string_view type = "poll.open_poll";
  static constexpr std::uint32_t version = 1;
  using answer = runtime::accepted;

  std::string question;
  std::vector<std::string> choices;
  std::chrono::seconds open_for{};
};

struct cast_vote {
  static constexpr std::string_view type = "poll.cast_vote";
  static constexpr std::uint32_t version = 1;
  using answer = runtime::accepted;

  user_id voter = 0;
  std::string choice;
};

struct poll_result {
  std::string question;
  bool is_open = false;
  std::map<std::string, std::int64_t> votes;  ///< every choice, also those without a vote
};

struct read_poll {
  static constexpr std::string_view type = "poll.read_poll";
  static constexpr std::uint32_t version = 1;
  using answer = poll_result;
};

/// What the poll sends itself when its time is over.
struct close_poll {
  static constexpr std::string_view type = "poll.close_poll";
  static constexpr std::uint32_t version = 1;
  using answer = void;
};

template <class Inspector>
auto inspect(Inspector& f, open_poll& x) {
  return f(x.question, x.choices, x.open_for);
}

template <class Inspector>
auto inspect(Inspector& f, cast_vote& x) {
  return f(x.voter, x.choice);
}

template <class Inspector>
auto inspect(Inspector& f, poll_result& x) {
  return f(x.question, x.is_open, x.votes);
}

template <class Inspector>
auto inspect(Inspector& f, read_poll&) {
  return f();
}

template <class Inspector>
auto inspect(Inspector& f, close_poll&) {
  return f();
}

}  // namespace troupe::poll
