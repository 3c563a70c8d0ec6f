// SPDX-License-Identifier: GPL-3.0-or-later
// The one macro: a broken invariant of ours ends the process at once, with its reason, before it
// can do harm. Never for user input, never for what a peer or a disk can cause.
#pragma once

#include <source_location>

namespace troupe::detail {

[[noreturn]] void check_failed(const char* condition, const char* why, std::source_location where);

}  // namespace troupe::detail

#define TROUPE_CHECK(condition, why)                                                    \
  do {                                                                                  \
    if (!(condition)) [[unlikely]] {                                                    \
      ::troupe::detail::check_failed(#condition, why, std::source_location::current()); \
    }                                                                                   \
  } while (false)
