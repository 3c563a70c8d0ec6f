// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/service.hpp"

#include <cstring>
#include <utility>

#include "actors/account/look_alike.hpp"
#include "actors/account/password_hash.hpp"
#include "actors/account/rules.hpp"
#include "actors/account/stream_key.hpp"
#include "base/log.hpp"

namespace troupe::account {

namespace {

/// At 0.25 s a hash and 2 threads: what waits longer than 8 s, or 16 s while both lines are full,
/// is better refused.
constexpr fair_pool::options password_options{.threads = 2, .queue = 64, .per_network = 8};

user to_user(const storage::user_record& r) {
  return {r.id, r.username, r.email, r.is_administrator, r.created_at};
}

std::unexpected<error> invalid_grant() {
  return fail(errc::unauthenticated, "invalid_grant", "this refresh token is not valid");
}

std::unexpected<error> invalid_stream_key() {
  return fail(errc::unauthenticated, "invalid_stream_key", "nobody has this stream key");
}

result<void> check(const new_user& wanted) {
  if (auto good = check_username(wanted.username); !good) {
    return good;
  }
  if (auto good = check_email(wanted.email); !good) {
    return good;
  }
  return check_password(wanted.password, wanted.username, wanted.email);
}

metrics::counter& log_in_counter(metrics& m, const char* kind, const char* outcome) {
  return m.make_counter("troupe_log_ins_total", "Requests for tokens, by how they ended",
                        {{"grant", kind}, {"outcome", outcome}});
}

}  // namespace

service::service(settings s, dependencies d, keys k)
    : settings_(std::move(s)),
      store_(d.store),
      store_pool_(d.store_pool),
      time_(d.time),
      ids_(d.ids),
      registered_(d.counters.make_counter("troupe_registrations_total", "Users registered")),
      logged_in_(log_in_counter(d.counters, "password", "granted")),
      wrong_password_(log_in_counter(d.counters, "password", "wrong")),
      wrong_code_(log_in_counter(d.counters, "password", "wrong_code")),
      refreshed_(log_in_counter(d.counters, "refresh_token", "granted")),
      wrong_refresh_(log_in_counter(d.counters, "refresh_token", "wrong")),
      wrong_key_(d.counters.make_counter("troupe_wrong_stream_keys_total",
                                         "Stream keys presented that nobody has")),
      refused_(d.counters.make_counter("troupe_accounts_refused_total",
                                       "Account requests refused because a queue was full")),
      keys_rotated_(d.counters.make_counter("troupe_token_keys_made_total",
                                            "Keys for access tokens made to follow another")),
      sealer_(k.master),
      access_tokens_(key_ring(std::move(k.token_keys), settings_.access_token_life),
                     settings_.issuer, settings_.access_token_life, time_),
      ended_(settings_.access_token_life, settings_.remembered_ends, d.counters),
      limits_(settings_.counted_failures, time_, d.counters),
      nobodys_hash_(impossible_hash(settings_.bcrypt_cost)),
      password_pool_("passwords", password_options, d.counters) {}

service::~service() {
  password_pool_.close();  // what waits is told so now, instead of hashed for seconds
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return waiting_ == 0; });
}

error overloaded() {
  return make_error(errc::unavailable, "overloaded", "too many requests wait, try again later");
}

void service::register_user(new_user wanted, callback<user> done) {
  auto w = wait_for<user>(std::move(done));
  if (auto good = check(wanted); !good) {
    (*w)(fail(good.error()));
    return;
  }
  const fair_pool::share whose{.network = wanted.from.network, .is_known = wanted.from.is_trusted};
  run_hashing<user>(whose, w, [this, wanted = std::move(wanted)](const waiter<user>& hashing) {
    auto hash = hash_password(wanted.password, settings_.bcrypt_cost);
    run_on_store<user>(hashing, [this, wanted, hash](const waiter<user>& storing) {
      (*storing)(store_user(wanted, hash, false));
    });
  });
}

result<user> service::store_user(const new_user& wanted, std::string hash, bool is_administrator) {
  const storage::user_record record{.id = ids_.next(),
                                    .username = wanted.username,
                                    .email = wanted.email,
                                    .password_hash = std::move(hash),
                                    .is_administrator = is_administrator,
                                    .created_at = time_.wall()};
  const auto key = make_stream_key();
  if (auto added = store_.users().add(
          record, {canonical(wanted.username), canonical(wanted.email),
                   seal_stream_key(sealer_, record.id, key), stream_key_digest(sealer_, key),
                   look_alike_skeleton(wanted.username)});
      !added) {
    return fail(std::move(added.error()));
  }
  registered_.add();
  return to_user(record);
}

result<user> service::create_administrator(new_user wanted) {
  if (auto good = check(wanted); !good) {
    return fail(good.error());
  }
  return store_user(wanted, hash_password(wanted.password, settings_.bcrypt_cost), true);
}

