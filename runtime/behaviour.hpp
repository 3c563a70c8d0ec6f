// SPDX-License-Identifier: GPL-3.0-or-later
// What a behaviour is: a class with a kind, a list of messages, a state that can travel, and one
// on() per message (docs/writing-a-behaviour.md). A const on() only reads: it never causes a
// commit. Optional hooks:
//   activate(context&)   -> void, result<void> or later<void>: messages wait until it is done; an
//                           error ends the activation
//   passivate(context&)  -> void
//   prepare_move(context&, const std::string& node) -> later<void>: another node shall have it; it
//                           goes on serving until this is done, and moves then, whatever the answer
//   static upgrade(std::uint32_t from, byte_view) -> result<state>: reads states of older versions
// Thread: an instance is used by one thread at a time, never by two at once.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.hpp"
#include "runtime/archive.hpp"
#include "runtime/context.hpp"
#include "runtime/message.hpp"

namespace troupe::runtime {

/// Where a behaviour's state lives.
enum class keep : std::uint8_t {
  none,        ///< as long as the activation
  snapshot,    ///< stored whole, up to 64 KiB, before an answer or a sent message leaves
  own_tables,  ///< the behaviour loads and stores through storage/ itself, fenced by epoch()
};

constexpr std::size_t largest_state = std::size_t{64} * 1024;  // one row, one statement

namespace detail {

template <class R, class A>
concept answers_with = std::same_as<R, result<A>> || std::same_as<R, later<A>> ||
                       (std::is_void_v<A> && std::is_void_v<R>);

template <class B, class M>
concept reads = requires(const B& b, context& ctx, const M& m) { b.on(ctx, m); };

template <class B, class M>
concept handles = requires(B& b, context& ctx, const M& m) {
  requires answers_with<decltype(b.on(ctx, m)), typename M::answer>;
};

template <class B, class List>
constexpr bool handles_all = false;
template <class B, class... Ms>
constexpr bool handles_all<B, messages<Ms...>> = (handles<B, Ms> && ...);

}  // namespace detail

template <class B>
concept behaviour = requires(B& b) {
  { B::kind } -> std::convertible_to<std::string_view>;
  { B::keep } -> std::convertible_to<enum keep>;
  { B::version } -> std::convertible_to<std::uint32_t>;
  typename B::messages;
  { b.data } -> std::same_as<typename B::state&>;
} && archivable<typename B::state> && detail::handles_all<B, typename B::messages>;

namespace detail {

/// What one call of a behaviour came to: an answer, or one to wait for.
struct handled {
  bool known = true;
  bool only_read = false;
  erased_answer answer;
  std::shared_ptr<later_state> pending;  ///< set: answer is not there yet
};

/// A behaviour without its type.
class any_behaviour {
 public:
  virtual ~any_behaviour() = default;
  virtual handled handle(context& ctx, const command& what) = 0;
  virtual bytes save() const = 0;
  virtual result<void> load(std::uint32_t version, byte_view data) = 0;
  virtual handled activate(context& ctx) = 0;
  virtual void passivate(context& ctx) = 0;
  virtual bool has_passivate() const = 0;
  virtual handled prepare_move(context& ctx, const std::string& node) = 0;
};

/// Calls f, which returns void, result<A> or later<A>.
template <class F>
handled handled_by(F&& f) {
  using returned = std::invoke_result_t<F>;
  handled out;
  if constexpr (std::is_void_v<returned>) {
    f();
  } else if constexpr (is_a<returned, later>) {
    out.pending = f().state();
  } else {
    out.answer = erase<typename returned::value_type>(f());
  }
  return out;
}

template <behaviour B>
class typed_behaviour final : public any_behaviour {
 public:
  explicit typed_behaviour(std::unique_ptr<B> b) : behaviour_(std::move(b)) {}

  handled handle(context& ctx, const command& what) override {
    return dispatch(ctx, what, typename B::messages{});
  }

  bytes save() const override { return encode(behaviour_->data); }

  result<void> load(std::uint32_t version, byte_view data) override {
    auto loaded = version == B::version ? decode<typename B::state>(data) : upgrade(version, data);
    if (!loaded) {
      return troupe::fail(loaded.error().with("loading the state of a " + std::string(B::kind)));
    }
    behaviour_->data = std::move(*loaded);
    return {};
  }

  handled activate(context& ctx) override {
    if constexpr (requires(B& b) { b.activate(ctx); }) {
      return handled_by([&] { return behaviour_->activate(ctx); });
    } else {
      return {};
    }
  }

  void passivate(context& ctx) override {
    if constexpr (requires(B& b) { b.passivate(ctx); }) {
      behaviour_->passivate(ctx);
    }
  }

  bool has_passivate() const override {
    return requires(B& b, context& ctx) { b.passivate(ctx); };
  }

  handled prepare_move(context& ctx, const std::string& node) override {
    if constexpr (requires(B& b) { b.prepare_move(ctx, node); }) {
      return handled_by([&] { return behaviour_->prepare_move(ctx, node); });
    } else {
      return {};
    }
  }

 private:
  template <class... Ms>
  handled dispatch(context& ctx, const command& what, messages<Ms...>) {
    handled out;
    out.known = ((&what.type() == &type_of<Ms>() && (out = call<Ms>(ctx, what), true)) || ...);
    return out;
  }

  template <class M>
  handled call(context& ctx, const command& what) {
    const auto& m = *static_cast<const M*>(what.body());
    if constexpr (reads<B, M>) {
      auto out = handled_by([&] { return std::as_const(*behaviour_).on(ctx, m); });
      out.only_read = true;
      return out;
    } else {
      return handled_by([&] { return behaviour_->on(ctx, m); });
    }
  }

  static result<typename B::state> upgrade(std::uint32_t from, byte_view data) {
    if constexpr (requires { B::upgrade(from, data); }) {
      return B::upgrade(from, data);
    } else {
      return troupe::fail(errc::data_corrupt, "unknown_version",
                          "no way from version " + std::to_string(from));
    }
  }

  std::unique_ptr<B> behaviour_;
};

}  // namespace detail

}  // namespace troupe::runtime
