// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/presence/recorder.hpp"

#include <algorithm>

namespace troupe::presence {

namespace {

constexpr auto refresh = std::chrono::seconds(5);
constexpr std::size_t largest_take = 1000;

}  // namespace

void recorder::add_up(entry& e, steady_time now) {
  e.watched += (now - e.since) * e.viewers;
  e.since = now;
}

void recorder::on_audience(stream_id stream, std::int64_t viewers) {
  const auto now = time_.now();
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = streams_.try_emplace(stream);
  auto& e = found->second;
  if (is_new || e.is_over) {
    e.since = now;
    e.is_over = false;
  }
  add_up(e, now);
  e.is_changed = e.is_changed || e.viewers != viewers;
  e.viewers = viewers;
  e.peak = std::max(e.peak, viewers);
}

void recorder::on_audience_end(stream_id stream) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.is_over) {
    return;
  }
  auto& e = found->second;
  add_up(e, time_.now());
  e.viewers = 0;
  e.is_changed = true;
  e.is_over = true;
}

std::vector<storage::audience_sample> recorder::take() {
  using std::chrono::floor;
  using std::chrono::milliseconds;
  const auto now = time_.now();
  const auto at = time_.wall();
  std::vector<storage::audience_sample> out;
  const std::lock_guard lock(mutex_);
  for (auto each = streams_.begin(); each != streams_.end() && out.size() < largest_take;) {
    auto& [stream, e] = *each;
    if (!e.is_changed && now - e.given_at < refresh) {
      ++each;
      continue;
    }
    if (!e.is_over) {
      add_up(e, now);
    }
    out.push_back({.stream = stream,
                   .viewers = e.viewers,
                   .peak = e.peak,
                   .watched = floor<milliseconds>(e.watched),
                   .at = at});
    e.watched -= out.back().watched;
    e.peak = e.viewers;
    e.given_at = now;
    e.is_changed = false;
    each = e.is_over ? streams_.erase(each) : std::next(each);
  }
  return out;
}

void recorder::put_back(const std::vector<storage::audience_sample>& samples) {
  const auto now = time_.now();
  const std::lock_guard lock(mutex_);
  for (const auto& s : samples) {
    const auto [found, is_new] = streams_.try_emplace(s.stream);
    auto& e = found->second;
    if (is_new) {  // it has ended meanwhile
      e.since = now;
      e.is_over = true;
    }
    e.watched += s.watched;
    e.peak = std::max(e.peak, s.peak);
    e.is_changed = true;
  }
}

}  // namespace troupe::presence
