// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/safekeeping.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.hpp"
#include "runtime/placement_core.hpp"

namespace troupe::stream {
namespace {

// A node that does not answer costs parts a second each time.
constexpr auto pause_after_loss = std::chrono::seconds(5);
constexpr auto longest_leaving = std::chrono::seconds(15);

}  // namespace

safekeeping::safekeeping(stream_id stream, std::uint64_t epoch, const replication& r,
                         std::function<void(runtime::context&)> on_loss)
    : stream_(stream), epoch_(epoch), r_(r), on_loss_(std::move(on_loss)) {}

safekeeping::~safekeeping() {
  if (is_counted_) {
    r_.counters.unprotected.add(-1);
  }
}

void safekeeping::count() {
  const bool is_unprotected = is_running_ && !is_protected();
  if (is_counted_ != is_unprotected) {
    is_counted_ = is_unprotected;
    r_.counters.unprotected.add(is_counted_ ? 1 : -1);
  }
}

void safekeeping::publisher_is_at(std::uint64_t run) {
  publisher_run_ = run;
  if (!must_hold()) {
    release();
  }
}

/// The next owner's copy begins with what the cache has, so nothing may be missing there.
bool safekeeping::must_hold() const {
  return publisher_run_ == r_.incarnation && is_protected() &&
         (!next_owner_ || next_owner_->has_caught_up());
}

void safekeeping::publish(runtime::context& ctx, std::vector<media::output> outputs) {
  std::optional<media::checkpoint> reached;
  for (const auto& o : outputs) {
    if (const auto* finished = std::get_if<media::segment_finished>(&o)) {
      reached = finished->state;
    }
  }
  newest_ = reached ? reached : newest_;
  if (next_owner_) {
    next_owner_->append(ctx, outputs);
  }
  const auto number = standby_ ? standby_->append(ctx, outputs) : 0;
  if (!standby_) {  // or it was just lost
    safe_ = newest_;
    publish_now(outputs);
    return;
  }
  if (must_hold()) {
    open_.push_back({number, std::move(outputs), std::move(reached)});
    return;
  }
  release();
  publish_now(outputs);
  open_.push_back({number, {}, std::move(reached)});
}

void safekeeping::publish_now(const std::vector<media::output>& outputs) {
  if (!outputs.empty()) {
    r_.live.publish(stream_, media::source_rendition, outputs);
  }
}

void safekeeping::release() {
  for (auto& b : open_) {
    publish_now(std::exchange(b.held, {}));
  }
}

void safekeeping::arrived(std::uint64_t number) {
  while (!open_.empty() && open_.front().number <= number) {
    auto b = std::move(open_.front());
    open_.pop_front();
    publish_now(b.held);
    if (b.reached) {
      safe_ = std::move(b.reached);
    }
  }
}

void safekeeping::lose(runtime::context& ctx, const error& why) {
  log::warn("a stream goes on without its standby stream={} node={}: {}", stream_, standby_->node(),
            why.message);
  r_.counters.lost.add();
  given_up_ = standby_->node();
  try_again_ = ctx.now() + pause_after_loss;
  drop_standby();
  count();
  on_loss_(ctx);
}

void safekeeping::drop_standby() {
  standby_->end();
  standby_.reset();
  release();
  open_.clear();
  safe_ = newest_;
}

bool safekeeping::is_there(const runtime::view& view, const std::string& node) const {
  return std::ranges::any_of(view.members, [&](const runtime::member& m) {
    return m.node == node && m.state == runtime::member_state::active;
  });
}

std::optional<std::string> safekeeping::choose(const runtime::view& view) const {
  auto others = view;
  std::erase_if(others.members, [&](const runtime::member& m) { return m.node == r_.node; });
  const auto at = std::ranges::find(others.members, publisher_run_, &runtime::member::incarnation);
  if (at != others.members.end() && at->state == runtime::member_state::active &&
      at->node != given_up_) {
    return at->node;
  }
  const auto name = runtime::entity_name_of("stream", stream_);
  const auto all = others;
  std::erase_if(others.members, [&](const runtime::member& m) { return m.node == given_up_; });
  const auto another = runtime::propose_owner(others, name);
  return another ? another : runtime::propose_owner(all, name);
}

void safekeeping::look_after(runtime::context& ctx,
                             const std::optional<media::checkpoint>& reached) {
  newest_ = reached;
  is_running_ = true;
  count();
  if (next_owner_ && !prepared_ && ctx.now() >= prepared_at_ + longest_leaving) {
    next_owner_->end();  // it stayed
    next_owner_.reset();
  }
  const auto view = r_.members.view();
  if (standby_ && !is_there(*view, standby_->node())) {
    lose(ctx, make_error(errc::unavailable, "gone", "the node is no active member any more"));
    try_again_ = ctx.now();
  }
  if (standby_) {
    return;
  }
  safe_ = newest_;
  if (ctx.now() >= try_again_) {
    if (const auto node = choose(*view)) {
      engage(ctx, *node);
    }
  }
}

void safekeeping::engage(runtime::context& ctx, const std::string& node) {
  const auto made = std::make_shared<replica_copier>(
      node, stream_, epoch_, r_.live,
      replica_copier::events{
          .arrived = [this](runtime::context&, std::uint64_t number) { arrived(number); },
          .caught_up =
              [this](runtime::context&) {
                log::info("a stream has a standby stream={} node={}", stream_, standby_->node());
                given_up_.clear();
                count();
              },
          .lost = [this](runtime::context& then, const error& why) { lose(then, why); }});
  standby_ = made;
  made->start(ctx);
}

runtime::later<void> safekeeping::prepare_move(runtime::context& ctx, const std::string& node) {
  runtime::promise<void> done;
  auto answer = done.answer();
  if (standby_ && standby_->node() == node && standby_->has_caught_up()) {
    done.set({});
    return answer;
  }
  if (standby_ && standby_->node() == node) {
    drop_standby();  // one sender at a time
  }
  prepared_ = std::move(done);
  if (next_owner_) {
    next_owner_->end();
  }
  release();
  const auto end = [this](runtime::context& then, result<void> how) {
    if (prepared_) {
      prepared_at_ = then.now();
      std::exchange(prepared_, std::nullopt)->set(std::move(how));
    }
    if (standby_ && !standby_->has_caught_up()) {
      drop_standby();  // the next owner finds one for itself
    }
  };
  next_owner_ = std::make_shared<replica_copier>(
      node, stream_, epoch_, r_.live,
      replica_copier::events{.arrived = [](runtime::context&, std::uint64_t) {},
                             .caught_up = [end](runtime::context& then) { end(then, {}); },
                             .lost =
                                 [this, end](runtime::context& then, const error& why) {
                                   next_owner_.reset();
                                   end(then, fail(why));
                                 }});
  next_owner_->start(ctx);
  return answer;
}

void safekeeping::end(runtime::context& ctx) {
  release();
  if (standby_) {
    ctx.send(replica_on(standby_->node(), stream_), drop_replica{epoch_});
    drop_standby();
  }
  is_running_ = false;
  count();
}

}  // namespace troupe::stream
