// SPDX-License-Identifier: GPL-3.0-or-later
// What users change about their own accounts, and administrators about anyone's. Where a proof is
// asked for, it is the one of a log-in, limited like one: forbidden (wrong_password,
// second_factor_required, invalid_otp), rate_limited (too_many_attempts).
// Thread: as accounts.
#pragma once

#include <string>
#include <vector>

#include "actors/account/accounts.hpp"
#include "base/callback.hpp"
#include "base/clock.hpp"

namespace troupe::account {

struct second_factor_state {
  bool is_enabled = false;
  int recovery_codes_left = 0;
};

/// What an authenticator wants to know.
struct enrolment {
  std::string secret;  ///< base32 (RFC 4648, 6), for typing
  std::string uri;     ///< otpauth://totp/…, for a QR code
};

/// A second factor that is on from now on.
struct confirmed_factor {
  std::vector<std::string> recovery_codes;  ///< shown this once
  token_pair tokens;                        ///< of the log-in that goes on
};

struct rotated_key {
  std::string name;  ///< "kid"
  wall_time signs_from;
};

class changes {
 public:
  virtual ~changes() = default;

  /// Ends every log-in of the user and answers with a new one. Errors: invalid_argument
  /// (weak_password), conflict (password_changed: by another request meanwhile).
  virtual void change_password(user_id who, std::string wanted, proof shown,
                               callback<token_pair> done) = 0;
  /// Errors: invalid_argument (invalid_email), conflict (email_taken).
  virtual void change_email(user_id who, std::string wanted, proof shown, callback<user> done) = 0;
  /// Ends every refresh token at once; access tokens on this node at once, on others when they next
  /// look (2 s), and nowhere later than their 15 minutes.
  virtual void log_out_everywhere(user_id who, callback<void> done) = 0;

  virtual void second_factor(user_id who, callback<second_factor_state> done) = 0;
  /// Makes a secret that counts once it is confirmed; until then a new one replaces it. Errors:
  /// conflict (second_factor_enabled).
  virtual void begin_second_factor(user_id who, proof shown, callback<enrolment> done) = 0;
  /// The first code of the new secret makes it count. Ends every log-in of the user, as none of
  /// them has shown it, and answers with a new one. Errors: forbidden (invalid_otp), conflict
  /// (second_factor_enabled, no_enrolment).
  virtual void confirm_second_factor(user_id who, std::string otp, client from,
                                     callback<confirmed_factor> done) = 0;
  /// Ten new recovery codes; the old ones end. Errors: conflict (second_factor_disabled).
  virtual void replace_recovery_codes(user_id who, proof shown,
                                      callback<std::vector<std::string>> done) = 0;
  /// Errors: conflict (second_factor_disabled).
  virtual void end_second_factor(user_id who, proof shown, callback<void> done) = 0;

  /// For administrators: without a proof, for a user who lost theirs. Ends every log-in too.
  virtual void remove_second_factor(user_id who, callback<void> done) = 0;
  /// A new key signs access tokens from a little later on, when every node knows it. ends_older: at
  /// once, and every token signed before is refused, as after a leak.
  virtual void rotate_token_key(bool ends_older, callback<rotated_key> done) = 0;
};

}  // namespace troupe::account
