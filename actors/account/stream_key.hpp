// SPDX-License-Identifier: GPL-3.0-or-later
// A stream key: "live_" and 32 random characters of [0-9A-Za-z], 190 bits. Who has it can publish
// as its owner. Thread: const members from any thread.
#pragma once

#include <string>
#include <string_view>

#include "actors/account/master_key.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe::account {

std::string make_stream_key();
/// Only what make_stream_key() may have made is looked up.
bool is_stream_key_form(std::string_view key);

/// Sealed for this owner: another user's row does not open.
bytes seal_stream_key(const sealer& s, user_id owner, std::string_view key);
[[nodiscard]] result<std::string> open_stream_key(const sealer& s, user_id owner, byte_view sealed);
bytes stream_key_digest(const sealer& s, std::string_view key);

}  // namespace troupe::account
