// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/testing/memory_network.hpp"

#include <algorithm>
#include <ranges>

#include "base/check.hpp"

namespace troupe::runtime::testing {

class memory_network::node_link final : public link {
 public:
  node_link(memory_network& net, std::string node) : net_(&net), node_(std::move(node)) {}

  ~node_link() override { stop(); }

  void start(handlers h) override {
    TROUPE_CHECK(!is_started_, "a link is started once");
    handlers_ = std::move(h);
    is_started_ = true;
    if (net_ != nullptr) {
      net_->dial_all(node_);
    }
  }

  void set_peers(std::vector<peer> peers) override {
    TROUPE_CHECK(is_started_, "a link is started first");
    if (net_ == nullptr) {
      return;
    }
    const auto is_wanted = [&](std::string_view name) {
      return name != node_ && std::ranges::find(peers, name, &peer::node) != peers.end();
    };
    for (auto& [key, w] : net_->ways_) {
      if (key.first == node_ && w.is_peer && !is_wanted(key.second)) {
        w.is_peer = false;
        w.news.clear();
        net_->forget_waiting(w);
      }
    }
    for (const auto& p : peers) {
      auto& w = net_->between(node_, p.node);
      if (p.node != node_ && !w.is_peer) {
        w.is_peer = true;
        w.told = peer_state::connecting;
        net_->dial({node_, p.node});
      }
    }
  }

  bool send(std::string_view to, link_stream on, envelope what) override {
    if (net_ == nullptr || what.body.size() > largest_envelope) {
      return false;
    }
    auto& w = net_->between(node_, to);
    const auto stream = static_cast<std::size_t>(on);
    if (!w.is_peer || w.told != peer_state::up || w.is_full.at(stream)) {
      return false;
    }
    // With news of the peer underway the connection this would go by is gone already.
    if (!w.is_cut && w.news.empty()) {
      w.waiting.at(stream).emplace_back(net_->next_age_++, std::move(what));
    }
    return true;
  }

  void stop() override {
    if (net_ != nullptr) {
      std::exchange(net_, nullptr)->gone(*this);
    }
  }

  /// The process died, or the network did: nothing is heard or sent any more.
  void detach() { net_ = nullptr; }

  const std::string& node() const { return node_; }

  bool listens() const { return is_started_ && net_ != nullptr; }

  const handlers& to() const { return handlers_; }

