// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/list_hub.hpp"

#include <utility>

#include "base/check.hpp"
#include "net/ws/list_feed.hpp"

namespace troupe::ws {

list_hub_metrics::list_hub_metrics(metrics& m)
    : writes(m.make_counter("troupe_list_writes_total",
                            "Frames of lists of live streams handed to sockets")),
      resent(m.make_counter("troupe_list_resent_total",
                            "Of those, whole lists for sockets that had fallen behind")),
      sockets(m.make_gauge("troupe_list_sockets", "Sockets that follow a list of live streams")) {}

list_hub::list_hub(std::unique_ptr<loop> l, std::weak_ptr<list_feed> feed, list_hub_metrics& m,
                   std::size_t index, std::size_t slice)
    : loop_(std::move(l)), feed_(std::move(feed)), counters_(m), index_(index), slice_(slice) {}

void list_hub::deliver(list_update update) {
  {
    const std::lock_guard lock(mutex_);
    const bool is_known = !inbox_.empty();
    const auto [at, is_new] = inbox_.try_emplace(update.now->topic(), update);
    if (!is_new) {
      at->second = {.now = std::move(update.now), .since = 0, .changes = {}};
    }
    if (is_known) {
      return;
    }
  }
  loop_->post([self = shared_from_this()] { self->take_inbox(); });
}

void list_hub::take_inbox() {
  std::map<list_topic, list_update> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(inbox_);
  }
  for (auto& [topic, update] : all) {
    const auto at = rooms_.find(topic);
    if (at == rooms_.end()) {
      continue;  // the last socket has just left
    }
    at->second.latest = std::move(update);
    at->second.has_news = true;
    if (!at->second.members.is_passing()) {
      pass(topic);
    }
  }
}

void list_hub::pass(const list_topic& topic) {
  const auto at = rooms_.find(topic);
  if (at == rooms_.end()) {
    return;  // the last socket left before the next pass began
  }
  auto& r = at->second;
  if (!r.members.is_passing()) {
    r.has_news = false;
  }
  const bool has_more =
      r.members.pass(slice_, [this, &r](list_member& m) { bring_up_to_date(r, m); });
  if (has_more || r.has_news) {
    // Who was served before the news is served once more.
    loop_->post([self = shared_from_this(), topic] { self->pass(topic); });
  } else if (r.members.size() == 0) {
    drop(topic);
  }
}

void list_hub::bring_up_to_date(const room& r, list_member& m) {
  const auto& now = r.latest.now;
  if (!now || m.version_ == now->version() || !m.is_ready()) {
    return;
  }
  const bool follows = m.version_ == r.latest.since && !r.latest.changes.empty();
  if (m.version_ != 0 && !follows) {
    counters_.resent.add();
  }
  m.version_ = now->version();
  counters_.writes.add();
  m.write(follows ? r.latest.changes : now->snapshot());
}

void list_hub::enter(const list_topic& topic, list_member& m) {
  const auto [at, is_new] = rooms_.try_emplace(topic);
  at->second.members.add(m);
  counters_.sockets.add(1);
  if (is_new) {
    if (const auto feed = feed_.lock()) {
      feed->open(topic, index_);
    }
  }
  bring_up_to_date(at->second, m);
}

void list_hub::leave(const list_topic& topic, list_member& m) {
  const auto at = rooms_.find(topic);
  TROUPE_CHECK(at != rooms_.end(), "who leaves has entered");
  at->second.members.remove(m);
  counters_.sockets.add(-1);
  if (at->second.members.size() == 0 && !at->second.members.is_passing()) {
    drop(topic);
  }
}

void list_hub::drop(const list_topic& topic) {
  if (const auto feed = feed_.lock()) {
    feed->close(topic, index_);
  }
  rooms_.erase(topic);
}

void list_hub::serve(const list_topic& topic, list_member& m) {
  bring_up_to_date(rooms_.at(topic), m);
}

}  // namespace troupe::ws
