// SPDX-License-Identifier: GPL-3.0-or-later
// The service's other half: what users and administrators change.
#include "actors/account/password_hash.hpp"
#include "actors/account/rules.hpp"
#include "actors/account/second_factor.hpp"
#include "actors/account/service.hpp"
#include "base/log.hpp"

namespace troupe::account {

using codes = std::vector<std::string>;

void service::change_password(user_id who, std::string wanted, proof shown,
                              callback<token_pair> done) {
  auto w = wait_for<token_pair>(std::move(done));
  const auto from = shown.from;
  prove(
      {.login = {},
       .who = who,
       .shown = std::move(shown),
       .done = [this, w, from, wanted = std::move(wanted)](result<storage::user_record> u) mutable {
         if (!u) {
           (*w)(fail(u.error()));
           return;
         }
         if (auto good = check_password(wanted, u->username, u->email); !good) {
           (*w)(fail(good.error()));
           return;
         }
         // Whoever got here has shown a password: no stranger.
         run_hashing<token_pair>(
             {.network = from.network, .is_known = true}, w,
             [this, from, wanted = std::move(wanted), u = *u](const waiter<token_pair>& hashing) {
               auto hash = hash_password(wanted, settings_.bcrypt_cost);
               run_on_store<token_pair>(hashing, [this, from, u, hash = std::move(hash)](
                                                     const waiter<token_pair>& last) {
                 (*last)(change_hash(u, hash, from));
               });
             });
       }});
}

result<token_pair> service::change_hash(storage::user_record u, const std::string& hash,
                                        client from) {
  const auto generation =
      store_.users().set_password_hash(u.id, u.password_hash, hash, time_.wall());
  if (!generation) {
    return fail(generation.error());
  }
  u.generation = *generation;
  note_end(u.id, *generation);
  log::info("a password was changed user={}", u.id);
  return first_tokens(u, from);
}

void service::change_email(user_id who, std::string wanted, proof shown, callback<user> done) {
  if (auto good = check_email(wanted); !good) {
    done(fail(good.error()));
    return;
  }
  ask_with_proof<user>(
      who, std::move(shown), std::move(done),
      [this, wanted = std::move(wanted)](const storage::user_record& u) -> result<user> {
        if (auto set = store_.users().set_email(u.id, u.generation, wanted, canonical(wanted));
            !set) {
          return fail(set.error());
        }
        log::info("a mail address was changed user={}", u.id);
        return user{u.id, u.username, wanted, u.is_administrator, u.created_at};
      });
}

void service::note_end(user_id who, std::int64_t generation) {
  ended_.add(who, generation, time_.wall());
  // They count no more already; the rows need not wait for their expiry.
  if (const auto gone = store_.tokens().revoke_all(who); !gone) {
    log::warn("ended log-ins not removed user={}: {}", who, gone.error().message);
  }
}

result<void> service::end_log_ins(user_id who) {
  const auto generation = store_.users().end_log_ins(who, time_.wall());
  if (!generation) {
    return fail(generation.error());
  }
  note_end(who, *generation);
  return {};
}

void service::log_out_everywhere(user_id who, callback<void> done) {
  ask_store<void>(std::move(done), [this, who] { return end_log_ins(who); });
}

void service::second_factor(user_id who, callback<second_factor_state> done) {
  ask_store<second_factor_state>(std::move(done), [this, who]() -> result<second_factor_state> {
    const auto record = store_.second_factors().find(who);
    if (!record) {
      return record.error().code == errc::not_found ? result<second_factor_state>({})
                                                    : fail(record.error());
    }
    if (!record->is_confirmed) {
      return second_factor_state{};
    }
    const auto left = count_recovery_codes(sealer_, who, record->recovery);
    return left ? result<second_factor_state>({true, *left}) : fail(left.error());
  });
}

void service::begin_second_factor(user_id who, proof shown, callback<enrolment> done) {
  ask_with_proof<enrolment>(who, std::move(shown), std::move(done),
                            [this](const storage::user_record& u) { return make_enrolment(u); });
}

result<enrolment> service::make_enrolment(const storage::user_record& u) {
  const auto secret = make_totp_secret();
  if (auto begun = store_.second_factors().begin(u.id, u.generation,
                                                 seal_totp_secret(sealer_, u.id, secret));
      !begun) {
    return fail(begun.error());
  }
  return enrolment{to_base32(secret), totp_uri(settings_.issuer, u.username, secret)};
}

void service::confirm_second_factor(user_id who, std::string otp, client from,
                                    callback<confirmed_factor> done) {
  ask_store<confirmed_factor>(
      std::move(done), [this, who, otp = std::move(otp), from] { return confirm(who, otp, from); });
}

result<confirmed_factor> service::confirm(user_id who, const std::string& otp, client from) {
  const auto record = store_.second_factors().find(who);
  if (!record) {
    return record.error().code == errc::not_found
               ? fail(errc::conflict, "no_enrolment", "no second factor waits for its code")
               : fail(record.error());
  }
  if (record->is_confirmed) {
    return fail(errc::conflict, "second_factor_enabled", "there is a second factor already");
  }
  const auto secret = open_totp_secret(sealer_, who, record->sealed_secret);
  if (!secret) {
    return fail(secret.error());
  }
  const auto admitted = limits_.admit_code(who, false);
  if (!admitted) {
    return fail(admitted.error());
  }
  const auto step = find_totp_step(*secret, otp, time_.wall(), record->last_step);
  if (!step) {
    wrong_code_.add();
    return fail(errc::forbidden, "invalid_otp", "this is not the authenticator's code");
  }
  limits_.succeeded(*admitted);
  auto u = store_.users().find(who);
  if (!u) {
    return fail(u.error());
  }
  auto made = make_recovery_codes();
  const auto generation = store_.second_factors().confirm(
      who, record->sealed_secret, *step, seal_recovery_codes(sealer_, who, made), time_.wall());
  if (!generation) {
    return fail(generation.error());
  }
  u->generation = *generation;
  note_end(who, *generation);
  log::info("a second factor was switched on user={}", who);
  return map(first_tokens(*u, from), [&](token_pair tokens) {
    return confirmed_factor{std::move(made), std::move(tokens)};
  });
}

namespace {

std::unexpected<error> no_second_factor() {
  return fail(errc::conflict, "second_factor_disabled", "there is no second factor");
}

}  // namespace

void service::replace_recovery_codes(user_id who, proof shown, callback<codes> done) {
  ask_with_proof<codes>(who, std::move(shown), std::move(done),
                        [this](const storage::user_record& u) { return new_recovery_codes(u); });
}

result<codes> service::new_recovery_codes(const storage::user_record& u) {
  const auto record = store_.second_factors().find(u.id);
  if (!record || !record->is_confirmed) {
    return record || record.error().code == errc::not_found ? no_second_factor()
                                                            : fail(record.error());
  }
  auto made = make_recovery_codes();
  const auto replaced = store_.second_factors().replace_recovery(
      u.id, u.generation, record->recovery, seal_recovery_codes(sealer_, u.id, made));
  if (!replaced) {
    return fail(replaced.error());
  }
  if (*replaced) {
    log::info("recovery codes were replaced user={}", u.id);
  }
  return *replaced ? result<codes>(std::move(made))
                   : fail(errc::conflict, "recovery_codes_changed",
                          "the codes were changed by another request");
}

void service::end_second_factor(user_id who, proof shown, callback<void> done) {
  ask_with_proof<void>(who, std::move(shown), std::move(done),
                       [this](const storage::user_record& u) -> result<void> {
                         const auto record = store_.second_factors().find(u.id);
                         if (!record || !record->is_confirmed) {
                           return record || record.error().code == errc::not_found
                                      ? no_second_factor()
                                      : fail(record.error());
                         }
                         const auto gone = store_.second_factors().remove(u.id, u.generation);
                         if (gone) {
                           log::info("a second factor was switched off user={}", u.id);
                         }
                         return gone;
                       });
}

void service::remove_second_factor(user_id who, callback<void> done) {
  ask_store<void>(std::move(done), [this, who]() -> result<void> {
    if (auto ended = end_log_ins(who); !ended) {
      return ended;
    }
    return store_.second_factors().remove(who, std::nullopt);
  });
}

void service::rotate_token_key(bool ends_older, callback<rotated_key> done) {
  ask_store<rotated_key>(std::move(done), [this, ends_older] { return add_key(ends_older); });
}

result<rotated_key> service::add_key(bool ends_older) {
  const std::lock_guard lock(keys_mutex_);
  const auto ring = access_tokens_.keys();
  auto added = add_token_key(store_.secrets(), sealer_, ring->newest(), time_.wall());
  if (!added) {
    return fail(added.error());
  }
  if (ends_older) {
    for (const auto& each : ring->all()) {
      if (auto gone = remove_token_key(store_.secrets(), each); !gone) {
        return fail(gone.error());
      }
    }
  }
  if (auto read = read_keys(); !read) {
    return fail(read.error());
  }
  keys_rotated_.add();
  log::info("a new key signs access tokens kid={} older_ones_end={}", added->name, ends_older);
  const auto now = access_tokens_.keys();
  return rotated_key{now->newest().name, now->newest().signs_from};
}

result<void> service::read_keys() {
  auto keys = load_token_keys(store_.secrets(), sealer_, time_.wall());
  if (!keys) {
    return fail(keys.error());
  }
  access_tokens_.use(key_ring(std::move(*keys), access_tokens_.life()));
  return {};
}

result<void> service::look_after() {
  const auto now = time_.wall();
  {
    const std::lock_guard lock(keys_mutex_);
    if (auto read = read_keys(); !read) {
      return read;
    }
    const auto ring = access_tokens_.keys();
    for (const auto& each : ring->expired(now)) {
      if (auto gone = remove_token_key(store_.secrets(), each); !gone) {
        return gone;
      }
    }
    if (ring->newest().made_at + key_age <= now) {
      const auto added = add_token_key(store_.secrets(), sealer_, ring->newest(), now);
      if (!added) {
        return fail(added.error());
      }
      keys_rotated_.add();
      log::info("a new key will sign access tokens kid={}", added->name);
    }
  }
  ended_.forget(now);
  // Clocks of nodes may differ by a minute.
  const auto ended =
      store_.users().log_ins_ended_since(now - access_tokens_.life() - std::chrono::minutes(1));
  if (!ended) {
    return fail(ended.error());
  }
  for (const auto& each : *ended) {
    ended_.add(each.user, each.generation, each.at);
  }
  return {};
}

}  // namespace troupe::account
