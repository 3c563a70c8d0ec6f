// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/room.hpp"

#include <algorithm>
#include <utility>

#include "actors/chat/room_records.hpp"
#include "base/log.hpp"

namespace troupe::chat {
namespace {

constexpr std::size_t most_users_paced = 100'000;

// The codes of docs/chat-protocol.md that a room gives.
constexpr std::string_view refusal_codes[] = {"invalid_message", "invalid_nonce", "nonce_reused",
                                              "rate_limited",    "slow_mode",     "followers_only",
                                              "banned",          "blocked_word",  "unavailable",
                                              "forbidden",       "other"};

metrics::counter& full_counter(metrics& m, const std::string& of) {
  return m.make_counter("troupe_chat_room_full_total",
                        "Chat messages and commands refused because too many waited, by which",
                        {{"limit", of}});
}

}  // namespace

room_metrics::room_metrics(metrics& m)
    : messages(m.make_counter("troupe_chat_messages_total", "Chat messages stored and shown")),
      held(m.make_counter("troupe_chat_held_total", "Chat messages held for a moderator")),
      held_dropped(m.make_counter("troupe_chat_held_dropped_total",
                                  "Held chat messages that gave way to newer ones")),
      nonces_dropped(m.make_counter("troupe_chat_nonces_dropped_total",
                                    "Nonces forgotten before their 10 minutes")),
      withdrawn(m.make_counter("troupe_chat_withdrawn_total",
                               "Chat messages given up because the store was away")),
      relays_refused(m.make_counter("troupe_chat_relays_refused_total",
                                    "Relays and audience reports refused by a room: too many")),
      commit_retries(m.make_counter("troupe_chat_commit_retries_total",
                                    "Times a room tried again to have something stored")),
      full_of_messages(full_counter(m, "messages")),
      full_of_commands(full_counter(m, "commands")),
      behind_earlier(full_counter(m, "behind_earlier")),
      repeated_too_often(full_counter(m, "repeated")),
      open(m.make_gauge("troupe_chat_rooms", "Chat rooms at home on this node")) {
  for (const auto code : refusal_codes) {
    refused_.emplace(code, &m.make_counter("troupe_chat_refused_total",
                                           "Chat messages and commands refused, by code",
                                           {{"code", std::string(code)}}));
  }
}

void room_metrics::refuse(std::string_view code) {
  auto found = refused_.find(code);
  if (found == refused_.end()) {
    found = refused_.find("other");
  }
  found->second->add();
}

room::room(const runtime::entity_name& name, const room_dependencies& d)
    : d_(d),
      limits_(d.settings),
      nonces_(d.settings.nonces),
      pace_(d.settings.rate_window, most_users_paced),
      members_(d.settings.members),
      audience_(d.settings.audience_silence, d.settings.nodes) {
  data.owner = parse_id(name.id).value_or(0);  // 0 is nobody: activate() fails with not_found
}

room::~room() {
  if (is_open_) {
    d_.counters.open.add(-1);
    if (is_live() && d_.audience != nullptr) {
      d_.audience->on_audience_end(stream_->stream);
    }
  }
}

runtime::kind_options room::options() {
  runtime::kind_options o;
  o.mailbox_limit = 4000;
  o.sender_limit = 20'000;
  return o;
}

runtime::later<void> room::activate(context& ctx) {
  return ctx.run(
      [&store = d_.store, owner = data.owner, epoch = static_cast<std::int64_t>(ctx.epoch()),
       now = ctx.wall()] { return store.adopt(owner, epoch, now); },
      [this](context& then, result<storage::adopted_room> row) -> result<void> {
        if (!row) {
          return fail(std::move(row.error()));
        }
        return adopt(then, std::move(*row));
      });
}

result<void> room::adopt(context& ctx, storage::adopted_room row) {
  auto memory = from_settings(row.settings);
  if (!memory) {
    return fail(std::move(memory.error()));
  }
  data.owner_name = std::move(row.owner_name);
  data.last_seq = row.last_seq;
  data.last_message_id = issued_id_ = row.last_message_id;
  data.mode = memory->mode;
  words_ = std::move(memory->words);
  filter_ = word_filter(words_);
  pace_.remember_for(std::chrono::seconds(data.mode.slow_s));
  const auto steady_of = [&](wall_time t) { return ctx.now() - (ctx.wall() - t); };
  for (const auto& e : row.ring) {
    ring_.push_back(to_event(e));
    if (e.kind == storage::room_event_kind::message && e.created_at <= ctx.wall()) {
      pace_.said(e.user, steady_of(e.created_at), limits_.moderator_rate);
    }
  }
  std::ranges::sort(row.nonces, {}, &storage::nonce_record::created_at);
  for (auto& n : row.nonces) {
    posted answer{n.seq == 0, n.message_id, n.seq, std::move(n.text), to_unix_ms(n.created_at)};
    nonces_.put(
        n.session, n.nonce,
        {.digest = std::move(n.digest), .answer = std::move(answer), .created_at = n.created_at});
  }
  for (auto& h : row.held) {
    held_.push_back(std::move(h));
  }
  published_held_ = held_.size();
  for (auto& m : row.moderators) {
    moderators_.emplace(m.user, m.username);
  }
  if (row.stream) {
    stream_ = stream_notice{
        *row.stream, std::string(to_string(static_cast<storage::stream_status>(row.stream_status))),
        std::move(row.stream_title)};
  }
  shown_.mode = data.mode;
  shown_.words = words_;
  for (const auto& [user, name] : moderators_) {
    shown_.moderators.insert(user);
  }
  is_open_ = true;
  d_.counters.open.add(1);
  drop_oldest_held(ctx);
  take_over_listeners(ctx);
  return {};
}

void room::passivate(context&) {
  for (const auto& [relay, heard] : relays_) {
    data.relays.insert(relay);
  }
  data.people = audience_.by_node();
  data.viewers = published_viewers_;
}

/// Of the activation before, which has moved here.
void room::take_over_listeners(context& ctx) {
  for (const auto& relay : std::exchange(data.relays, {})) {
    if (relays_.size() < limits_.relays) {
      relays_[relay] = ctx.now();
    }
  }
  for (const auto& [node, people] : std::exchange(data.people, {})) {
    audience_.report(node, people, ctx.now());
  }
  published_viewers_ = std::exchange(data.viewers, 0);
  if (published_viewers_ != 0 && d_.audience != nullptr && is_live()) {
    d_.audience->on_audience(stream_->stream, published_viewers_);
  }
  arm(ctx);
}

role room::role_of(const speaker& who) const {
  if (who.user == data.owner) {
    return role::owner;
  }
  const bool moderates = who.is_administrator || moderators_.contains(who.user);
  return moderates ? role::moderator : role::user;
}

result<void> room::require(const speaker& who, chat::role least) const {
  // Administrators may do what owners may; they are shown as moderators.
  if (who.user == 0 || (role_of(who) < least && !who.is_administrator)) {
    return refuse(errc::forbidden, "forbidden",
                  least == role::owner ? "only the channel's owner may do that"
                                       : "only moderators may do that");
  }
  return {};
}

bool room::is_live() const {
  return stream_ && (stream_->status == "live" || stream_->status == "reconnecting");
}

std::unexpected<error> room::refuse(errc code, std::string_view reason, std::string_view message,
                                    duration retry_after) const {
  d_.counters.refuse(reason);
  auto why = make_error(code, std::string(reason), std::string(message));
  why.retry_after = std::chrono::ceil<std::chrono::milliseconds>(retry_after);
  return fail(std::move(why));
}

std::unexpected<error> room::away() const {
  return refuse(errc::unavailable, "unavailable", "the chat's storage does not answer");
}

std::size_t room::used(const ticket& places) {
  return static_cast<std::size_t>(places.use_count()) - 1;
}

std::size_t room::waiting() const {
  return used(places_) + used(staff_places_);
}

void room::arm(context& ctx) {
  if (!is_armed_ &&
      (waiting() > 0 || !relays_.empty() || !audience_.is_empty() || published_viewers_ != 0)) {
    is_armed_ = true;
    ctx.after(std::chrono::seconds(1), room_wakeup{});
  }
}

void room::every_second(context& ctx) {
  is_armed_ = false;
  give_up_waiting(ctx);
  give_up_lookups(ctx);
  forget_silent_relays(ctx);
  publish_viewers(ctx);
  arm(ctx);
}

void room::on(context& ctx, const room_wakeup& m) {
  switch (m.why) {
    case room_wakeup::reason::every_second:
      every_second(ctx);
      break;
    case room_wakeup::reason::commit:
      retry(ctx);
      break;
    case room_wakeup::reason::lookups:
      lookups_pause_ = false;
      start_lookups(ctx);
      break;
  }
}

result<word_list> room::on(context&, const read_words& m) const {
  if (auto allowed = require(m.by, role::moderator); !allowed) {
    return fail(std::move(allowed.error()));
  }
  return word_list{shown_.words};
}

result<held_list> room::on(context&, const read_held& m) const {
  if (auto allowed = require(m.by, role::moderator); !allowed) {
    return fail(std::move(allowed.error()));
  }
  held_list out;
  for (const auto& h : held_) {
    out.items.push_back(to_held(h));
  }
  return out;
}

result<role_answer> room::on(context&, const read_role& m) const {
  if (m.who.user == data.owner) {
    return role_answer{role::owner, shown_.mode};
  }
  const bool moderates = m.who.is_administrator || shown_.moderators.contains(m.who.user);
  return role_answer{moderates ? role::moderator : role::user, shown_.mode};
}

result<mode_answer> room::on(context&, const read_mode&) const {
  return mode_answer{shown_.mode};
}

}  // namespace troupe::chat
