// SPDX-License-Identifier: GPL-3.0-or-later
// Second factors: one secret a user, sealed before it comes here, and what was used of it. What may
// happen once happens in one statement, so that two nodes cannot both let it.
// Thread: every function from any thread that may block.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe::storage {

struct second_factor_record {
  bytes sealed_secret;
  bool is_confirmed = false;
  std::int64_t last_step = 0;  ///< RFC 6238's T of the latest code that was accepted
  bytes recovery;              ///< the recovery codes that are left, sealed
};

class second_factor_store {
 public:
  virtual ~second_factor_store() = default;

  /// Errors: not_found.
  [[nodiscard]] virtual result<second_factor_record> find(user_id user) = 0;
  /// Stores a secret that is not confirmed yet, over one that was not either. seen, here and below:
  /// the user's generation when the caller's proof was given; once it has risen nothing is changed.
  /// Errors: conflict (second_factor_enabled, password_changed).
  [[nodiscard]] virtual result<void> begin(user_id user, std::int64_t seen,
                                           byte_view sealed_secret) = 0;
  /// Ends every log-in of the user, who had shown no second factor, in the same transaction;
  /// answers the new generation. Errors: conflict (no_enrolment) unless exactly this secret waits
  /// for it.
  [[nodiscard]] virtual result<std::int64_t> confirm(user_id user, byte_view sealed_secret,
                                                     std::int64_t step, byte_view recovery,
                                                     wall_time now) = 0;
  /// Whether the step was later than every accepted one, and is the latest now.
  [[nodiscard]] virtual result<bool> use_step(user_id user, std::int64_t step) = 0;
  /// Whether it was as expected and has been replaced.
  [[nodiscard]] virtual result<bool> replace_recovery(user_id user, std::int64_t seen,
                                                      byte_view expected, byte_view recovery) = 0;
  /// Without seen: whatever it is. Errors: conflict (password_changed).
  [[nodiscard]] virtual result<void> remove(user_id user, std::optional<std::int64_t> seen) = 0;
};

}  // namespace troupe::storage