 private:
  memory_network* net_;
  const std::string node_;
  handlers handlers_;
  bool is_started_ = false;
};

memory_network::memory_network() = default;

memory_network::~memory_network() {
  for (auto* l : links_ | std::views::values) {
    l->detach();
  }
}

std::unique_ptr<link> memory_network::make_link(std::string node) {
  TROUPE_CHECK(!links_.contains(node), "one link per node at a time");
  auto made = std::make_unique<node_link>(*this, node);
  links_.emplace(std::move(node), made.get());
  return made;
}

memory_network::way& memory_network::between(std::string_view from, std::string_view to) {
  return ways_[{std::string(from), std::string(to)}];
}

const memory_network::way* memory_network::find(std::string_view from, std::string_view to) const {
  const auto found = ways_.find({std::string(from), std::string(to)});
  return found == ways_.end() ? nullptr : &found->second;
}

memory_network::node_link* memory_network::running(std::string_view node) const {
  const auto found = links_.find(node);
  return found == links_.end() || !found->second->listens() ? nullptr : found->second;
}

void memory_network::tell(way& w, peer_state s) {
  if ((w.news.empty() ? w.told : w.news.back().second) != s) {
    w.news.emplace_back(next_age_++, s);
  }
}

void memory_network::dial(const way_key& key) {
  auto& w = ways_.at(key);
  if (!w.is_peer || running(key.first) == nullptr || w.is_cut) {
    return;
  }
  const auto other = ways_.find({key.second, key.first});
  if (other != ways_.end() && other->second.is_cut) {
    return;  // a connection needs both ways
  }
  tell(w, running(key.second) == nullptr ? peer_state::refused : peer_state::up);
}

void memory_network::dial_all(std::string_view to) {
  for (const auto& key : ways_ | std::views::keys) {
    if (key.second == to) {
      dial(key);
    }
  }
}

void memory_network::gone(const node_link& l) {
  const auto found = links_.find(l.node());
  if (found == links_.end() || found->second != &l) {
    return;
  }
  links_.erase(found);
  for (auto& [key, w] : ways_) {
    if (key.first == l.node()) {
      w.is_peer = false;
      w.news.clear();
    } else if (key.second == l.node()) {
      forget_waiting(w);
      dial(key);
    }
  }
}

bool memory_network::can_travel(const way_key& key, const way& w) const {
  return !w.is_held && running(key.second) != nullptr;
}

void memory_network::forget_waiting(way& w) {
  for (auto& queue : w.waiting) {
    queue.clear();
  }
}

std::vector<memory_network::choice> memory_network::choices() const {
  std::vector<std::pair<std::uint64_t, choice>> found;
  for (const auto& [key, w] : ways_) {
    if (!w.news.empty()) {
      found.emplace_back(w.news.front().first, choice{key.first, key.second, std::nullopt});
    }
    for (std::size_t s = 0; can_travel(key, w) && s < w.waiting.size(); ++s) {
      if (!w.waiting.at(s).empty()) {
        found.emplace_back(w.waiting.at(s).front().first,
                           choice{key.first, key.second, static_cast<link_stream>(s)});
      }
    }
  }
  std::ranges::sort(found, {}, [](const auto& x) { return x.first; });
  std::vector<choice> out;
  out.reserve(found.size());
  for (auto& c : found | std::views::values) {
    out.push_back(std::move(c));
  }
  return out;
}

bool memory_network::hand_over(const choice& c) {
  auto& w = ways_.at({c.from, c.to});
  ++delivered_;
  if (!c.on) {
    const auto now = w.news.front().second;
    w.told = now;
    w.news.pop_front();
    dial({c.from, c.to});
    if (const auto* l = running(c.from); l != nullptr && l->to().changed) {
      l->to().changed(c.to, now);
    }
    return true;
  }
  auto& queue = w.waiting.at(static_cast<std::size_t>(*c.on));
  auto what = std::move(queue.front().second);
  queue.pop_front();
  if (const auto* l = running(c.to); l->to().received) {
    l->to().received(c.from, *c.on, std::move(what));
  }
  return true;
}

bool memory_network::deliver(const choice& c) {
  const auto possible = choices();
  return std::ranges::find(possible, c) != possible.end() && hand_over(c);
}

bool memory_network::deliver_next() {
  const auto possible = choices();
  return !possible.empty() && hand_over(possible.front());
}

bool memory_network::run(std::size_t most) {
  for (std::size_t i = 0; i < most; ++i) {
    if (!deliver_next()) {
      return true;
    }
  }
  return choices().empty();
}

std::size_t memory_network::on_the_way() const {
  std::size_t count = 0;
  for (const auto& w : ways_ | std::views::values) {
    for (const auto& queue : w.waiting) {
      count += queue.size();
    }
  }
  return count;
}

const envelope* memory_network::peek(std::string_view from, std::string_view to,
                                     link_stream on) const {
  const auto* w = find(from, to);
  if (w == nullptr || w->waiting.at(static_cast<std::size_t>(on)).empty()) {
    return nullptr;
  }
  return &w->waiting.at(static_cast<std::size_t>(on)).front().second;
}

bool memory_network::drop(std::string_view from, std::string_view to, link_stream on) {
  auto& queue = between(from, to).waiting.at(static_cast<std::size_t>(on));
  if (queue.empty()) {
    return false;
  }
  queue.pop_front();
  return true;
}

void memory_network::hold(std::string_view from, std::string_view to) {
  between(from, to).is_held = true;
}

void memory_network::release(std::string_view from, std::string_view to) {
  between(from, to).is_held = false;
}

void memory_network::cut(std::string_view from, std::string_view to) {
  auto& w = between(from, to);
  w.is_cut = true;
  forget_waiting(w);
}

void memory_network::mend(std::string_view from, std::string_view to) {
  between(from, to).is_cut = false;
  between(to, from);
  dial({std::string(from), std::string(to)});
  dial({std::string(to), std::string(from)});
}

void memory_network::split(const std::vector<std::string>& one,
                           const std::vector<std::string>& other) {
  for (const auto& x : one) {
    for (const auto& y : other) {
      cut(x, y);
      cut(y, x);
    }
  }
}

void memory_network::mend_all() {
  for (auto& w : ways_ | std::views::values) {
    w.is_cut = false;
    w.is_held = false;
  }
  for (const auto& key : ways_ | std::views::keys) {
    dial(key);
  }
}

void memory_network::lose_contact(std::string_view from, std::string_view to) {
  auto& w = between(from, to);
  forget_waiting(w);
  if (!w.is_peer) {
    return;
  }
  tell(w, peer_state::down);
}

void memory_network::fill(std::string_view from, std::string_view to, link_stream on, bool full) {
  between(from, to).is_full.at(static_cast<std::size_t>(on)) = full;
}

void memory_network::crash(std::string_view node) {
  const auto found = links_.find(node);
  if (found == links_.end()) {
    return;
  }
  auto* dead = found->second;
  gone(*dead);
  dead->detach();
}

std::optional<peer_state> memory_network::state(std::string_view node,
                                                std::string_view peer) const {
  const auto* w = find(node, peer);
  return w == nullptr || !w->is_peer ? std::nullopt : std::optional(w->told);
}

}  // namespace troupe::runtime::testing
