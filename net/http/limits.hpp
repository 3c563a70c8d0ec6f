// SPDX-License-Identifier: GPL-3.0-or-later
// The bounds of the HTTP interface, as cluster.conf's [limits] names them. 0 = off for the rates.
#pragma once

#include <cstddef>

namespace troupe::http {

/// Bytes of a channel's word rules: 500 × (64 code points, escaped as clients may, and 40 around).
constexpr std::size_t largest_word_list = 256 * 1024;

struct limits {
  int requests_per_minute_per_user = 100;
  int requests_per_minute_per_address = 1000;
  /// Registrations and password log-ins together: each costs a password hash.
  int log_ins_per_minute_per_address = 20;
  /// Bodies of API calls. The largest useful one, a registration, stays under 1 KiB.
  std::size_t api_body_bytes = 16 * 1024;
  /// Token buckets kept per rate, 16 bytes each; the fullest bucket gives way to a new peer.
  std::size_t tracked_peers = 65'536;
  /// Idempotency keys kept for 24 h, in all and for one user; the oldest give way.
  std::size_t idempotency_keys = 10'000;
  std::size_t idempotency_keys_per_user = 64;
};

}  // namespace troupe::http
