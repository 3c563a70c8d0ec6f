// SPDX-License-Identifier: GPL-3.0-or-later
// This node as a member of the cluster: carries out what the membership core decides, on the store,
// the link's control stream and a strand, and tells everybody what follows from it.
// Thread: subscribe() and start() once, in this order, before anything else; the rest from any
// thread, and nothing blocks. Subscribers are called on the strand's thread, one after another, and
// must not block; none is called after stop() returned, except one that is just running.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "runtime/cluster/membership.hpp"
#include "runtime/cluster/membership_store.hpp"
#include "runtime/cluster/view.hpp"
#include "runtime/link/link.hpp"

namespace troupe::runtime {

namespace detail {
class executor;
}

class cluster_member final : public view_source {
 public:
  /// Each may be empty. died comes before the next joined; may_serve() is false from before it.
  struct subscriber {
    std::function<void(std::shared_ptr<const runtime::view>)> view_changed = {};
    std::function<void(bool may_serve, std::string_view why)> right_changed = {};
    std::function<void(std::uint64_t incarnation)> joined = {};
    /// Drop every entity of the incarnation, without their last commits.
    std::function<void(std::string_view why)> died = {};
    std::function<void()> left = {};
  };

  /// All references outlive it. network: nothing where the node is alone.
  cluster_member(membership_config c, const clock& time, metrics& m, detail::executor& threads,
                 membership_store& store, link* network);
  ~cluster_member() override;
  cluster_member(const cluster_member&) = delete;
  cluster_member& operator=(const cluster_member&) = delete;

  void subscribe(subscriber s);
  void start();
  /// Ends without leaving: to the others the node is silent.
  void stop();

  /// What the link receives and finds is handed on here. False: it is not membership's.
  bool received(std::string_view from, link_stream on, const envelope& what);
  void link_changed(std::string_view node, peer_state now);

  /// Owns on until leave(), but gets nothing new.
  void drain();
  /// When everything it owned has moved or ended; subscriber::left tells when the store has it.
  void leave();

  std::shared_ptr<const runtime::view> view() const override;
  bool may_serve(steady_time now) const override;
  bool may_take_from(std::string_view node, std::uint64_t incarnation,
                     steady_time now) const override;
  /// 0: it is not in the cluster.
  std::uint64_t incarnation() const;
  membership::status report() const;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace troupe::runtime
