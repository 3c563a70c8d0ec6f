// SPDX-License-Identifier: GPL-3.0-or-later
// Named secrets that all nodes share, sealed by their owner before they come here.
// Thread: every function from any thread that may block.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace troupe::storage {

struct stored_secret {
  std::string name;
  bytes sealed;
  wall_time created_at;
};

class secret_store {
 public:
  virtual ~secret_store() = default;

  /// Errors: not_found.
  [[nodiscard]] virtual result<bytes> find(std::string_view name) = 0;
  /// Stores it if the name is free; answers what is stored then, so that of two nodes that start
  /// together both use the first one's.
  [[nodiscard]] virtual result<bytes> add(std::string_view name, byte_view sealed,
                                          wall_time now) = 0;
  /// Those whose names begin so, in the order of their names.
  [[nodiscard]] virtual result<std::vector<stored_secret>> list(std::string_view prefix) = 0;
  [[nodiscard]] virtual result<void> remove(std::string_view name) = 0;
};

}  // namespace troupe::storage
