// SPDX-License-Identifier: GPL-3.0-or-later
// Finds or makes, at start-up, the keys that everything else in this folder rests on.
// Thread: blocks.
#pragma once

#include <filesystem>
#include <vector>

#include "actors/account/master_key.hpp"
#include "actors/account/token_keys.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "storage/secret_store.hpp"

namespace troupe::account {

struct keys {
  sealer master;
  std::vector<token_key> token_keys;
};

/// Makes both at the first start. A store that holds secrets while the file is missing is an
/// operator's mistake and said so: a new key would open none of them.
[[nodiscard]] result<keys> load_keys(const std::filesystem::path& master_file,
                                     storage::secret_store& secrets, wall_time now);

}  // namespace troupe::account
