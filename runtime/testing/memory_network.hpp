// SPDX-License-Identifier: GPL-3.0-or-later
// Several nodes' links in one process, driven by hand: nothing arrives, and nobody learns of a
// peer's state, until the test delivers it. What can happen next is a list in a fixed order, so a
// test that picks from it with a seeded generator repeats exactly.
//   memory_network net;
//   auto a = net.make_link("a"), b = net.make_link("b");
//   a->start(…); b->start(…); a->set_peers({{"b", "b:4040"}}); b->set_peers({{"a", "a:4040"}});
//   net.run();                        // both are up
//   a->send("b", link_stream::control, ping);  net.deliver_next();
//   net.hold("a", "b");               // delayed: waits until release()
//   net.cut("a", "b");                // one way: lost, and nobody is told; mend() ends it
//   net.lose_contact("a", "b");       // a's keepalive gives up: b is down, what was on its way
//   gone net.crash("b");                   // its peers are refused; a new make_link("b") is its
//   restart
// As with real links there are two ways per pair, each dialled by its sender; per way and stream
// what arrives, arrives in order, once. Thread: one; handlers run inside deliver_next().
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/link/link.hpp"

namespace troupe::runtime::testing {

class memory_network {
 public:
  /// Something that can happen now: the oldest of its way and stream, or, without a stream, the
  /// news of a peer's state that `from` waits for.
  struct choice {
    std::string from;
    std::string to;
    std::optional<link_stream> on;

    friend bool operator==(const choice&, const choice&) = default;
  };

  memory_network();
  ~memory_network();  ///< links must not be used after it, only destroyed
  memory_network(const memory_network&) = delete;
  memory_network& operator=(const memory_network&) = delete;

  /// Of a node that has none, or whose last one was stopped, destroyed or has crashed. Addresses
  /// do not matter here, names do.
  std::unique_ptr<link> make_link(std::string node);

  /// What can happen, oldest first.
  std::vector<choice> choices() const;
  /// The oldest that can happen. False when nothing can.
  bool deliver_next();
  /// False when it cannot happen now.
  bool deliver(const choice& c);
  /// Until nothing can happen. False when there was still something after that many deliveries.
  bool run(std::size_t most = 100'000);
  /// Envelopes on their way, held ones too.
  std::size_t on_the_way() const;
  /// The oldest envelope of a way is looked at in place; nullptr when there is none.
  const envelope* peek(std::string_view from, std::string_view to, link_stream on) const;

  /// Loses the oldest envelope of a way. False when there is none.
  bool drop(std::string_view from, std::string_view to, link_stream on);
  void hold(std::string_view from, std::string_view to);
  void release(std::string_view from, std::string_view to);
  /// What is on its way, and what is sent until mend(), is lost; nobody is told.
  void cut(std::string_view from, std::string_view to);
  /// Contact that was lost meanwhile comes back by itself.
  void mend(std::string_view from, std::string_view to);
  /// Both ways between each of the one side and each of the other.
  void split(const std::vector<std::string>& one, const std::vector<std::string>& other);
  void mend_all();  ///< every cut and every hold
  /// The way from `from` breaks as when a keepalive is not answered: `to` is down for it, and up
  /// again as soon as the way is not cut.
  void lose_contact(std::string_view from, std::string_view to);
  /// send() of that way answers false, as when too much waits.
  void fill(std::string_view from, std::string_view to, link_stream on, bool full);
  /// The process is dead: its link does nothing more, what was on its way to it is lost (what it
  /// had sent may still arrive), and its peers will find it refused.
  void crash(std::string_view node);

  /// What `node` last heard of its peer; nothing when it is no peer of it.
  std::optional<peer_state> state(std::string_view node, std::string_view peer) const;

  std::uint64_t delivered() const { return delivered_; }

 private:
  class node_link;

  struct way {
    std::array<std::deque<std::pair<std::uint64_t, envelope>>, 3> waiting;  // with their age
    std::array<bool, 3> is_full{};
    bool is_peer = false;  // the sender dials
    bool is_held = false;
    bool is_cut = false;
    peer_state told = peer_state::connecting;               // what the sender's handler last heard
    std::deque<std::pair<std::uint64_t, peer_state>> news;  // what it hears next, with its age
  };

  using way_key = std::pair<std::string, std::string>;

  way& between(std::string_view from, std::string_view to);
  const way* find(std::string_view from, std::string_view to) const;
  node_link* running(std::string_view node) const;
  void tell(way& w, peer_state s);
  /// Brings the state that `from` is to hear in line with what is the case.
  void dial(const way_key& key);
  void dial_all(std::string_view to);
  void gone(const node_link& l);
  bool can_travel(const way_key& key, const way& w) const;
  void forget_waiting(way& w);
  bool hand_over(const choice& c);

  std::map<way_key, way> ways_;
  std::map<std::string, node_link*, std::less<>> links_;
  std::uint64_t next_age_ = 1;
  std::uint64_t delivered_ = 0;
};

}  // namespace troupe::runtime::testing
