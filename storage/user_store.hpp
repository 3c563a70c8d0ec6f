// SPDX-License-Identifier: GPL-3.0-or-later
// Users as the store keeps them. Passwords arrive hashed, stream keys sealed: nothing here can read
// either. Thread: every function from any thread that may block (a worker_pool's).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  /// How often all log-ins were ended; those of a lower number count no more.
  std::int64_t generation = 0;
};

/// What a new user brings besides its record.
struct user_keys {
  std::string username_key;  ///< the canonical form: what must be unique and what is looked up
  std::string email_key;
  bytes sealed_stream_key;
  bytes stream_key_digest;  ///< keyed; unique; how a publisher's key finds its owner
  /// Shared by names that look alike, and unique; empty: none is kept.
  std::string username_skeleton{};
};

/// All log-ins of a user were ended.
struct ended_log_ins {
  user_id user = 0;
  std::int64_t generation = 0;  ///< what counts now
  wall_time at;
};

struct unfinished_name {
  user_id user = 0;
  std::string username;
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
  /// Ends all log-ins in the same moment; answers the new generation. expected: the hash that is
  /// there now, when given. Errors: not_found, conflict (password_changed).
  [[nodiscard]] virtual result<std::int64_t> set_password_hash(
      user_id id, const std::optional<std::string>& expected, std::string_view hash,
      wall_time now) = 0;
  /// The same password hashed anew; ends nothing. Nothing happens when the hash is another by now.
  [[nodiscard]] virtual result<void> renew_password_hash(user_id id, std::string_view expected,
                                                         std::string_view hash) = 0;
  /// seen: the generation that the caller's proof was given under. Errors: conflict (email_taken;
  /// password_changed: the generation has risen), not_found.
  [[nodiscard]] virtual result<void> set_email(user_id id, std::int64_t seen,
                                               std::string_view email,
                                               std::string_view email_key) = 0;
  /// Answers the new generation. Errors: not_found.
  [[nodiscard]] virtual result<std::int64_t> end_log_ins(user_id id, wall_time now) = 0;
  /// The latest first, at most 10,000.
  [[nodiscard]] virtual result<std::vector<ended_log_ins>> log_ins_ended_since(wall_time t) = 0;
  /// Users from before skeletons were kept, at most 500.
  [[nodiscard]] virtual result<std::vector<unfinished_name>> names_without_skeleton() = 0;
  /// For a user without one; what another node has set stays. If another user has the skeleton
  /// already, nothing can be done for two names that were there first: the user gets one that
  /// nobody else can have.
  [[nodiscard]] virtual result<void> set_skeleton(user_id id, std::string_view skeleton) = 0;
  /// Is there anyone who may administrate? Asked once, at the first start.
  [[nodiscard]] virtual result<bool> has_administrator() = 0;
};

}  // namespace troupe::storage
