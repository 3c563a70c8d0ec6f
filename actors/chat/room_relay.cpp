// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/room_relay.hpp"

#include <algorithm>

#include "actors/chat/wire.hpp"
#include "base/log.hpp"

namespace troupe::chat {
namespace {

constexpr auto renewal_period = std::chrono::seconds(2);  // the room forgets a relay after 10 s
constexpr auto room_deadline =
    std::chrono::seconds(5);                          // for the room's activation and a slow store
constexpr auto empty_life = std::chrono::minutes(1);  // somebody who reloads the page comes back
constexpr std::size_t most_waiting_joins = 20'000;    // as many sockets as a process may hold

user_id room_of(const runtime::entity_name& name) {
  const auto slash = name.id.rfind('/');
  return parse_id(slash == std::string::npos ? name.id : name.id.substr(slash + 1)).value_or(0);
}

runtime::entity_name entity_of(user_id room) {
  return runtime::entity_name_of("room", room);
}

error too_many_joins() {
  return make_error(errc::unavailable, "too_many_joins", "too many clients join at once");
}

}  // namespace

relay_metrics::relay_metrics(metrics& m)
    : joins(m.make_counter("troupe_chat_joins_total", "Joins that relays answered")),
      joins_from_store(m.make_counter("troupe_chat_joins_from_store_total",
                                      "Joins that wanted more than the relay's ring holds")),
      refused_joins(m.make_counter("troupe_chat_joins_refused_total",
                                   "Joins refused: no such room, or too many waited for it")),
      store_reads(m.make_counter("troupe_chat_relay_store_reads_total",
                                 "Reads of older events by relays; one serves all who wait")),
      failed_store_reads(m.make_counter("troupe_chat_relay_store_reads_failed_total",
                                        "Reads of older events that failed or took too long")),
      events(m.make_counter("troupe_chat_relay_events_total",
                            "Numbered events that relays handed to the sockets")),
      lost_events(m.make_counter("troupe_chat_relay_lost_events_total",
                                 "Events no relay heard of in time; sockets are told by missed")),
      stale_news(m.make_counter("troupe_chat_relay_stale_news_total",
                                "News of a room's earlier activation, passed over")) {}

std::string relay_id(std::string_view node, user_id room) {
  return std::string(node) + "/" + std::to_string(room);
}

runtime::kind_options relay_kind_options() {
  runtime::kind_options options;
  options.mailbox_limit = most_waiting_joins;
  // Each answer to a join is history. Nobody repeats a command inside a node, and a sender that
  // was forgotten is believed, so few need to be remembered.
  options.sender_limit = 64;
  return options;
}

room_relay::room_relay(const runtime::entity_name& name, const relay_dependencies& d)
    : room_(room_of(name)), relay_(name.id), d_(d) {}

runtime::later<joined> room_relay::on(runtime::context& ctx, const join& m) {
  auto promised = ctx.defer<joined>();
  auto answer = promised.answer();
  last_used_ = ctx.now();
  if (room_ == 0) {
    promised.set(fail(errc::not_found, "there is no such channel"));
    return answer;
  }
  waiting_join w{m.after, std::move(promised)};
  if (is_subscribed_) {
    serve(ctx, std::move(w));
  } else if (for_room_.size() < most_waiting_joins) {
    for_room_.push_back(std::move(w));
    ask_room(ctx);
  } else {
    d_.counters.refused_joins.add();
    w.answer.set(fail(too_many_joins()));
  }
  keep_ticking(ctx);
  return answer;
}

void room_relay::on(runtime::context& ctx, const leave&) {
  last_used_ = ctx.now();  // the minute begins; who is left is known by broadcaster
}

void room_relay::on(runtime::context& ctx, const listening& m) {
  last_used_ = ctx.now();
  if (room_ == 0) {
    return;
  }
  const auto lacks = m.heard + 1;
  if (!is_subscribed_) {
    publish_from(lacks);
    ask_room(ctx);
  } else if (lacks < published_from_) {  // an earlier relay's, and a join began this one
    publish(lacks);
    published_from_ = lacks;
  }
  keep_ticking(ctx);
}

/// Of several that say what they lack, the earliest counts: sockets pass over what they have.
void room_relay::publish_from(std::int64_t seq) {
  publish_from_ = std::min(publish_from_.value_or(seq), seq);
}

void room_relay::on(runtime::context& ctx, const room_news& m) {
  if (m.epoch < epoch_) {
    d_.counters.stale_news.add();
    return;
  }
  epoch_ = m.epoch;
  if (!m.events.empty()) {
    heard_of_ = std::max(heard_of_, m.events.back().seq);
  }
  if (is_subscribed_) {
    pass_on(m.events);
    tell(m.stream, m.viewers, m.held);
    tell(m.verdicts);
  } else if (d_.sockets.listeners(room_) == 0 && for_room_.empty()) {
    end(ctx);  // of a relay that was here before
    return;
  } else if (for_room_.empty() && !m.events.empty()) {
    publish_from(m.events.front().seq);  // a relay was lost, and its sockets are still here
  }
  if (heard_of_ > ring_.last()) {
    ask_room(ctx);
  }
  keep_ticking(ctx);
}

void room_relay::on(runtime::context& ctx, const renew&) {
  is_ticking_ = false;
  if (is_reading_ && ctx.now() - reading_since_ > room_deadline) {
    d_.counters.failed_store_reads.add();
    is_reading_ = false;
    ++reads_;
    serve_old({});
    read_store(ctx);
  }
  if (d_.sockets.listeners(room_) > 0 || !for_room_.empty() || is_reading_) {
    last_used_ = ctx.now();
  }
  if (ctx.now() - last_used_ >= empty_life) {
    end(ctx);
    return;
  }
  ask_room(ctx);
  keep_ticking(ctx);
}

void room_relay::keep_ticking(runtime::context& ctx) {
  if (!is_ticking_) {
    is_ticking_ = true;
    ctx.after(renewal_period, renew{});
  }
}

void room_relay::end(runtime::context& ctx) {
  has_ended_ = true;
  ctx.send(entity_of(room_), unsubscribe{relay_});
  ctx.passivate();
}

void room_relay::passivate(runtime::context& ctx) {
  if (has_ended_ && is_subscribed_ && d_.sockets.listeners(room_) > 0) {
    ctx.send({std::string(kind), relay_}, listening{ring_.last()});
  }
}

void room_relay::ask_room(runtime::context& ctx) {
  if (is_asking_) {
    return;
  }
  is_asking_ = true;
  if (is_subscribed_ || is_known_) {
    return subscribe_now(ctx);
  }
  // A room is only woken for a channel that exists: joining any number leaves nothing behind.
  auto then = [this](runtime::context& c, result<storage::member_record> found) {
    if (!found && found.error().code == errc::not_found) {
      room_answered(c, fail(std::move(found.error())));
      return;
    }
    is_known_ = found.has_value();
    subscribe_now(c);  // a store that is away must not keep anybody from a room that is awake
  };
  static_cast<void>(ctx.run([&store = d_.store, room = room_] { return store.member(room, room); },
                            std::move(then)));
}

void room_relay::subscribe_now(runtime::context& ctx) {
  subscribe request{.relay = relay_, .after = {}};
  if (is_subscribed_) {
    request.after = ring_.last();
  }
  ctx.ask(
      entity_of(room_), std::move(request), room_deadline,
      [this](runtime::context& c, result<subscription> got) { room_answered(c, std::move(got)); });
}

void room_relay::room_answered(runtime::context& ctx, result<subscription> got) {
  is_asking_ = false;
  if (!got) {
    refuse_joins(got.error());
    if (!is_subscribed_ && got.error().code == errc::not_found) {
      ctx.passivate();
    }
    return;  // renewed by the next tick; what is here goes on
  }
  const auto before = ring_.last();
  if (!is_subscribed_) {
    begin(*got);
  } else if (got->last_seq >= ring_.last()) {
    update(*got);
  }
  for (auto& each : std::exchange(for_room_, {})) {
    serve(ctx, std::move(each));
  }
  if (heard_of_ <= ring_.last()) {
    return;
  }
  if (ring_.last() > before) {
    ask_room(ctx);  // more was said meanwhile
  } else {
    heard_of_ = ring_.last();  // the room does not have it: not asked for in a circle
  }
}

void room_relay::refuse_joins(const error& why) {
  d_.counters.refused_joins.add(static_cast<double>(for_room_.size()));
  for (auto& each : std::exchange(for_room_, {})) {
    each.answer.set(fail(why));
  }
}

void room_relay::begin(const subscription& s) {
  is_subscribed_ = true;
  ring_.restart(s.events.empty() ? s.last_seq : s.events.front().seq - 1);
  for (const auto& e : s.events) {
    if (e.seq == ring_.last() + 1) {
      ring_.append(e);
    }
  }
  published_from_ = publish_from_.value_or(ring_.last() + 1);
  publish(published_from_);
  mode_ = s.mode;
  owner_ = s.owner;
  owner_name_ = s.owner_name;
  moderators_ = s.moderators;
  stream_ = s.stream;
  viewers_ = s.viewers;
  held_ = s.held;
}

void room_relay::update(const subscription& s) {
  const auto oldest = s.events.empty() ? s.last_seq + 1 : s.events.front().seq;
  if (oldest > ring_.last() + 1) {
    const auto lost = oldest - 1 - ring_.last();
    log::warn("chat relay lost events room={} from={} count={}", room_, ring_.last() + 1, lost);
    d_.counters.lost_events.add(static_cast<double>(lost));
    ring_.restart(oldest - 1);
  }
  pass_on(s.events);
  mode_ = s.mode;
  owner_name_ = s.owner_name;
  moderators_ = s.moderators;
  tell(s.stream, s.viewers, s.held);
}

/// Events that are known are passed over; those after a gap wait until the room filled it.
void room_relay::pass_on(const std::vector<event>& events) {
  auto from = ring_.last() + 1;
  std::size_t unsaid = 0;
  for (const auto& e : events) {
    if (e.seq != ring_.last() + 1) {
      continue;
    }
    if (unsaid == ring_size) {  // the ring would push out what the sockets have not got
      publish(from);
      from = e.seq;
      unsaid = 0;
    }
    ring_.append(e);
    note(e);
    ++unsaid;
  }
  publish(from);
}

/// What the ring has from that number on, as it stands now.
void room_relay::publish(std::int64_t from) {
  std::vector<broadcast> out;
  for (auto seq = std::max(from, ring_.first()); seq <= ring_.last(); ++seq) {
    out.push_back(ring_.at(seq));
  }
  if (!out.empty()) {
    d_.counters.events.add(static_cast<double>(out.size()));
    d_.sockets.publish(room_, std::move(out));
  }
}

void room_relay::note(const event& e) {
  if (e.kind == event_kind::mode) {
    mode_ = e.mode;
  } else if (e.kind == event_kind::role) {
    std::erase(moderators_, e.user);
    if (e.author_role == role::moderator) {
      moderators_.push_back(e.user);
    }
  }
}

void room_relay::tell(const std::optional<stream_notice>& stream,
                      std::optional<std::int64_t> viewers, std::optional<std::int64_t> held) {
  std::vector<broadcast> out;
  const auto add = [&out](const std::string& json, bool for_moderators) {
    out.push_back({.seq = 0,
                   .json = shared_bytes(bytes(json.begin(), json.end())),
                   .for_moderators = for_moderators});
  };
  if (stream && (!stream_ || stream_->stream != stream->stream ||
                 stream_->status != stream->status || stream_->title != stream->title)) {
    stream_ = stream;
    add(to_json(*stream), false);
  }
  if (viewers && *viewers != viewers_) {
    viewers_ = *viewers;
    add(viewers_json(viewers_), false);
  }
  if (held && *held != held_) {
    held_ = *held;
    add(held_json(held_), true);
  }
  if (!out.empty()) {
    d_.sockets.publish(room_, std::move(out));
  }
}

void room_relay::tell(const std::vector<verdict>& verdicts) {
  std::vector<broadcast> out;
  for (const auto& v : verdicts) {
    const auto json = to_json(v);
    out.push_back(
        {.seq = 0, .json = shared_bytes(bytes(json.begin(), json.end())), .for_user = v.user});
  }
  if (!out.empty()) {
    d_.sockets.publish(room_, std::move(out));
  }
}

joined room_relay::base_answer() const {
  joined answer;
  answer.last_seq = ring_.last();
  answer.mode = mode_;
  answer.owner = owner_;
  answer.owner_name = owner_name_;
  answer.moderators = moderators_;
  answer.stream = stream_;
  answer.viewers = viewers_;
  answer.held = held_;
  return answer;
}

}  // namespace troupe::chat
