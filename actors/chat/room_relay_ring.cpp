// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/room_relay_ring.hpp"

#include <string>
#include <utility>

#include "actors/chat/wire.hpp"
#include "base/check.hpp"

namespace troupe::chat {
namespace {

shared_bytes to_shared(const std::string& text) {
  return shared_bytes(bytes(text.begin(), text.end()));
}

}  // namespace

void relay_ring::restart(std::int64_t last) {
  entries_.clear();
  last_ = last;
  recent_.reset();
}

broadcast relay_ring::append(const event& e) {
  TROUPE_CHECK(e.seq == last_ + 1, "the relay passes events on in their order");
  if (e.kind == event_kind::deleted) {
    remove_message(e.message_id);
  } else if (e.kind == event_kind::cleared) {
    remove_messages_of(e.user);
  }
  const bool stands = e.kind == event_kind::message;
  entries_.push_back({stands ? e.message_id : 0, stands ? e.user : 0, to_shared(to_json(e))});
  last_ = e.seq;
  if (entries_.size() > ring_size) {
    entries_.pop_front();
  }
  recent_.reset();
  return {.seq = e.seq, .json = entries_.back().json, .for_moderators = false};
}

void relay_ring::remove_message(id message_id) {
  for (std::size_t at = 0; at < entries_.size(); ++at) {
    if (message_id != 0 && entries_[at].message_id == message_id) {
      remove(at);
    }
  }
}

void relay_ring::remove_messages_of(user_id author) {
  for (std::size_t at = 0; at < entries_.size(); ++at) {
    if (entries_[at].message_id != 0 && entries_[at].author == author) {
      remove(at);
    }
  }
}

void relay_ring::remove(std::size_t at) {
  auto& gone = entries_[at];
  gone.json = to_shared(deleted_json(first() + static_cast<std::int64_t>(at), gone.message_id));
  gone.message_id = 0;
  gone.author = 0;
}

const shared_bytes& relay_ring::recent() const {
  if (!recent_) {
    std::size_t start = entries_.size();
    std::size_t messages = 0;
    while (start > 0 && messages < recent_messages) {
      --start;
      messages += entries_[start].message_id != 0 ? 1 : 0;
    }
    recent_ = text_from(start);
  }
  return *recent_;
}

shared_bytes relay_ring::after(std::int64_t seq) const {
  if (seq >= last_) {
    return {};
  }
  TROUPE_CHECK(seq + 1 >= first(), "what is older is read from the store");
  return text_from(static_cast<std::size_t>(seq + 1 - first()));
}

shared_bytes relay_ring::text_from(std::size_t index) const {
  std::size_t size = 0;
  for (auto at = index; at < entries_.size(); ++at) {
    size += entries_[at].json.size() + 1;
  }
  if (size == 0) {
    return {};
  }
  bytes text;
  text.reserve(size);
  for (auto at = index; at < entries_.size(); ++at) {
    if (at > index) {
      text.push_back(',');
    }
    const auto json = entries_[at].json.view();
    text.insert(text.end(), json.begin(), json.end());
  }
  return shared_bytes(std::move(text));
}

}  // namespace troupe::chat
