// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/placement_core.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace troupe::runtime {

namespace {

/// FNV-1a, 64 bit, with a final mix: the same on every node and in every version, which std::hash
/// is not.
std::uint64_t stable_hash(std::string_view a, std::string_view b, std::string_view c) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (const auto text : {a, b, c}) {
    for (const char letter : text) {
      h = (h ^ static_cast<std::uint8_t>(letter)) * 0x100000001b3;
    }
    h = (h ^ 0xFF) * 0x100000001b3;  // a separator no name contains
  }
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  return h ^ (h >> 33);
}

bool is_active(const view& v, std::string_view node) {
  return std::ranges::any_of(v.members, [&](const member& m) {
    return m.node == node && (m.state == member_state::active || m.state == member_state::draining);
  });
}

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

std::optional<std::string> propose_owner(const view& v, const entity_name& name,
                                         std::string_view role) {
  const member* best = nullptr;
  bool best_fits = false;
  std::uint64_t best_hash = 0;
  for (const auto& m : v.members) {
    if (m.state != member_state::active) {
      continue;
    }
    const bool fits = role.empty() || std::ranges::find(m.roles, role) != m.roles.end();
    const auto h = stable_hash(m.node, name.kind, name.id);
    if (best == nullptr || fits > best_fits || (fits == best_fits && h > best_hash)) {
      best = &m;
      best_fits = fits;
      best_hash = h;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(best->node);
}

std::string_view to_string(phase p) {
  switch (p) {
    case phase::idle:
      return "idle";
    case phase::claiming:
      return "claiming";
    case phase::activating:
      return "activating";
    case phase::active:
      return "active";
    case phase::passivating:
      return "passivating";
    case phase::handing_over:
      return "handing_over";
    case phase::taking_over:
      return "taking_over";
    case phase::backing_off:
      return "backing_off";
  }
  return "unknown";
}

placement_core::placement_core(entity_name name, config c)
    : name_(std::move(name)),
      config_(std::move(c)),
      random_(static_cast<std::minstd_rand::result_type>(
          stable_hash(name_.kind, name_.id, config_.node) ^ config_.seed)) {}

std::vector<placement_action> placement_core::step(const placement_event& event, steady_time now,
                                                   const view& v) {
  // An event that does not fit the phase is late (its activation is gone): nothing to do.
  return std::visit(
      overloaded{
          [&](const wanted&) { return on_wanted(now, v); },
          [&](const claimed& e) -> actions {
            if (phase_ != phase::claiming && phase_ != phase::taking_over) {
              return {};
            }
            phase_ = phase::activating;
            epoch_ = e.epoch;
            return {start{e.epoch}};
          },
          [&](const claim_failed& e) -> actions {
            if (phase_ != phase::claiming) {
              return {};
            }
            // The store is away, which is no fault of the entity: no back-off beyond
            // its return.
            phase_ = phase::idle;
            return {refuse{e.why}};
          },
          [&](const owned_elsewhere&) -> actions {
            if (phase_ != phase::claiming && phase_ != phase::taking_over) {
              return {};
            }
            phase_ = phase::idle;
            return {redirect{}};
          },
          [&](const activated&) -> actions {
            if (phase_ != phase::activating) {
              return {};
            }
            phase_ = phase::active;
            return {serve{}};
          },
          [&](const died& e) { return on_died(e.why, now); },
          [&](const quiet&) -> actions {
            if (phase_ != phase::active) {
              return {};
            }
            phase_ = phase::passivating;
            return {seal{}};
          },
          [&](const passivated&) -> actions {
            if (phase_ != phase::passivating) {
              return {};
            }
            phase_ = phase::idle;
            return {release{}};
          },
          [&](const leaving&) { return change(phase::active, phase::handing_over, {prepare{}}); },
          [&](const stayed&) { return change(phase::handing_over, phase::active, {serve{}}); },
          [&](const kept_here& e) {
            epoch_ = phase_ == phase::handing_over ? e.epoch : epoch_;
            return change(phase::handing_over, phase::activating, {discard{}, start{e.epoch}});
          },
          [&](const taken&) {
            return change(phase::handing_over, phase::idle, {discard{}, redirect{}});
          },
          [&](const offered&) { return change(phase::idle, phase::taking_over, {}); },
      },
      event);
}

/// Late events find another phase, and do nothing.
placement_core::actions placement_core::change(runtime::phase from, runtime::phase to,
                                               actions then) {
  if (phase_ != from) {
    return {};
  }
  phase_ = to;
  return then;
}

placement_core::actions placement_core::on_wanted(steady_time now, const view& v) {
  if (phase_ == phase::backing_off) {
    if (now < until_) {
      return {refuse{make_error(errc::unavailable, "backing_off",
                                to_string(name_) + " failed too often and rests")}};
    }
    phase_ = phase::idle;
  }
  if (phase_ != phase::idle) {
    return {};  // it will be served when the phase ends
  }
  if (!is_active(v, config_.node)) {
    return {refuse{make_error(errc::unavailable, std::string(not_a_member),
                              "this node may not own entities now")}};
  }
  phase_ = phase::claiming;
  return {claim{}};
}

placement_core::actions placement_core::on_died(const error& why, steady_time now) {
  if (phase_ != phase::activating && phase_ != phase::active && phase_ != phase::passivating &&
      phase_ != phase::handing_over) {
    return {};
  }
  const bool never_served = phase_ == phase::activating;
  const auto window = config_.intensity.within;
  std::erase_if(failures_, [&](steady_time t) { return now - t >= window; });
  if (backoffs_ > 0 && now - until_ >= window) {
    backoffs_ = 0;  // it has served well since the last back-off
  }
  failures_.push_back(now);
  ++restarts_;
  // After a back-off one more failure soon is enough for the next, longer one.
  const bool spent =
      backoffs_ > 0 || static_cast<int>(failures_.size()) > config_.intensity.restarts;
  if (spent) {
    ++backoffs_;
    failures_.clear();
    until_ = now + config_.backoff.after(backoffs_, random_);
    phase_ = phase::backing_off;
    return {discard{}, refuse{make_error(errc::unavailable, "backing_off",
                                         to_string(name_) + " failed too often and rests")}};
  }
  phase_ = phase::idle;
  if (never_served) {
    // Trying again at once for each that waits would only burn the intensity.
    return {discard{}, refuse{error{errc::unavailable, "activation_failed",
                                    why.with("starting " + to_string(name_)).message}}};
  }
  return {discard{}};
}

bool placement_core::is_forgettable(steady_time now) const {
  if (phase_ == phase::backing_off || backoffs_ > 0) {
    return now - until_ >= config_.intensity.within;
  }
  return failures_.empty() || now - failures_.back() >= config_.intensity.within;
}

}  // namespace troupe::runtime