void service::set_password(std::string username, std::string password, callback<void> done) {
  auto w = wait_for<void>(std::move(done));
  if (auto good = check_password(password, username, username); !good) {
    (*w)(std::move(good));
    return;
  }
  run_hashing<void>({.network = 0, .is_known = true}, w,
                    [this, username = canonical(username), password](const waiter<void>& hashing) {
                      auto hash = hash_password(password, settings_.bcrypt_cost);
                      run_on_store<void>(hashing, [this, username, hash](const waiter<void>& s) {
                        (*s)(replace_password(username, hash));
                      });
                    });
}

result<void> service::replace_password(const std::string& username, std::string_view hash) {
  const auto found = store_.users().find_by_login(username);
  if (!found) {
    return fail(found.error());
  }
  const auto generation =
      store_.users().set_password_hash(found->id, std::nullopt, hash, time_.wall());
  if (!generation) {
    return fail(generation.error());
  }
  note_end(found->id, *generation);
  return {};
}

result<bool> service::has_administrator() {
  return store_.users().has_administrator();
}

void service::log_in(std::string username, proof shown, callback<token_pair> done) {
  auto w = wait_for<token_pair>(std::move(done));
  const auto from = shown.from;
  const auto password = shown.password;
  auto login = canonical(username);
  if (login.empty()) {
    login = "?";  // nobody's; a trial without a login is a change
  }
  prove({.login = std::move(login),
         .who = 0,
         .shown = std::move(shown),
         .done = [this, w, from, password](result<storage::user_record> u) {
           auto answer = u ? first_tokens(*u, from) : fail(u.error());
           // Before the answer: after it the service may be gone.
           if (u && cost_of(u->password_hash) != settings_.bcrypt_cost) {
             renew_hash(*u, password, from);
           }
           (*w)(std::move(answer));
         }});
}

/// Whose hash was made at another cost would answer in another time than nobody does.
void service::renew_hash(const storage::user_record& u, const std::string& password, client from) {
  const auto w = wait_for<void>([who = u.id](const result<void>& renewed) {
    if (!renewed) {
      log::debug("a password's hash keeps its old cost user={}: {}", who, renewed.error().message);
    }
  });
  run_hashing<void>({.network = from.network, .is_known = true}, w,
                    [this, u, password](const waiter<void>& hashing) {
                      auto hash = hash_password(password, settings_.bcrypt_cost);
                      run_on_store<void>(hashing, [this, u, hash](const waiter<void>& s) {
                        (*s)(store_.users().renew_password_hash(u.id, u.password_hash, hash));
                      });
                    });
}

token_pair service::tokens_for(const storage::user_record& u,
                               const account::refresh_token& next) const {
  return {access_tokens_.sign({.id = u.id,
                               .username = u.username,
                               .is_administrator = u.is_administrator,
                               .generation = u.generation}),
          next.text(), access_tokens_.life()};
}

std::int64_t service::network_digest(user_id who, client from) const {
  if (from.network == 0 || from.is_trusted) {
    return 0;
  }
  // Keyed, and another one for each user: the store tells nobody who was where.
  const auto d = sealer_.digest_of("network of user " + std::to_string(who),
                                   as_bytes(std::to_string(from.network)));
  std::int64_t number = 0;
  std::memcpy(&number, d.data(), sizeof(number));
  return number;
}

result<token_pair> service::first_tokens(const storage::user_record& u, client from) {
  const auto now = time_.wall();
  const auto token = refresh_token::make();
  if (auto added = store_.tokens().add({.family = token.family_digest(),
                                        .secret = token.secret_digest(),
                                        .user = u.id,
                                        .expires_at = now + settings_.refresh_token_life,
                                        .generation = u.generation,
                                        .network = network_digest(u.id, from)},
                                       now);
      !added) {
    return fail(added.error());
  }
  logged_in_.add();
  return tokens_for(u, token);
}

void service::refresh(std::string refresh_token, callback<token_pair> done) {
  ask_store<token_pair>(std::move(done), [this, text = std::move(refresh_token)] {
    auto next = next_tokens(text);
    if (next) {
      refreshed_.add();
    } else if (next.error().code == errc::unauthenticated) {
      wrong_refresh_.add();
    }
    return next;
  });
}

result<token_pair> service::next_tokens(std::string_view text) {
  const auto old = refresh_token::parse(text);
  if (!old) {
    return invalid_grant();
  }
  const auto next = old->successor(sealer_);
  const auto now = time_.wall();
  const auto owner =
      store_.tokens().rotate(old->family_digest(), old->secret_digest(), next.secret_digest(), now,
                             now + settings_.refresh_token_life);
  if (!owner) {
    return fail(owner.error());
  }
  auto u = store_.users().find(owner->user);
  if (!u) {
    return u.error().code == errc::not_found ? invalid_grant() : fail(u.error());
  }
  u->generation = owner->generation;  // a log-out everywhere just now ends this one too
  return tokens_for(*u, next);
}

