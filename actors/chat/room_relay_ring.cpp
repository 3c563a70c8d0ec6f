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

void relay_ring::append(const event& e) {
  TROUPE_CHECK(e.seq == last_ + 1, "the relay passes events on in their order");
  if (e.kind == event_kind::deleted || e.kind == event_kind::cleared) {
    remove(e);
  }
  const bool stands = e.kind == event_kind::message;
  const bool quotes = stands && e.reply_to && !e.reply_to->text.empty();
  entries_.push_back({.message_id = stands ? e.message_id : 0,
                      .author = stands ? e.user : 0,
                      .json = to_shared(to_json(e)),
                      .reply = quotes ? std::make_unique<event>(e) : nullptr});
  last_ = e.seq;
  if (entries_.size() > ring_size) {
    entries_.pop_front();
  }
  recent_.reset();
}

broadcast relay_ring::at(std::int64_t seq) const {
  TROUPE_CHECK(seq >= first() && seq <= last_, "only what is here is given out");
  const auto& found = entries_[static_cast<std::size_t>(seq - first())];
  const auto* quoted = found.reply ? &*found.reply->reply_to : nullptr;
  return {.seq = seq,
          .json = found.json,
          .for_moderators = false,
          .message_id = found.message_id,
          .author = found.author,
          .quoted_id = quoted != nullptr ? quoted->message_id : 0,
          .quoted_author = quoted != nullptr ? quoted->user : 0};
}

void relay_ring::remove(const event& by) {
  const auto is_meant = [&by](id message_id, user_id author) {
    return message_id != 0 &&
           (by.kind == event_kind::deleted ? message_id == by.message_id : author == by.user);
  };
  auto seq = first();
  for (auto& each : entries_) {
    if (is_meant(each.message_id, each.author)) {
      each = {.message_id = 0,
              .author = 0,
              .json = to_shared(deleted_json(seq, each.message_id)),
              .reply = nullptr};
    } else if (each.reply &&
               is_meant(each.reply->reply_to->message_id, each.reply->reply_to->user)) {
      each.reply->reply_to->text.clear();
      each.json = to_shared(to_json(*each.reply));
      each.reply.reset();
    }
    ++seq;
  }
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
