// SPDX-License-Identifier: GPL-3.0-or-later
// The half of entity_host that moves an entity to another node (design.md, "Handoff"). The old
// owner: takes nothing new, ends what it has begun, seals, gives the state in chunks, the same
// again when asked again, and drops it when the new one has it. The new owner: fetches, swaps the
// row, serves from what it was given. Without a swap in 2 s the old one swaps to itself: the row's
// epoch lets exactly one of the two win.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "runtime/detail/entity_host.hpp"
#include "runtime/detail/node.hpp"
#include "runtime/detail/wire.hpp"

namespace troupe::runtime::detail {

namespace {

/// For what was begun: jobs, asks, answers that come later. Beyond it the entity stays.
constexpr duration longest_unrest = std::chrono::seconds(1);
/// For prepare_move(): it serves meanwhile.
constexpr duration longest_preparation = std::chrono::seconds(6);
constexpr duration longest_handover = std::chrono::seconds(2);  // design.md section 3
constexpr duration fetch_again = std::chrono::milliseconds(200);
constexpr duration swap_again = std::chrono::milliseconds(500);

error not_moved(std::string_view reason, std::string_view message) {
  return make_error(errc::unavailable, std::string(reason), std::string(message));
}

}  // namespace

entity_host::~entity_host() {
  end_leaving(troupe::fail(not_moved("node_stopping", "the node ended meanwhile")));
}

// The old owner.

void entity_host::hand_over(entity_owner to, callback<duration> done) {
  if (core_.phase() != phase::active || kind_.entry.options.placed == placement::on_node) {
    done(troupe::fail(errc::conflict, "not_movable",
                      to_string(name_) + " is not active, or bound to its node"));
    return;
  }
  if (leaving_) {
    done(troupe::fail(not_moved("busy", to_string(name_) + " is about to move already")));
    return;
  }
  leaving_ = std::make_unique<leaving_state>();
  leaving_->to = std::move(to);
  leaving_->done = std::move(done);
  prepare_leaving();
}

void entity_host::prepare_leaving() {
  leaving_->is_preparing = true;
  handled how;
  if (!turn({}, [&](context& ctx) { how = behaviour_->prepare_move(ctx, leaving_->to.node); })) {
    lose(*failed_);
    return;
  }
  end_turn(false);
  if (!how.pending) {
    leave_now();
    return;
  }
  how.pending->on_ready(
      in_this_activation([](entity_host& self, const erased_answer&) { self.leave_now(); }));
  strand_->post_after(longest_preparation, [weak = weak_from_this(), mine = activation_] {
    const auto self = weak.lock();
    if (self && self->activation_ == mine) {
      self->leave_now();
    }
  });
}

void entity_host::leave_now() {
  if (core_.phase() != phase::active || !leaving_ || !leaving_->is_preparing) {
    return;
  }
  leaving_->is_preparing = false;
  leaving_->began = time().now();
  step(leaving{});
}

void entity_host::begin_leaving() {
  strand_->post_after(longest_unrest, [weak = weak_from_this(), mine = activation_] {
    const auto self = weak.lock();
    if (!self || self->activation_ != mine || self->core_.phase() != phase::handing_over ||
        self->leaving_->is_offered) {
      return;
    }
    const auto why = not_moved("busy", to_string(self->name_) + " had work it could not end");
    if (self->leaving_->is_sealed) {
      self->lose(why);  // after passivate() it cannot go on as it was
    } else {
      self->stay(why);
    }
  });
  offer_if_quiet();
}

void entity_host::stay(const error& why) {
  end_leaving(troupe::fail(why));
  step(stayed{});
}

void entity_host::end_leaving(result<duration> how) {
  if (auto l = std::exchange(leaving_, nullptr); l && l->done) {
    l->done(std::move(how));
  }
}

void entity_host::offer_if_quiet() {
  if (!leaving_ || leaving_->is_offered || !working_.empty() || continuations_ != 0 ||
      is_committing_ || is_dirty_ || !withheld_.empty()) {
    return;
  }
  if (!node_.may_serve()) {
    hold_on();
    return;
  }
  if (!leaving_->is_sealed) {
    leaving_->is_sealed = true;
    if (!turn({}, [&](context& ctx) { behaviour_->passivate(ctx); })) {
      lose(*failed_);
      return;
    }
    end_turn(behaviour_->has_passivate());  // and here again, when that is stored
    return;
  }
  leaving_->is_offered = true;
  wire::given_state given{kind_.entry.version, behaviour_->save(), senders_.save(time().wall()),
                          senders_.complete_since()};
  leaving_->state = encode(given);
  wire::offer_body offer{kind_.entry.version, leaving_->state.size(), chunk_at(0)};
  auto e = wire::about(wire::offer, name_);
  e.epoch = core_.epoch();
  e.body = encode(offer);
  tell(leaving_->to, std::move(e));
  strand_->post_after(longest_handover, [weak = weak_from_this(), mine = activation_] {
    const auto self = weak.lock();
    if (self && self->activation_ == mine && self->core_.phase() == phase::handing_over) {
      self->swap_back();
    }
  });
}

bytes entity_host::chunk_at(std::uint64_t offset) const {
  const auto& all = leaving_->state;
  const auto from = std::min<std::size_t>(offset, all.size());
  const auto size = std::min(wire::chunk_size, all.size() - from);
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(from);
  return {begin, begin + static_cast<std::ptrdiff_t>(size)};
}

void entity_host::tell(const entity_owner& to, envelope e) {
  node_.tell(to, std::move(e));
}

/// Nobody took it in time, or the other will not: whoever swaps first has it.
void entity_host::swap_back() {
  if (leaving_->is_swapping) {
    return;
  }
  leaving_->is_swapping = true;
  const auto& self = node_.options();
  node_.log().claim(
      {name_, self.node, self.incarnation, kind_.entry.version, core_.epoch()},
      [weak = weak_from_this(), s = strand_, mine = activation_](result<claim_answer> got) {
        s->post([weak, mine, got = std::move(got)]() mutable {
          const auto host = weak.lock();
          if (host && host->activation_ == mine && host->core_.phase() == phase::handing_over) {
            host->swapped_back(std::move(got));
          }
        });
      });
}

void entity_host::swapped_back(result<claim_answer> got) {
  leaving_->is_swapping = false;
  if (!got) {
    strand_->post_after(swap_again, [weak = weak_from_this(), mine = activation_] {
      const auto self = weak.lock();
      if (self && self->activation_ == mine && self->core_.phase() == phase::handing_over) {
        self->swap_back();
      }
    });
    return;
  }
  if (auto* owner = std::get_if<entity_owner>(&*got)) {
    const auto& self = node_.options();
    if (owner->node == self.node && owner->incarnation == self.incarnation) {
      kept_by_us(owner->epoch);  // an earlier swap whose answer was lost
    } else {
      gave_away(*owner);
    }
    return;
  }
  kept_by_us(std::get<stored_entity>(*got).epoch);
}

void entity_host::kept_by_us(std::uint64_t epoch) {
  auto state = decode<wire::given_state>(leaving_->state);
  given_ = std::make_unique<wire::given_state>(std::move(*state));  // our own bytes
  end_leaving(troupe::fail(not_moved("not_taken", "the other node did not take it in time")));
  step(kept_here{epoch});
}

void entity_host::gave_away(const entity_owner& owner) {
  owner_elsewhere_ = owner;
  const auto away = time().now() - leaving_->began;
  kind_.moves->add();
  end_leaving(away);
  step(taken{});
}

// The new owner.

void entity_host::take_over(const entity_owner& from, wire::offer_body offer) {
  const bool is_again = arriving_ && arriving_->from == from;
  if (is_again || core_.phase() != phase::idle || !node_.may_serve()) {
    if (!is_again) {
      decline(from, not_moved("busy", "the name is not idle there"));
    }
    return;
  }
  arriving_ = std::make_unique<arriving_state>();
  arriving_->from = from;
  arriving_->size = offer.size;
  arriving_->state = std::move(offer.chunk);
  step(offered{});
  strand_->post_after(longest_handover, [weak = weak_from_this(), a = arriving_.get()] {
    const auto self = weak.lock();
    if (self && self->arriving_.get() == a && !a->is_swapping) {
      self->give_up_arrival(a->from);
    }
  });
  fetch_or_swap();
}

void entity_host::decline(const entity_owner& from, const error& why) {
  auto e = wire::about(wire::declined, name_);
  e.epoch = from.epoch;
  e.body = wire::encode_error(why);
  tell(from, std::move(e));
}

void entity_host::give_up_arrival(const entity_owner& owner) {
  arriving_.reset();
  owner_elsewhere_ = owner;
  step(owned_elsewhere{});
}

void entity_host::fetch_or_swap() {
  if (arriving_->state.size() >= arriving_->size) {
    swap_arrival();
    return;
  }
  const auto had = arriving_->state.size();
  auto e = wire::about(wire::fetch, name_);
  e.epoch = arriving_->from.epoch;
  e.number = had;
  tell(arriving_->from, std::move(e));
  strand_->post_after(fetch_again, [weak = weak_from_this(), a = arriving_.get(), had] {
    const auto self = weak.lock();
    if (self && self->arriving_.get() == a && a->state.size() == had) {
      self->fetch_or_swap();
    }
  });
}

void entity_host::swap_arrival() {
  arriving_->is_swapping = true;
  const auto& self = node_.options();
  const auto attempt = ++activation_;
  claim_request request{name_, self.node, self.incarnation, kind_.entry.version, {}};
  if (!arriving_->is_unknown) {
    request.expected_epoch = arriving_->from.epoch;
  }
  node_.log().claim(std::move(request),
                    [weak = weak_from_this(), s = strand_, attempt](result<claim_answer> got) {
                      s->post([weak, attempt, got = std::move(got)]() mutable {
                        const auto host = weak.lock();
                        if (host && host->activation_ == attempt && host->arriving_) {
                          host->arrival_swapped(std::move(got));
                        }
                      });
                    });
}

void entity_host::arrival_swapped(result<claim_answer> got) {
  if (!got) {
    // It may have been done: from now on the row tells whether it was.
    arriving_->is_unknown = true;
    strand_->post_after(swap_again, [weak = weak_from_this(), attempt = activation_] {
      const auto self = weak.lock();
      if (self && self->activation_ == attempt && self->arriving_) {
        self->swap_arrival();
      }
    });
    return;
  }
  if (auto* owner = std::get_if<entity_owner>(&*got)) {
    give_up_arrival(*owner);
    return;
  }
  loaded_ = std::move(std::get<stored_entity>(*got));
  const auto from = arriving_->from;
  const auto& self = node_.options();
  const bool was_ours = loaded_.before && loaded_.before->node == self.node &&
                        loaded_.before->incarnation == self.incarnation;
  auto state = decode<wire::given_state>(arriving_->state);
  if (state && (!arriving_->is_unknown || was_ours)) {
    given_ = std::make_unique<wire::given_state>(std::move(*state));
  }
  arriving_.reset();
  const auto epoch = loaded_.epoch;
  node_.learn(name_, {self.node, self.incarnation, epoch});
  auto e = wire::about(wire::taken, name_);
  e.epoch = from.epoch;
  e.number = epoch;
  tell(from, std::move(e));
  step(claimed{epoch});
}

/// In the turn that starts an activation.
bool entity_host::load_given() {
  const auto given = std::move(given_);
  sender_table senders(kind_.entry.options.sender_limit);
  if (!senders.load(given->senders)) {
    failed_ = make_error(errc::data_corrupt, "the given answers do not parse");
    return false;
  }
  senders.complete_since(is_durable() ? 0 : given->complete_since);
  senders_ = std::move(senders);
  if (auto ok = behaviour_->load(given->kind_version, given->state); !ok) {
    failed_ = ok.error();
    return false;
  }
  return true;
}

void entity_host::heed(const entity_owner& from, const envelope& what) {
  const bool is_leaving = leaving_ && leaving_->is_offered && core_.epoch() == what.epoch &&
                          leaving_->to.node == from.node &&
                          leaving_->to.incarnation == from.incarnation;
  if (what.type == wire::offer) {
    if (auto offer = decode<wire::offer_body>(what.body);
        offer && offer->size <= wire::largest_moved) {
      take_over({from.node, from.incarnation, what.epoch}, std::move(*offer));
    }
  } else if (what.type == wire::chunk) {
    if (arriving_ && !arriving_->is_swapping && arriving_->from.epoch == what.epoch &&
        arriving_->from.node == from.node && what.number == arriving_->state.size() &&
        !what.body.empty() && what.body.size() <= arriving_->size - arriving_->state.size()) {
      arriving_->state.insert(arriving_->state.end(), what.body.begin(), what.body.end());
      fetch_or_swap();
    }
  } else if (is_leaving && what.type == wire::fetch) {
    auto e = wire::about(wire::chunk, name_);
    e.epoch = what.epoch;
    e.number = what.number;
    e.body = chunk_at(what.number);
    tell(from, std::move(e));
  } else if (is_leaving && what.type == wire::taken) {
    gave_away({from.node, from.incarnation, what.number});
  } else if (is_leaving && what.type == wire::declined) {
    swap_back();
  }
}

}  // namespace troupe::runtime::detail
