// SPDX-License-Identifier: GPL-3.0-or-later
// Tells ThreadSanitizer of an order it cannot see, because a library that is not instrumented makes
// it: what came before released(at) in one thread is over when acquired(at) returns in another.
// Nothing in other builds; TROUPE_TSAN comes from CMake. Claim only what that library really
// promises.
#pragma once

#ifdef TROUPE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace troupe::sanitizer {

inline void released([[maybe_unused]] const void* at) {
#ifdef TROUPE_TSAN
  __tsan_release(const_cast<void*>(at));
#endif
}

inline void acquired([[maybe_unused]] const void* at) {
#ifdef TROUPE_TSAN
  __tsan_acquire(const_cast<void*>(at));
#endif
}

}  // namespace troupe::sanitizer
