// SPDX-License-Identifier: GPL-3.0-or-later
// Users as the store keeps them. Passwords arrive hashed, stream keys sealed: nothing here can read
// either. Thread: every function from any thread that may block (a worker_pool's).
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe::storage {

struct user_record {
  user_id id = 0;
  std::string username;  ///< as its owner wrote it
  std::string email;
  std::string password_hash;
  bool is_administrator = false;
  wall_time created_at;
};

/// What a new user brings besides its record.
struct user_keys {
  std::string username_key;  ///< the canonical form: what must be unique and what is looked up
  std::string email_key;
  bytes sealed_stream_key;
  bytes stream_key_digest;  ///< keyed; unique; how a publisher's key finds its owner
};

class user_store {
 public:
  virtual ~user_store() = default;

  /// Errors: conflict (username_taken, email_taken).
  [[nodiscard]] virtual result<void> add(const user_record& user, const user_keys& keys) = 0;
  /// Errors of every look-up: not_found.
  [[nodiscard]] virtual result<user_record> find(user_id id) = 0;
  /// key: the canonical form of a username or of an email address.
  [[nodiscard]] virtual result<user_record> find_by_login(std::string_view key) = 0;
  [[nodiscard]] virtual result<user_record> find_by_stream_key(byte_view digest) = 0;
  [[nodiscard]] virtual result<bytes> sealed_stream_key(user_id id) = 0;
  [[nodiscard]] virtual result<void> replace_stream_key(user_id id, byte_view sealed,
                                                        byte_view digest) = 0;
  [[nodiscard]] virtual result<void> set_password_hash(user_id id, std::string_view hash) = 0;
  /// Is there anyone who may administrate? Asked once, at the first start.
  [[nodiscard]] virtual result<bool> has_administrator() = 0;
};

}  // namespace troupe::storage
