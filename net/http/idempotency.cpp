// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/idempotency.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>

namespace troupe::http {

fingerprint fingerprint_of(const request& r) {
  fingerprint digest{};
  std::string text;
  text.reserve(r.path.size() + 1 + r.body.size());
  text.append(r.path).push_back('\0');
  text.append(r.body);
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return digest;
}

bool is_idempotency_key(std::string_view key) {
  return !key.empty() && key.size() <= 64 &&
         std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; });
}

memory_idempotency_store::memory_idempotency_store(const limits& l, const clock& clock, metrics& m)
    : limit_(std::max<std::size_t>(1, l.idempotency_keys)),
      limit_per_user_(std::max<std::size_t>(1, l.idempotency_keys_per_user)),
      clock_(clock),
      evicted_(m.make_counter("troupe_http_idempotency_keys_evicted_total",
                              "Idempotency keys forgotten before their 24 hours, at a bound")) {}

void memory_idempotency_store::begin(idempotency_key key, fingerprint what, callback<begun> done) {
  auto outcome = claim(std::move(key), what);
  done(std::move(outcome));  // not under the lock: it may come back to us
}

result<begun> memory_idempotency_store::claim(idempotency_key key, const fingerprint& what) {
  const std::lock_guard lock(mutex_);
  drop_expired();
  if (const auto known = find(key); known != entries_.end()) {
    if (known->what != what) {
      return fail(errc::conflict, "idempotency_key_reused",
                  "this Idempotency-Key was used for another request");
    }
    if (!known->answer) {
      return fail(errc::conflict, "idempotency_key_in_use",
                  "the first request with this Idempotency-Key is not answered yet");
    }
    return begun{known->answer, known->claim};
  }
  if (!make_room(key.user)) {
    return fail(errc::unavailable, "overloaded",
                "too many requests with an Idempotency-Key are under way");
  }
  const auto user = key.user;
  by_user_[user].push_back(entries_.insert(
      entries_.end(), {std::move(key), what, clock_.now(), std::nullopt, ++claims_}));
  return begun{std::nullopt, claims_};
}

void memory_idempotency_store::finish(const idempotency_key& key, std::int64_t claim,
                                      const response& answer,
                                      std::move_only_function<void()> kept) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = find_claim(key, claim); known != entries_.end()) {
      known->answer = answer;
    }
  }
  kept();
}

void memory_idempotency_store::abandon(const idempotency_key& key, std::int64_t claim) {
  const std::lock_guard lock(mutex_);
  if (const auto known = find_claim(key, claim); known != entries_.end()) {
    erase(known);
  }
}

memory_idempotency_store::entries::iterator memory_idempotency_store::find_claim(
    const idempotency_key& key, std::int64_t claim) {
  const auto known = find(key);
  const bool is_it = known != entries_.end() && known->claim == claim && !known->answer;
  return is_it ? known : entries_.end();
}

memory_idempotency_store::entries::iterator memory_idempotency_store::find(
    const idempotency_key& key) {
  const auto user = by_user_.find(key.user);
  if (user == by_user_.end()) {
    return entries_.end();
  }
  const auto found =
      std::ranges::find_if(user->second, [&](const auto& each) { return each->key == key; });
  return found == user->second.end() ? entries_.end() : *found;
}

void memory_idempotency_store::erase(entries::iterator which) {
  const auto user = by_user_.find(which->key.user);
  std::erase(user->second, which);
  if (user->second.empty()) {
    by_user_.erase(user);
  }
  entries_.erase(which);
}

void memory_idempotency_store::drop_expired() {
  const auto now = clock_.now();
  while (!entries_.empty() && now - entries_.front().since >= idempotency_life) {
    erase(entries_.begin());
  }
}

bool memory_idempotency_store::make_room(user_id user) {
  const auto mine = by_user_.find(user);
  if (mine != by_user_.end() && mine->second.size() >= limit_per_user_) {
    const auto oldest = std::ranges::find_if(
        mine->second, [](const auto& each) { return each->answer.has_value(); });
    if (oldest == mine->second.end()) {
      return false;
    }
    evicted_.add();
    erase(*oldest);
  }
  if (entries_.size() >= limit_) {
    // What is under way would run twice if its key were forgotten.
    const auto oldest =
        std::ranges::find_if(entries_, [](const auto& each) { return each.answer.has_value(); });
    if (oldest == entries_.end()) {
      return false;
    }
    evicted_.add();
    erase(oldest);
  }
  return true;
}

idempotency_claim::idempotency_claim(std::shared_ptr<idempotency_store> store, idempotency_key key,
                                     std::int64_t claim)
    : store_(std::move(store)), key_(std::move(key)), claim_(claim) {}

idempotency_claim::~idempotency_claim() {
  if (store_) {
    store_->abandon(key_, claim_);
  }
}

void idempotency_claim::finish(response answer, responder to) {
  const auto store = std::exchange(store_, nullptr);
  if (answer.status >= 500 || answer.status == 429) {
    store->abandon(key_, claim_);
    to(std::move(answer));
    return;
  }
  store->finish(key_, claim_, answer,
                [answer, to = std::move(to)]() mutable { to(std::move(answer)); });
}

}  // namespace troupe::http
