// SPDX-License-Identifier: GPL-3.0-or-later
// The half of entity_host that takes a name, or finds out whose it is and sends there what waits.
#include <utility>

#include "base/log.hpp"
#include "runtime/detail/entity_host.hpp"
#include "runtime/detail/node.hpp"

namespace troupe::runtime::detail {

namespace {

/// The log answers within its own limit (entity_log.hpp); this is for one that does not.
constexpr duration longest_claim = std::chrono::seconds(10);
constexpr duration free_check = std::chrono::milliseconds(20);
constexpr std::size_t most_locates = 64;  // one a node; a node repeats its own

}  // namespace

void entity_host::locate(locate_callback then) {
  const auto p = core_.phase();
  if (p == phase::activating || p == phase::active || p == phase::passivating ||
      p == phase::handing_over) {
    then(entity_owner{node_.options().node, node_.options().incarnation, core_.epoch()});
    return;
  }
  if (locates_.size() >= most_locates) {
    locates_.erase(locates_.begin());
  }
  locates_.push_back(std::move(then));
  step(wanted{});
}

void entity_host::answer_locates(const result<entity_owner>& with) {
  for (auto& then : std::exchange(locates_, {})) {
    then(with);
  }
}

/// With several nodes a name needs its row also where nothing is stored.
bool entity_host::has_row() const {
  return kind_.entry.kept != keep::none ||
         (node_.is_clustered() && kind_.entry.options.placed != placement::on_node);
}

void entity_host::begin_claim() {
  const auto attempt = ++activation_;
  if (!has_row()) {
    loaded_ = {};
    step(claimed{node_.next_local_epoch()});
    return;
  }
  strand_->post_after(longest_claim, [weak = weak_from_this(), attempt] {
    if (const auto self = weak.lock()) {
      self->claim_answered(attempt, troupe::fail(errc::deadline_exceeded, "the store is silent"));
    }
  });
  node_.log().claim({name_, node_.options().node, node_.options().incarnation, kind_.entry.version},
                    [weak = weak_from_this(), s = strand_, attempt](result<claim_answer> got) {
                      s->post([weak, attempt, got = std::move(got)]() mutable {
                        if (const auto self = weak.lock()) {
                          self->claim_answered(attempt, std::move(got));
                        }
                      });
                    });
}

void entity_host::claim_answered(std::uint64_t attempt, result<claim_answer> got) {
  if (attempt != activation_ || core_.phase() != phase::claiming) {
    return;
  }
  if (got) {
    if (auto* elsewhere = std::get_if<entity_owner>(&*got)) {
      owner_elsewhere_ = std::move(*elsewhere);
      step(owned_elsewhere{});
    } else {
      loaded_ = std::move(std::get<stored_entity>(*got));
      start_when_free(attempt);
    }
    return;
  }
  log::warn("an entity could not be claimed entity={} error={}", to_string(name_),
            got.error().message);
  step(claim_failed{error{errc::unavailable, got.error().reason,
                          got.error().with("claiming " + to_string(name_)).message}});
}

/// The epoch stops the last owner's writes at once; what it shows ends with its right to own.
void entity_host::start_when_free(std::uint64_t attempt) {
  if (attempt != activation_ || core_.phase() != phase::claiming) {
    return;
  }
  if (node_.is_free(loaded_)) {
    const auto epoch = loaded_.epoch;
    node_.learn(name_, {node_.options().node, node_.options().incarnation, epoch});
    step(claimed{epoch});
    return;
  }
  strand_->post_after(free_check, [weak = weak_from_this(), attempt] {
    if (const auto self = weak.lock()) {
      self->start_when_free(attempt);
    }
  });
}

/// What waits was not begun here; but what got no answer from the store may be stored.
void entity_host::redirect_waiting() {
  answer_locates(owner_elsewhere_);
  node_.learn(name_, owner_elsewhere_);
  // Whatever is applied from now on, it is not here.
  senders_ = sender_table(kind_.entry.options.sender_limit);
  for (const auto& q : std::exchange(queue_, {})) {
    if (!q.what->via) {
      continue;
    }
    waiting.fetch_sub(1, std::memory_order_relaxed);
    kind_.waiting->add(-1);
    node_.redirect(name_, q.what, owner_elsewhere_, q.may_be_stored);
  }
  retire_later();
}

}  // namespace troupe::runtime::detail
