// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/list_feed.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.hpp"
#include "net/ws/list_hub.hpp"

namespace troupe::ws {
namespace {

constexpr int page_size = 100;  // the most that a call gives
constexpr int doublings = 4;    // of the pause after failures

}  // namespace

list_feed::list_feed(std::unique_ptr<loop> l, stream::streams& streams, const clock& time,
                     metrics& m, const list_feed_options& o)
    : loop_(std::move(l)),
      streams_(streams),
      time_(time),
      options_(o),
      reads_(m.make_counter("troupe_list_reads_total",
                            "Times the list of live streams was read for its subscribers")),
      failures_(m.make_counter("troupe_list_read_failures_total",
                               "Of those, the ones that failed: subscribers keep what they have")),
      changes_(m.make_counter("troupe_list_changes_total",
                              "Changes of a list of live streams, each encoded once")),
      lists_gauge_(m.make_gauge("troupe_list_lists",
                                "Different lists of live streams (game, length) that somebody "
                                "follows here")) {}

void list_feed::nudge() {
  if (is_nudged_.exchange(true)) {
    return;
  }
  loop_->post([self = shared_from_this()] {
    self->is_nudged_ = false;
    if (self->is_reading_) {
      self->is_stale_ = true;
    } else if (!self->lists_.empty()) {
      self->read_in(self->began_at_ + self->options_.shortest_pause - self->time_.now());
    }
  });
}

void list_feed::open(const list_topic& topic, std::size_t hub) {
  loop_->post([self = shared_from_this(), topic, hub] { self->add(topic, hub); });
}

void list_feed::close(const list_topic& topic, std::size_t hub) {
  loop_->post([self = shared_from_this(), topic, hub] { self->drop(topic, hub); });
}

void list_feed::add(const list_topic& topic, std::size_t hub) {
  auto& l = lists_[topic];
  l.hubs.resize(hubs_.size());
  l.hubs[hub] = true;
  lists_gauge_.set(static_cast<double>(lists_.size()));
  if (!l.state && is_fresh()) {
    l.state = std::make_shared<const list_state>(topic, ++version_, streams_of(topic));
  }
  if (l.state) {
    hubs_[hub]->deliver({.now = l.state, .since = 0, .changes = {}});
  }
  if (!l.state) {
    read_in(began_at_ + options_.shortest_pause - time_.now());
  } else if (!timer_) {
    read_in(options_.read_period);  // the last reading was answered when nobody listened any more
  }
}

void list_feed::drop(const list_topic& topic, std::size_t hub) {
  const auto at = lists_.find(topic);
  if (at == lists_.end()) {
    return;
  }
  at->second.hubs[hub] = false;
  if (std::ranges::none_of(at->second.hubs, [](bool wants) { return wants; })) {
    lists_.erase(at);
    lists_gauge_.set(static_cast<double>(lists_.size()));
  }
  if (lists_.empty()) {
    timer_.reset();  // nobody listens: the store is left alone
  }
}

/// Whether the last reading is one of the present round, not of before everybody had gone.
bool list_feed::is_fresh() const {
  return read_at_ != steady_time{} && time_.now() - read_at_ < 2 * options_.read_period;
}

/// Unless it is read sooner anyway.
void list_feed::read_in(duration pause) {
  const auto due = time_.now() + std::max(pause, duration::zero());
  if (is_reading_ || (timer_ && due_ <= due)) {
    return;
  }
  due_ = due;
  timer_ = loop_->after(due - time_.now(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->timer_.reset();
      self->read();
    }
  });
}

void list_feed::read() {
  is_reading_ = true;
  is_stale_ = false;
  began_at_ = time_.now();
  rows_.clear();
  reads_.add();
  read_page(std::nullopt);
}

void list_feed::read_page(std::optional<std::string> cursor) {
  streams_.list({.limit = page_size, .cursor = std::move(cursor), .game_id = std::nullopt},
                [self = shared_from_this()](result<page<stream::info>> found) {
                  self->loop_->post([self, found = std::move(found)]() mutable {
                    self->on_page(std::move(found));
                  });
                });
}

void list_feed::on_page(result<page<stream::info>> found) {
  if (!found) {
    on_failure(found.error());
    return;
  }
  std::ranges::move(found->items, std::back_inserter(rows_));
  if (found->next && rows_.size() < options_.most_streams) {
    read_page(std::move(found->next));
    return;
  }
  on_read();
}

/// Subscribers keep what they were told; the store is asked less and less often.
void list_feed::on_failure(const error& why) {
  is_reading_ = false;
  failures_.add();
  if (failed_in_a_row_ == 0) {
    log::warn("the list of live streams could not be read: {}", why.message);
  }
  const auto pause = options_.read_period * (1 << std::min(failed_in_a_row_, doublings));
  ++failed_in_a_row_;
  if (!lists_.empty()) {
    read_in(std::min(pause, options_.longest_pause));
  }
}

void list_feed::on_read() {
  const auto now = time_.now();
  is_reading_ = false;
  failed_in_a_row_ = 0;
  read_at_ = now;
  auto reading = read_list(streams_now_, rows_, now - counted_at_ >= options_.count_period);
  streams_now_ = std::move(reading.streams);
  rows_.clear();
  by_game_.clear();
  for (const auto& each : streams_now_) {
    if (each->game != 0) {
      by_game_[each->game].push_back(each);
    }
  }
  if (reading.has_new_counts) {
    counted_at_ = now;
  }
  if (lists_.empty()) {
    return;
  }
  for (auto& [topic, l] : lists_) {
    publish(topic, l);
  }
  const auto ready = time_.now();
  auto pause = std::max(options_.read_period, (ready - began_at_) * (options_.idle_share - 1));
  if (is_stale_) {
    pause = std::min(pause, options_.shortest_pause);
  } else if (reading.has_held_counts) {
    pause = std::min(
        pause, std::max(counted_at_ + options_.count_period - ready, options_.shortest_pause));
  }
  read_in(pause);
}

const std::vector<listed_ptr>& list_feed::streams_of(const list_topic& topic) const {
  static const std::vector<listed_ptr> none;
  if (topic.game == 0) {
    return streams_now_;
  }
  const auto found = by_game_.find(topic.game);
  return found == by_game_.end() ? none : found->second;
}

void list_feed::publish(const list_topic& topic, list& l) {
  auto next = std::make_shared<const list_state>(topic, version_ + 1, streams_of(topic));
  if (!l.state) {
    ++version_;
    l.state = std::move(next);
    deliver(l, {.now = l.state, .since = 0, .changes = {}});
  } else if (!next->equals(*l.state)) {
    ++version_;
    changes_.add();
    const list_update update{
        .now = next, .since = l.state->version(), .changes = next->changes_since(*l.state)};
    l.state = std::move(next);
    deliver(l, update);
  }
}

void list_feed::deliver(const list& l, const list_update& update) const {
  for (std::size_t i = 0; i < hubs_.size(); ++i) {
    if (l.hubs[i]) {
      hubs_[i]->deliver(update);
    }
  }
}

}  // namespace troupe::ws
