// SPDX-License-Identifier: GPL-3.0-or-later
// An answer that comes later: what a handler returns when it cannot answer yet (a blocking job, a
// wait). later<R> is the handler's return value, promise<R> what the behaviour keeps to answer it.
// Thread: both are used on their entity only, inside its handlers and continuations.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/result.hpp"
#include "runtime/message.hpp"

namespace troupe::runtime {

namespace detail {

/// The reason given for a promise that died unanswered.
inline constexpr std::string_view promise_dropped = "promise_dropped";

/// The meeting point of the two halves, whichever comes first.
class later_state {
 public:
  using ready = std::move_only_function<void(erased_answer)>;

  /// The first answer counts, further ones are dropped.
  void set(erased_answer answer);
  /// Calls then once, now if the answer is there already.
  void on_ready(ready then);

  bool is_set() const { return set_; }

 private:
  bool set_ = false;
  std::optional<erased_answer> answer_;
  ready then_;
};

template <class R>
erased_answer erase(result<R> answer) {
  if (!answer) {
    return fail(std::move(answer.error()));
  }
  if constexpr (std::is_void_v<R>) {
    return erased_value{};
  } else {
    return std::make_shared<const R>(std::move(*answer));
  }
}

template <class R>
result<R> restore(const erased_answer& answer) {
  if (!answer) {
    return fail(answer.error());
  }
  if constexpr (std::is_void_v<R>) {
    return {};
  } else {
    return *static_cast<const R*>(answer->get());
  }
}

}  // namespace detail

template <class R>
class [[nodiscard]] later {
 public:
  using value_type = R;

  explicit later(std::shared_ptr<detail::later_state> state) : state_(std::move(state)) {}

  const std::shared_ptr<detail::later_state>& state() const { return state_; }

 private:
  std::shared_ptr<detail::later_state> state_;
};

/// Answers once. A promise that dies unanswered answers internal (promise_dropped): nobody waits
/// for nothing. Gone with the activation, whose waiting senders then get unavailable.
template <class R>
class promise {
 public:
  promise() : state_(std::make_shared<detail::later_state>()) {}

  ~promise() { drop(); }

  promise(promise&& other) noexcept = default;

  promise& operator=(promise&& other) noexcept {
    if (this != &other) {
      drop();
      state_ = std::move(other.state_);
    }
    return *this;
  }

  void set(result<R> answer) { state_->set(detail::erase<R>(std::move(answer))); }

  /// What the handler returns.
  later<R> answer() const { return later<R>(state_); }

 private:
  void drop() {
    if (state_ && !state_->is_set()) {
      state_->set(
          fail(errc::internal, std::string(detail::promise_dropped), "the entity gave no answer"));
    }
  }

  std::shared_ptr<detail::later_state> state_;
};

}  // namespace troupe::runtime
