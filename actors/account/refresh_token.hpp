// SPDX-License-Identifier: GPL-3.0-or-later
// A refresh token's text: base64url of 16 bytes that name the log-in and 32 that are valid once.
// The store gets digests of both. Thread: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "actors/account/master_key.hpp"
#include "base/bytes.hpp"

namespace troupe::account {

struct refresh_token {
  bytes family;
  bytes secret;

  static refresh_token make();
  /// The next one of the same log-in: always the same, so that a renewal whose answer was lost can
  /// be asked for again, and one that only who has the master key can make.
  refresh_token successor(const sealer& s) const;
  static std::optional<refresh_token> parse(std::string_view text);

  std::string text() const;
  bytes family_digest() const;
  bytes secret_digest() const;
};

}  // namespace troupe::account
