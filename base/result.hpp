// SPDX-License-Identifier: GPL-3.0-or-later
// The return type of everything that can fail for a reason outside the program.
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include "base/error.hpp"

namespace troupe {

template <class T>
using result = std::expected<T, error>;

/// return fail(errc::not_found, "no stream 42");
template <class... Args>
[[nodiscard]] std::unexpected<error> fail(Args&&... args) {
  return std::unexpected(make_error(std::forward<Args>(args)...));
}

/// Hands an error on: return fail(other.error());
[[nodiscard]] inline std::unexpected<error> fail(error e) {
  return std::unexpected(std::move(e));
}

/// The value through f, the error as it is. (std::expected::transform came after libstdc++ 12.)
template <class T, class F>
auto map(result<T> r, F&& f) -> result<std::invoke_result_t<F, T>> {
  if (!r) {
    return fail(std::move(r.error()));
  }
  return std::forward<F>(f)(std::move(*r));
}

}  // namespace troupe
