// SPDX-License-Identifier: GPL-3.0-or-later
// How the service finds out whether somebody is who they say: limits, the password, the second
// factor, in this order, with the same work and the same answer for users that do not exist.
#include "actors/account/password_hash.hpp"
#include "actors/account/rules.hpp"
#include "actors/account/second_factor.hpp"
#include "actors/account/service.hpp"

namespace troupe::account {

error service::refusal(const trial& t, const char* reason, const char* message) {
  return make_error(t.login.empty() ? errc::forbidden : errc::unauthenticated, reason, message);
}

void service::prove(trial t) {
  auto shared = std::make_shared<trial>(std::move(t));
  // Longer than any that was ever accepted: the answer is the same whoever is meant.
  if (shared->login.size() > 254 || shared->shown.password.size() > largest_password_bytes ||
      shared->shown.otp.size() > 64) {
    wrong_password_.add();
    shared->done(
        fail(refusal(*shared, shared->login.empty() ? "wrong_password" : "invalid_credentials",
                     "wrong username or password")));
    return;
  }
  store_pool_.submit([this, shared] { look_up(shared); },
                     [this, shared] {
                       refused_.add();
                       shared->done(fail(overloaded()));
                     });
}

void service::look_up(const shared_trial& t) {
  const bool is_log_in = t->who == 0;
  auto found = is_log_in ? store_.users().find_by_login(t->login) : store_.users().find(t->who);
  if (found) {
    t->found = std::move(*found);
  } else if (!is_log_in || (found.error().code != errc::not_found &&
                            found.error().code != errc::invalid_argument)) {
    t->done(fail(found.error()));
    return;
  }
  if (!t->shown.from.is_trusted && t->shown.from.network != 0) {
    // Asked for users that do not exist too: it takes time.
    const auto known =
        store_.tokens().knows_network(t->found.id, network_digest(t->found.id, t->shown.from));
    t->is_known_network = known.value_or(false);
  }
  const auto subject = is_log_in ? "name " + t->login : "user " + std::to_string(t->who);
  auto admitted = limits_.admit({.subject = subject,
                                 .from = t->shown.from,
                                 .is_known_network = t->is_known_network,
                                 .is_authenticated = !is_log_in});
  if (!admitted) {
    t->done(fail(admitted.error()));
    return;
  }
  t->ticket = *admitted;
  // The operators' own machines are as good as known: their line is not the one that is flooded.
  password_pool_.submit({.network = t->shown.from.network,
                         .is_known = t->is_known_network || t->shown.from.is_trusted},
                        {.run = [this, t] { compare(t); },
                         .dropped =
                             [this, t] {
                               limits_.take_back(t->ticket);
                               refused_.add();
                               t->done(fail(overloaded()));
                             }});
}

void service::compare(const shared_trial& t) {
  // An unknown user costs the same work as a wrong password.
  const bool exists = t->found.id != 0;
  if (!is_password(t->shown.password, exists ? t->found.password_hash : nobodys_hash_) || !exists) {
    wrong_password_.add();
    t->done(fail(t->login.empty()
                     ? refusal(*t, "wrong_password", "this is not the password")
                     : refusal(*t, "invalid_credentials", "wrong username or password")));
    return;
  }
  store_pool_.submit([this, t] { ask_second_factor(t); },
                     [this, t] {
                       limits_.take_back(t->ticket);
                       refused_.add();
                       t->done(fail(overloaded()));
                     });
}

void service::ask_second_factor(const shared_trial& t) {
  if (auto good = check_second_factor(*t); !good) {
    // A wrong code goes on counting as a failure; the rest says nothing against the caller.
    if (good.error().reason != "invalid_otp") {
      limits_.take_back(t->ticket);
    }
    t->done(fail(good.error()));
    return;
  }
  limits_.succeeded(t->ticket);
  t->done(t->found);
}

result<void> service::check_second_factor(const trial& t) {
  const auto record = store_.second_factors().find(t.found.id);
  if (!record) {
    return record.error().code == errc::not_found ? result<void>() : fail(record.error());
  }
  if (!record->is_confirmed) {
    return {};
  }
  if (t.shown.otp.empty()) {
    return fail(refusal(t, "second_factor_required", "the code of the second factor is needed"));
  }
  const auto admitted = limits_.admit_code(t.found.id, t.is_known_network);
  if (!admitted) {
    return fail(admitted.error());
  }
  const auto is_right = is_right_code(t, *record);
  if (!is_right) {
    limits_.take_back(*admitted);
    return fail(is_right.error());
  }
  if (!*is_right) {
    wrong_code_.add();
    return fail(refusal(t, "invalid_otp", "this code is wrong, or was used already"));
  }
  limits_.succeeded(*admitted);
  return {};
}

result<bool> service::is_right_code(const trial& t, const storage::second_factor_record& r) {
  const auto secret = open_totp_secret(sealer_, t.found.id, r.sealed_secret);
  if (!secret) {
    return fail(secret.error());
  }
  if (const auto step = find_totp_step(*secret, t.shown.otp, time_.wall(), r.last_step)) {
    return store_.second_factors().use_step(t.found.id, *step);
  }
  const auto code = read_recovery_code(t.shown.otp);
  if (!code) {
    return false;
  }
  const auto rest = use_recovery_code(sealer_, t.found.id, r.recovery, *code);
  if (!rest) {
    return fail(rest.error());
  }
  return *rest ? store_.second_factors().replace_recovery(t.found.id, t.found.generation,
                                                          r.recovery, **rest)
               : result<bool>(false);
}

}  // namespace troupe::account
