// SPDX-License-Identifier: GPL-3.0-or-later
// The shape of every asynchronous answer outside of actors.
#pragma once

#include <functional>

#include "base/result.hpp"

namespace troupe {

/// Called exactly once, on a thread the callee chooses (its declaration says which); must not block
/// or throw.
template <class T>
using callback = std::move_only_function<void(result<T>)>;

}  // namespace troupe