void service::log_out(std::string refresh_token, callback<void> done) {
  // RFC 7009, 2.2: a token that is not valid is as good as revoked.
  ask_store<void>(std::move(done), [this, text = std::move(refresh_token)]() -> result<void> {
    const auto token = refresh_token::parse(text);
    return token ? store_.tokens().revoke(token->family_digest()) : result<void>();
  });
}

void service::identify(std::string refresh_token, callback<identity> done) {
  ask_store<identity>(std::move(done), [this, text = std::move(refresh_token)] {
    return owner_of_refresh_token(text);
  });
}

result<identity> service::owner_of_refresh_token(std::string_view text) {
  const auto token = refresh_token::parse(text);
  if (!token) {
    return invalid_grant();
  }
  const auto now = time_.wall();
  const auto owner =
      store_.tokens().find_owner(token->family_digest(), token->secret_digest(), now);
  if (!owner) {
    return owner.error().code == errc::not_found ? invalid_grant() : fail(owner.error());
  }
  const auto u = store_.users().find(owner->user);
  if (!u) {
    return u.error().code == errc::not_found ? invalid_grant() : fail(u.error());
  }
  return identity{.id = u->id,
                  .username = u->username,
                  .is_administrator = u->is_administrator,
                  .expires_at = now + access_tokens_.life(),
                  .generation = owner->generation};
}

result<identity> service::verify(std::string_view access_token) const {
  auto who = access_tokens_.verify(access_token);
  if (who && ended_.has_ended(*who)) {
    // As if its time were over: whoever still has a refresh token may renew.
    return fail(errc::unauthenticated, "token_expired", "this log-in has been ended");
  }
  return who;
}

bool service::has_ended(const identity& who) const {
  return ended_.has_ended(who);
}

void service::find(user_id id, callback<user> done) {
  ask_store<user>(std::move(done), [this, id]() -> result<user> {
    const auto found = store_.users().find(id);
    return found ? result<user>(to_user(*found)) : fail(found.error());
  });
}

void service::stream_key(user_id owner, callback<std::string> done) {
  ask_store<std::string>(std::move(done), [this, owner]() -> result<std::string> {
    const auto sealed = store_.users().sealed_stream_key(owner);
    return sealed ? open_stream_key(sealer_, owner, *sealed) : fail(sealed.error());
  });
}

void service::rotate_stream_key(user_id owner, callback<std::string> done) {
  ask_store<std::string>(std::move(done), [this, owner]() -> result<std::string> {
    auto key = make_stream_key();
    const auto replaced = store_.users().replace_stream_key(
        owner, seal_stream_key(sealer_, owner, key), stream_key_digest(sealer_, key));
    return replaced ? result<std::string>(std::move(key)) : fail(replaced.error());
  });
}

void service::owner_of_key(std::string stream_key, callback<user> done) {
  ask_store<user>(std::move(done), [this, key = std::move(stream_key)]() -> result<user> {
    if (is_stream_key_form(key)) {
      const auto found = store_.users().find_by_stream_key(stream_key_digest(sealer_, key));
      if (found) {
        return to_user(*found);
      }
      if (found.error().code != errc::not_found) {
        return fail(found.error());
      }
    }
    wrong_key_.add();
    return invalid_stream_key();
  });
}

result<void> service::fill_in_skeletons() {
  for (;;) {
    const auto names = store_.users().names_without_skeleton();
    if (!names) {
      return fail(names.error());
    }
    if (names->empty()) {
      return {};
    }
    for (const auto& each : *names) {
      if (auto set = store_.users().set_skeleton(each.user, look_alike_skeleton(each.username));
          !set) {
        return fail(set.error().with("filling in what usernames look like"));
      }
    }
  }
}

result<void> service::start() {
  if (auto filled = fill_in_skeletons(); !filled) {
    return filled;
  }
  return look_after();
}

result<std::unique_ptr<administered_accounts>> make_accounts(settings s, dependencies d) {
  if (s.bcrypt_cost < 4 || s.bcrypt_cost > 14) {
    return fail(errc::invalid_argument, "the bcrypt cost is between 4 and 14");
  }
  auto k = load_keys(s.data_folder / "master.key", d.store.secrets(), d.time.wall());
  if (!k) {
    return fail(k.error());
  }
  auto made = std::make_unique<service>(std::move(s), d, std::move(*k));
  if (auto started = made->start(); !started) {
    return fail(started.error());
  }
  return made;
}

}  // namespace troupe::account
