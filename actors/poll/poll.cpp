// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/poll/poll.hpp"

#include <algorithm>
#include <chrono>

namespace troupe::poll {

namespace {

// They keep the state far below 64 KiB.
constexpr std::size_t most_choices = 10;
constexpr std::size_t longest_text = 200;
constexpr std::size_t most_voters = 5000;
constexpr auto longest_poll = std::chrono::hours(24);

result<void> check(const open_poll& m) {
  if (m.question.empty() || m.question.size() > longest_text) {
    return fail(errc::invalid_argument, "invalid_question", "a question has 1 to 200 bytes");
  }
  if (m.choices.size() < 2 || m.choices.size() > most_choices) {
    return fail(errc::invalid_argument, "invalid_choices", "a poll has 2 to 10 choices");
  }
  const auto is_bad = [](const auto& c) { return c.empty() || c.size() > longest_text; };
  if (std::ranges::any_of(m.choices, is_bad)) {
    return fail(errc::invalid_argument, "invalid_choices", "a choice has 1 to 200 bytes");
  }
  if (m.open_for <= std::chrono::seconds(0) || m.open_for > longest_poll) {
    return fail(errc::invalid_argument, "invalid_time", "a poll is open for 1 s to 24 h");
  }
  return {};
}

}  // namespace

void poll::activate(runtime::context& ctx) {
  close_in_time(ctx);
}

result<runtime::accepted> poll::on(runtime::context& ctx, const open_poll& m) {
  if (!data.question.empty()) {
    return fail(errc::conflict, "already_opened", "this poll has been opened");
  }
  if (auto ok = check(m); !ok) {
    return fail(ok.error());
  }
  data.question = m.question;
  data.is_open = true;
  data.closes_at = ctx.wall() + m.open_for;
  for (const auto& choice : m.choices) {
    data.votes[choice] = 0;
  }
  close_in_time(ctx);
  return runtime::accepted{};
}

result<runtime::accepted> poll::on(runtime::context&, const cast_vote& m) {
  if (!data.is_open) {
    return fail(errc::conflict, "poll_closed", "this poll is not open");
  }
  const auto choice = data.votes.find(m.choice);
  if (choice == data.votes.end()) {
    return fail(errc::not_found, "no_such_choice", "the poll has no such choice");
  }
  if (data.voted.size() >= most_voters) {
    return fail(errc::unavailable, "poll_full", "this poll takes no more votes");
  }
  if (!data.voted.insert(m.voter).second) {
    return fail(errc::conflict, "already_voted", "one vote a user");
  }
  ++choice->second;
  return runtime::accepted{};
}

result<poll_result> poll::on(runtime::context&, const read_poll&) const {
  if (data.question.empty()) {
    return fail(errc::not_found, "no such poll");
  }
  return poll_result{data.question, data.is_open, data.votes};
}

void poll::on(runtime::context& ctx, const close_poll&) {
  if (ctx.wall() >= data.closes_at) {
    data.is_open = false;
  }
}

void poll::close_in_time(runtime::context& ctx) {
  if (data.is_open) {
    ctx.after(std::max<duration>(data.closes_at - ctx.wall(), duration::zero()), close_poll{});
  }
}

}  // namespace troupe::poll
