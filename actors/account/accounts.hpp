// SPDX-License-Identifier: GPL-3.0-or-later
// Who may do what: registration, log-in, tokens, stream keys. What edges call; nothing here blocks
// the caller. Thread: every function from any thread. Callbacks run on a thread of the storage or
// password pool, or before the call returns, on the caller's, when it is refused at once.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/callback.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace troupe::account {

struct user {
  user_id id = 0;
  std::string username;
  std::string email;
  bool is_administrator = false;
  wall_time created_at;
};

/// What an access token proves.
struct identity {
  user_id id = 0;
  std::string username;
  bool is_administrator = false;
  /// When the token ends: what an edge knows of its peer for longer than one request lasts until
  /// then.
  wall_time expires_at{};
};

struct new_user {
  std::string username;
  std::string email;
  std::string password;
};

struct token_pair {
  std::string access_token;   ///< JWT (RFC 7519), signed HS256, with kid
  std::string refresh_token;  ///< opaque, stored only as a digest, used once
  std::chrono::seconds expires_in{};
};

class accounts {
 public:
  virtual ~accounts() = default;

  /// Errors: invalid_argument (invalid_username, invalid_email, weak_password), conflict
  /// (username_taken, email_taken), unavailable when the password pool's queue is full.
  virtual void register_user(new_user wanted, callback<user> done) = 0;
  /// The same answer, after the same work, for an unknown user and a wrong password:
  /// unauthenticated (invalid_credentials). username may be the email address.
  virtual void log_in(std::string username, std::string password, callback<token_pair> done) = 0;
  /// A refresh token works once: unauthenticated (invalid_grant) afterwards.
  virtual void refresh(std::string refresh_token, callback<token_pair> done) = 0;
  virtual void log_out(std::string refresh_token, callback<void> done) = 0;

  /// Whose log-in a refresh token is, without using it up: for a WebSocket's upgrade, which brings
  /// the page's cookie. Lasts as long as an access token made now would. Errors: unauthenticated
  /// (invalid_grant), whatever is wrong with it; a used one ends nothing here.
  virtual void identify(std::string refresh_token, callback<identity> done) = 0;

  /// No I/O: signature, expiry, issuer. Errors: unauthenticated (invalid_token, token_expired).
  virtual result<identity> verify(std::string_view access_token) const = 0;

  virtual void find(user_id id, callback<user> done) = 0;
  /// The user's one stream key: made at registration, sealed at rest, stays until rotated.
  virtual void stream_key(user_id owner, callback<std::string> done) = 0;
  virtual void rotate_stream_key(user_id owner, callback<std::string> done) = 0;
  /// Who publishes with this key; unauthenticated (invalid_stream_key) when nobody does.
  virtual void owner_of_key(std::string stream_key, callback<user> done) = 0;
};

}  // namespace troupe::account
