// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/nonce_table.hpp"

#include <utility>

#include "actors/account/crypto.hpp"

namespace troupe::chat {
namespace {

// Neither may hold this byte: a nonce with control characters never comes this far.
std::string key_of(std::string_view session, std::string_view nonce) {
  std::string key(session);
  key += '\n';
  key += nonce;
  return key;
}

}  // namespace

nonce_table::entry* nonce_table::find(std::string_view session, std::string_view nonce,
                                      wall_time now) {
  forget_old(now);
  const auto found = entries_.find(key_of(session, nonce));
  return found != entries_.end() ? &found->second : nullptr;
}

std::size_t nonce_table::put(std::string_view session, std::string_view nonce, entry e) {
  forget_old(e.created_at);
  auto key = key_of(session, nonce);
  by_age_.push_back({key, ++numbers_, e.created_at});
  entries_.insert_or_assign(std::move(key), numbered{std::move(e), numbers_});
  std::size_t dropped = 0;
  while (by_age_.size() > limit_) {
    const auto oldest = entries_.find(by_age_.front().key);
    if (oldest != entries_.end() && oldest->second.number == by_age_.front().number) {
      entries_.erase(oldest);
      ++dropped;
    }
    by_age_.pop_front();
  }
  return dropped;
}

void nonce_table::remove(std::string_view session, std::string_view nonce) {
  entries_.erase(key_of(session, nonce));  // by_age_ loses it in its time
}

void nonce_table::forget_old(wall_time now) {
  while (!by_age_.empty() && now - by_age_.front().created_at >= nonce_kept) {
    const auto oldest = entries_.find(by_age_.front().key);
    if (oldest != entries_.end() && oldest->second.number == by_age_.front().number) {
      entries_.erase(oldest);
    }
    by_age_.pop_front();
  }
}

std::string digest_of(user_id user, id reply_to, std::string_view text) {
  std::string all = std::to_string(user) + "/" + std::to_string(reply_to) + "/";
  all += text;
  const auto digest = account::sha256(as_bytes(all));
  // Half of it: 128 bits tell texts apart, and the store keeps one for each message.
  return account::to_base64url(byte_view(digest).first(16));
}

}  // namespace troupe::chat
