// SPDX-License-Identifier: GPL-3.0-or-later
// A sender as entities know it: it numbers its commands per entity, so that each is applied once
// and in order (design.md, "Exactly once within a session"). A WebSocket session, an HTTP request
// and an activation have one each. Thread: a session may be used from any thread; copies are the
// same session.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace troupe::runtime {

/// run: a number no other start of a node has; number: counts within it. {0, 0} is nobody.
struct session_id {
  std::uint64_t run = 0;
  std::uint64_t number = 0;

  friend bool operator==(const session_id&, const session_id&) = default;
  friend auto operator<=>(const session_id&, const session_id&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, session_id& x) {
  return f(x.run, x.number);
}

/// Whom a command comes from. number is dense and rising per session and entity while the entity
/// is in use; 0 with timers.
struct sender {
  session_id session;
  std::uint64_t number = 0;
};

namespace detail {
class session_state;

struct session_hash {
  std::size_t operator()(const session_id& s) const noexcept {
    return static_cast<std::size_t>(s.run * 0x9e3779b97f4a7c15 + s.number);
  }
};
}  // namespace detail

/// Made by entities::open_session(); cheap enough for one per HTTP request. When the last copy dies
/// nothing is cancelled: what was sent is applied, and answered to its callback.
class session {
 public:
  explicit session(std::shared_ptr<detail::session_state> state) : state_(std::move(state)) {}

  session_id id() const;

  const std::shared_ptr<detail::session_state>& state() const { return state_; }

 private:
  std::shared_ptr<detail::session_state> state_;
};

}  // namespace troupe::runtime
