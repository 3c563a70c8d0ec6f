// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the accounts service over a store. Nothing in here is an actor: an account has no life of
// its own between two requests.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "actors/account/accounts.hpp"
#include "actors/account/changes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/metrics.hpp"
#include "base/worker_pool.hpp"
#include "storage/database.hpp"

namespace troupe::account {

struct settings {
  /// Where master.key is, or is made at the first start (mode 0600): it seals stream keys and the
  /// token signing key. All nodes of a cluster need the same file.
  std::filesystem::path data_folder;
  std::string issuer = "troupe";  ///< "iss" of the tokens: the cluster's name
  int bcrypt_cost = 12;           ///< 4 to 14; below 10 in tests only
  std::chrono::seconds access_token_life{15 * 60};
  std::chrono::seconds refresh_token_life{30 * 24 * 3600};
  /// Entries of each table of failed log-ins, 32 bytes each; the oldest give way.
  std::size_t counted_failures = 65'536;
  /// Users remembered who ended all log-ins within an access token's life.
  std::size_t remembered_ends = 65'536;
};

/// What the service borrows; all of it must live longer.
struct dependencies {
  storage::database& store;
  worker_pool& store_pool;  ///< where the store's calls run
  const clock& time;
  id_generator& ids;
  metrics& counters;
};

/// The accounts, and what only the command line and the first start may do.
class administered_accounts : public accounts, public changes {
 public:
  /// Registers a user that may administrate, on the caller's thread: blocks about half a second.
  /// Errors: as register_user().
  [[nodiscard]] virtual result<user> create_administrator(new_user wanted) = 0;
  /// Gives a user, named by username or email address, a new password, and ends all log-ins. Does
  /// not block. Errors: not_found, invalid_argument (weak_password), unavailable.
  virtual void set_password(std::string username, std::string password, callback<void> done) = 0;
  /// Blocks.
  [[nodiscard]] virtual result<bool> has_administrator() = 0;
  /// Blocks. What nodes share without asking for each token: the signing keys, rotated when they
  /// are old, and who ended all log-ins. To be called every other second; what it read last holds
  /// while the store is away.
  [[nodiscard]] virtual result<void> look_after() = 0;
};

/// Reads or makes the master key and the signing key: blocks, call it at start-up. Errors:
/// unavailable (unreadable folder or file, wrong permissions, store away), data_corrupt (wrong
/// length; sealed under another master key), invalid_argument (settings).
[[nodiscard]] result<std::unique_ptr<administered_accounts>> make_accounts(settings s,
                                                                           dependencies d);

}  // namespace troupe::account
