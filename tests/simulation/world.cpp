// SPDX-License-Identifier: GPL-3.0-or-later
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace troupe::simulation {

namespace {

constexpr std::size_t most_lines = 4000;

}  // namespace

void world::after(duration delay, std::function<void()> f) {
  events_.push({now_ + std::max(delay, duration::zero()), order_++, std::move(f)});
}

void world::run_for(duration length) {
  const auto end = now_ + length;
  while (!events_.empty() && events_.top().when <= end) {
    now_ = events_.top().when;
    const auto f = events_.top().f;
    events_.pop();
    f();
  }
  now_ = end;
}

/// splitmix64 (Steele, Lea, Flood 2014): the same on every platform, which std's distributions are
/// not.
std::uint64_t world::number_below(std::uint64_t limit) {
  state_ += 0x9e3779b97f4a7c15;
  auto x = state_;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  x ^= x >> 31;
  return limit == 0 ? 0 : x % limit;
}

bool world::chance(double probability) {
  return static_cast<double>(number_below(1'000'000)) < probability * 1'000'000;
}

duration world::between(duration least, duration most) {
  const auto room = static_cast<std::uint64_t>((most - least).count());
  return least + duration(static_cast<std::int64_t>(number_below(room + 1)));
}

std::string world::at() const {
  const auto since = now_ - steady_time(std::chrono::hours(1));
  return fmt::format("{:9.4f} ", std::chrono::duration<double>(since).count());
}

void world::add_line(std::string text) {
  lines_.push_back(at() + std::move(text));
  if (lines_.size() > most_lines) {
    lines_.pop_front();
  }
}

std::string world::trace_text() const {
  std::string text;
  for (const auto& line : lines_) {
    text += line + "\n";
  }
  return text;
}

}  // namespace troupe::simulation
