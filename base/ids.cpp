// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/ids.hpp"

#include <algorithm>
#include <charconv>

#include "base/check.hpp"

namespace troupe {
namespace {

constexpr wall_time epoch = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
constexpr int counter_bits = 6;
constexpr int node_bits = 7;

}  // namespace

id_generator::id_generator(const clock& clock, unsigned node_number)
    : clock_(clock), node_number_(node_number) {
  TROUPE_CHECK(node_number < (1U << node_bits), "the store leases node numbers 0 to 127");
}

id id_generator::next() {
  const auto ms = std::max<std::int64_t>(0, to_unix_ms(clock_.wall()) - to_unix_ms(epoch));
  const std::lock_guard lock(mutex_);
  last_tick_ = std::max(last_tick_ + 1, ms << counter_bits);
  const auto counter = last_tick_ & ((1 << counter_bits) - 1);
  return ((last_tick_ >> counter_bits) << (counter_bits + node_bits)) |
         (id{node_number_} << counter_bits) | counter;
}

wall_time time_of(id value) {
  return epoch + std::chrono::milliseconds(value >> (counter_bits + node_bits));
}

std::optional<id> parse_id(std::string_view text) {
  id value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  const bool digits_only = !text.empty() && text.front() != '-';
  if (!digits_only || problem != std::errc{} || stop != end || value < 1 || value > largest_id) {
    return std::nullopt;
  }
  return value;
}

}  // namespace troupe
