// SPDX-License-Identifier: GPL-3.0-or-later
// Keyset pagination: a cursor is opaque to clients and holds the last row's key.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace troupe {

template <class T>
struct page {
  std::vector<T> items;
  std::optional<std::string> next;  ///< the cursor of the next page; nothing after the last one
};

}  // namespace troupe
