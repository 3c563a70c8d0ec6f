// SPDX-License-Identifier: GPL-3.0-or-later
// Account changes in memory. The password is "right", the second factor's code "123456".
#pragma once

#include <string>
#include <vector>

#include "actors/account/changes.hpp"
#include "tests/unit/net/http/fakes.hpp"

namespace troupe::http::testing {

class fake_changes final : public account::changes, public fake_backend {
 public:
  account::proof shown;
  std::string wanted;
  user_id whose = 0;
  bool has_second_factor = false;
  bool ended_older = false;

  void change_password(user_id who, std::string text, account::proof p,
                       callback<account::token_pair> done) override {
    wanted = std::move(text);
    prove<account::token_pair>(who, std::move(p), std::move(done), new_log_in());
  }

  void change_email(user_id who, std::string text, account::proof p,
                    callback<account::user> done) override {
    account::user changed{.id = who,
                          .username = "aya",
                          .email = text,
                          .is_administrator = false,
                          .created_at = from_unix_ms(1'768'471'200'000)};
    wanted = std::move(text);
    prove<account::user>(who, std::move(p), std::move(done), std::move(changed));
  }

  void log_out_everywhere(user_id who, callback<void> done) override {
    whose = who;
    answer<void>(std::move(done), {});
  }

  void second_factor(user_id who, callback<account::second_factor_state> done) override {
    whose = who;
    answer<account::second_factor_state>(
        std::move(done),
        account::second_factor_state{.is_enabled = has_second_factor, .recovery_codes_left = 10});
  }

  void begin_second_factor(user_id who, account::proof p,
                           callback<account::enrolment> done) override {
    prove<account::enrolment>(
        who, std::move(p), std::move(done),
        account::enrolment{.secret = "GEZDGNBV",
                           .uri = "otpauth://totp/troupe:aya?secret=GEZDGNBV"});
  }

  void confirm_second_factor(user_id who, std::string otp, account::client,
                             callback<account::confirmed_factor> done) override {
    whose = who;
    has_second_factor = otp == "123456";
    result<account::confirmed_factor> outcome =
        fail(errc::forbidden, "invalid_otp", "not the code");
    if (has_second_factor) {
      outcome = account::confirmed_factor{codes(), new_log_in()};
    }
    answer<account::confirmed_factor>(std::move(done), std::move(outcome));
  }

  void replace_recovery_codes(user_id who, account::proof p,
                              callback<std::vector<std::string>> done) override {
    prove<std::vector<std::string>>(who, std::move(p), std::move(done), codes());
  }

  void end_second_factor(user_id who, account::proof p, callback<void> done) override {
    prove<void>(who, std::move(p), std::move(done), {});
  }

  void remove_second_factor(user_id who, callback<void> done) override {
    whose = who;
    answer<void>(std::move(done), {});
  }

  void rotate_token_key(bool ends_older, callback<account::rotated_key> done) override {
    ended_older = ends_older;
    answer<account::rotated_key>(
        std::move(done),
        account::rotated_key{.name = "k2", .signs_from = from_unix_ms(1'768'471'200'000)});
  }

 private:
  static account::token_pair new_log_in() {
    return {.access_token = "user-7",
            .refresh_token = "refresh-new",
            .expires_in = std::chrono::minutes(15)};
  }

  static std::vector<std::string> codes() { return {"abcde-fghjk", "mnpqr-stvwx"}; }

  template <class T>
  void prove(user_id who, account::proof p, callback<T> done, result<T> outcome) {
    whose = who;
    shown = std::move(p);
    if (shown.password != "right") {
      outcome = fail(errc::forbidden, "wrong_password", "wrong");
    } else if (has_second_factor && shown.otp != "123456") {
      outcome = fail(errc::forbidden, shown.otp.empty() ? "second_factor_required" : "invalid_otp",
                     "the code");
    }
    answer<T>(std::move(done), std::move(outcome));
  }
};

}  // namespace troupe::http::testing
