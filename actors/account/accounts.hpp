// SPDX-License-Identifier: GPL-3.0-or-later
// Who may do what: registration, log-in, tokens, stream keys. What edges call; nothing here blocks
// the caller. Thread: every function from any thread. Callbacks run on a thread of the storage or
// password pool, or before the call returns, on the caller's, when it is refused at once.
#pragma once

#include <chrono>
#include <cstdint>
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
  /// How often the user had ended all log-ins when it was made; see accounts::has_ended().
  std::int64_t generation = 0;
};

/// Where a request comes from: what guesses are counted against, and hashing is shared out by.
struct client {
  /// One number per IPv4 address and per IPv6 /64. 0: not known, shared by all such.
  std::uint64_t network = 0;
  /// Loopback or limits.trusted: nothing is counted against the address.
  bool is_trusted = false;
};

struct new_user {
  std::string username;
  std::string email;
  std::string password;
  client from{};
};

/// What shows that somebody is who they say.
struct proof {
  std::string password;
  /// Six digits of the second factor, or a recovery code; not looked at where there is no second
  /// factor.
  std::string otp{};
  client from{};
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
  /// unauthenticated (invalid_credentials). username may be the email address. With a second
  /// factor, once the password is right: unauthenticated (second_factor_required, invalid_otp).
  /// After too many failures: rate_limited (too_many_attempts) with retry_after. unavailable
  /// (overloaded) when too many passwords wait to be hashed.
  virtual void log_in(std::string username, proof shown, callback<token_pair> done) = 0;
  /// A refresh token works once: unauthenticated (invalid_grant) afterwards.
  virtual void refresh(std::string refresh_token, callback<token_pair> done) = 0;
  virtual void log_out(std::string refresh_token, callback<void> done) = 0;

  /// Whose log-in a refresh token is, without using it up: for a WebSocket's upgrade, which brings
  /// the page's cookie. Lasts as long as an access token made now would. Errors: unauthenticated
  /// (invalid_grant), whatever is wrong with it; a used one ends nothing here.
  virtual void identify(std::string refresh_token, callback<identity> done) = 0;

  /// No I/O: signature, expiry, issuer. Errors: unauthenticated (invalid_token, token_expired).
  virtual result<identity> verify(std::string_view access_token) const = 0;
  /// Whether all log-ins of the user were ended since verify() or identify() gave this: for who
  /// keeps an identity for longer than a request. No I/O; looks up one number.
  virtual bool has_ended(const identity& who) const = 0;

  virtual void find(user_id id, callback<user> done) = 0;
  /// The user's one stream key: made at registration, sealed at rest, stays until rotated.
  virtual void stream_key(user_id owner, callback<std::string> done) = 0;
  virtual void rotate_stream_key(user_id owner, callback<std::string> done) = 0;
  /// Who publishes with this key; unauthenticated (invalid_stream_key) when nobody does.
  virtual void owner_of_key(std::string stream_key, callback<user> done) = 0;
};

}  // namespace troupe::account
