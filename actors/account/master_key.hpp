// SPDX-License-Identifier: GPL-3.0-or-later
// The one secret that is not in the database: what seals those that are. It is a file of 64 hex
// digits, readable by its owner alone; a backup of the database is of little use to a thief without
// it, and of no use to its owner either. Thread: const members from any thread.
#pragma once

#include <filesystem>
#include <string_view>

#include "actors/account/crypto.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

namespace troupe::account {

/// Seals and opens small secrets. What is sealed for one purpose does not open for another.
class sealer {
 public:
  /// master: 32 bytes.
  explicit sealer(byte_view master);

  /// nonce (12 bytes), text, tag (16 bytes).
  bytes seal(std::string_view purpose, byte_view plain) const;
  /// Errors: data_corrupt (sealed_by_other_key).
  [[nodiscard]] result<bytes> open(std::string_view purpose, byte_view sealed) const;
  /// Keyed: without the master key nobody can tell which digest belongs to which text.
  digest digest_of(std::string_view purpose, byte_view text) const;

 private:
  digest sealing_key_;
  digest digest_key_;
};

/// Errors: not_found; unavailable (cannot be read; others may read it), data_corrupt (not 64 hex
/// digits).
[[nodiscard]] result<sealer> read_master_key(const std::filesystem::path& file);
/// Makes a new one, mode 0600, on the disk before it answers; if another process was faster, reads
/// that one's. Makes the folder too.
[[nodiscard]] result<sealer> make_master_key(const std::filesystem::path& file);

}  // namespace troupe::account
