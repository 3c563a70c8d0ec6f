// SPDX-License-Identifier: GPL-3.0-or-later
// The ring of the last events, and the relays that are told of new ones; the audience that nodes
// report.
#include <algorithm>
#include <utility>

#include "actors/chat/room.hpp"
#include "actors/chat/room_records.hpp"
#include "runtime/entity_name.hpp"

namespace troupe::chat {
namespace {

constexpr duration viewers_every = std::chrono::seconds(1);  // docs/chat-protocol.md

runtime::entity_name relay_name(const std::string& relay) {
  return {"relay", relay};
}

}  // namespace

result<subscription> room::on(context& ctx, const subscribe& m) {
  if (!runtime::is_valid(relay_name(m.relay))) {
    return fail(errc::invalid_argument, "invalid_relay", "that is no relay's name");
  }
  if (!relays_.contains(m.relay) && relays_.size() >= limits_.relays) {
    d_.counters.relays_refused.add();
    return fail(errc::unavailable, "too_many_relays", "too many relays follow this room");
  }
  relays_[m.relay] = ctx.now();
  arm(ctx);
  subscription s;
  s.last_seq = data.last_seq;
  s.mode = shown_.mode;
  s.owner = data.owner;
  s.owner_name = data.owner_name;
  s.moderators.assign(shown_.moderators.begin(), shown_.moderators.end());
  s.stream = stream_;
  s.viewers = published_viewers_;
  s.held = static_cast<std::int64_t>(held_.size());
  const auto oldest = ring_.empty() ? data.last_seq + 1 : ring_.front().seq;
  const bool is_within = m.after && *m.after >= oldest - 1 && *m.after <= data.last_seq;
  for (const auto& e : ring_) {
    if (!is_within || e.seq > *m.after) {
      s.events.push_back(e);
    }
  }
  return s;
}

void room::on(context&, const unsubscribe& m) {
  relays_.erase(m.relay);
}

void room::forget_silent_relays(context& ctx) {
  std::erase_if(relays_,
                [&](const auto& r) { return ctx.now() - r.second >= limits_.relay_silence; });
}

void room::publish(context& ctx, const room_news& news) {
  for (const auto& [relay, heard] : relays_) {
    ctx.send(relay_name(relay), news);
  }
}

/// What is gone by a later event of the same news is gone in it already, also where it is quoted.
void room::add_to_ring(std::vector<event>& news) {
  const auto clear = [](event& e, const event& by) {
    const auto is_meant = [&](id message_id, user_id author) {
      return by.kind == event_kind::deleted ? message_id == by.message_id : author == by.user;
    };
    if (e.kind != event_kind::message) {
      return;
    }
    if (is_meant(e.message_id, e.user)) {
      make_gone(e);
    } else if (e.reply_to && is_meant(e.reply_to->message_id, e.reply_to->user)) {
      e.reply_to->text.clear();
    }
  };
  for (auto by = news.begin(); by != news.end(); ++by) {
    if (by->kind == event_kind::deleted || by->kind == event_kind::cleared) {
      std::for_each(news.begin(), by, [&](event& e) { clear(e, *by); });
      std::ranges::for_each(ring_, [&](event& e) { clear(e, *by); });
    }
  }
  for (const auto& e : news) {
    ring_.push_back(e);
    if (ring_.size() > limits_.ring) {
      ring_.pop_front();
    }
  }
}

const event* room::find_in_ring(id message_id) const {
  const auto found = std::ranges::find_if(ring_, [&](const event& e) {
    return e.message_id == message_id && e.kind == event_kind::message;
  });
  return found != ring_.end() ? &*found : nullptr;
}

void room::publish_held(context& ctx) {
  if (published_held_ != held_.size()) {
    published_held_ = held_.size();
    room_news news;
    news.epoch = ctx.epoch();
    news.held = static_cast<std::int64_t>(held_.size());
    publish(ctx, news);
  }
}

void room::drop_oldest_held(context& ctx) {
  if (held_.size() <= limits_.held) {
    return;
  }
  room_entry e;
  while (held_.size() > limits_.held) {
    const auto& oldest = held_.front();
    e.decided.push_back(oldest.message_id);
    e.verdicts.push_back({oldest.user, oldest.session, oldest.nonce, "held_dropped"});
    held_.pop_front();
    d_.counters.held_dropped.add();
  }
  enqueue(ctx, std::move(e));
}

void room::on(context& ctx, const stream_changed& m) {
  const bool is_older = stream_ && m.stream.stream < stream_->stream;
  if (is_older) {
    return;  // an earlier stream's end comes after the next one's beginning
  }
  const auto was_live = is_live() ? std::optional(stream_->stream) : std::nullopt;
  auto next = m.stream;
  if (next.title.empty() && stream_ && stream_->stream == next.stream) {
    next.title = std::move(stream_->title);  // it is as it was
  }
  stream_ = std::move(next);
  if (d_.audience != nullptr) {
    if (was_live && (!is_live() || *was_live != stream_->stream)) {
      d_.audience->on_audience_end(*was_live);
    }
    if (is_live() && was_live != stream_->stream) {
      d_.audience->on_audience(stream_->stream, published_viewers_);
    }
  }
  room_news news;
  news.epoch = ctx.epoch();
  news.stream = stream_;
  publish(ctx, news);
}

void room::on(context& ctx, const audience_report& m) {
  if (!audience_.report(m.node, m.people, ctx.now())) {
    d_.counters.relays_refused.add();
  }
  publish_viewers(ctx);
  arm(ctx);
}

void room::publish_viewers(context& ctx) {
  const auto count = audience_.count(ctx.now());
  if (count == published_viewers_ || ctx.now() - viewers_published_at_ < viewers_every) {
    return;
  }
  published_viewers_ = count;
  viewers_published_at_ = ctx.now();
  if (d_.audience != nullptr && is_live()) {
    d_.audience->on_audience(stream_->stream, count);
  }
  room_news news;
  news.epoch = ctx.epoch();
  news.viewers = count;
  publish(ctx, news);
}

}  // namespace troupe::chat
