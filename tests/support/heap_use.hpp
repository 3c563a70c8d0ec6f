// SPDX-License-Identifier: GPL-3.0-or-later
// How much of the heap is in use: what was asked for and not given back, in all of the process. It
// follows from the calls alone, not from what the system gave. Thread: for tests of one thread.
#pragma once

#include <malloc.h>

#include <cstddef>

#include <catch2/catch.hpp>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#include <sanitizer/allocator_interface.h>
#define TROUPE_SANITIZED_HEAP
#endif
#endif

namespace troupe::test {

inline std::size_t heap_in_use() {
#ifdef TROUPE_SANITIZED_HEAP
  return __sanitizer_get_current_allocated_bytes();
#else
  const auto all = ::mallinfo2();
  return all.uordblks + all.hblkhd;
#endif
}

/// drive(i) for as many as the bound, then for four times as many others: what they hold together
/// is at most most_bytes at the bound, and beyond it no more than 5 % above that.
template <class Drive>
void check_bounded(std::size_t bound, std::size_t most_bytes, Drive drive) {
  const auto before = heap_in_use();
  for (std::size_t i = 0; i < bound; ++i) {
    drive(i);
  }
  const auto full = heap_in_use() - before;
  for (std::size_t i = bound; i < 5 * bound; ++i) {
    drive(i);
  }
  const auto beyond = heap_in_use() - before;
  CAPTURE(full, beyond);
  CHECK(full > bound);  // else nothing was kept, and nothing measured
  CHECK(full <= most_bytes);
  CHECK(beyond <= full + full / 20);
}

}  // namespace troupe::test
