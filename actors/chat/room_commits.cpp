// SPDX-License-Identifier: GPL-3.0-or-later
// From what is decided to what is stored, answered and shown. One batch is on its way; what comes
// meanwhile gathers for the next. A batch whose fate is not known is read back before any number is
// given again. Messages that wait for too long are withdrawn, unless they are on their way: of
// these nobody can say whether they are said until the store can, so their answer waits for that.
#include <algorithm>
#include <iterator>
#include <ranges>
#include <set>
#include <utility>

#include "actors/chat/room.hpp"
#include "actors/chat/room_records.hpp"
#include "base/log.hpp"

namespace troupe::chat {
namespace {

constexpr duration first_backoff = std::chrono::milliseconds(100);
constexpr duration longest_backoff = std::chrono::seconds(1);
// The log answers as soon as the store does, whose calls end after some seconds. A log that is
// silent for so long is lost; the next activation's epoch keeps what it may still do out.
constexpr duration longest_commit = std::chrono::seconds(45);

/// What the store says of the last write.
enum class position : std::uint8_t { stored, not_stored, fenced };

/// On the pool. A write without events leaves last_seq as it was: its message id tells.
result<position> ask_position(storage::chat_store& store, const storage::room_write& w,
                              wall_time now) {
  const auto judge = [&](std::int64_t at, std::int64_t wanted, std::int64_t before) {
    return at == wanted ? position::stored
           : at == before
               ? position::not_stored
               : position::fenced;  // neither: somebody else has written, or this one too late
  };
  if (!w.events.empty()) {
    const auto seq = store.last_seq(w.room, w.epoch);
    if (seq) {
      return judge(*seq, w.last_seq, w.last_seq - static_cast<std::int64_t>(w.events.size()));
    }
    return seq.error().code == errc::conflict ? result<position>(position::fenced)
                                              : fail(seq.error());
  }
  const auto row = store.adopt(w.room, w.epoch, now);
  if (row) {
    return row->last_message_id == w.last_message_id ? position::stored : position::not_stored;
  }
  return row.error().code == errc::conflict ? result<position>(position::fenced)
                                            : fail(row.error());
}

}  // namespace

void room::enqueue(context& ctx, room_entry e) {
  gathering_.push_back(std::move(e));
  start_batch(ctx);
  arm(ctx);
}

id room::next_id() {
  issued_id_ = std::max(d_.ids.next(), issued_id_ + 1);
  return issued_id_;
}

void room::start_batch(context& ctx) {
  if (flight_ || gathering_.empty()) {
    return;
  }
  room_flight f;
  while (!gathering_.empty() && f.entries.size() < limits_.most_in_batch) {
    f.entries.push_back(std::move(gathering_.front()));
    gathering_.pop_front();
  }
  f.write = std::make_shared<const storage::room_write>(make_write(ctx, f.entries));
  flight_ = std::move(f);
  send_batch(ctx);
}

storage::room_write room::make_write(context& ctx, std::vector<room_entry>& entries) {
  storage::room_write w;
  w.room = data.owner;
  w.epoch = static_cast<std::int64_t>(ctx.epoch());
  w.last_seq = data.last_seq;
  const auto id_before = issued_id_;
  for (auto& e : entries) {
    for (const auto user : e.cleared) {
      add_unsettled_of(user, w);
    }
    for (auto& what : e.events) {
      what.seq = ++w.last_seq;
      if (what.kind == event_kind::message) {
        what.message_id = next_id();
      }
      w.events.push_back(to_row(what));
    }
    if (e.held) {
      e.held->message_id = next_id();
      w.held.push_back(*e.held);
    }
    if (e.nonce) {
      e.nonce->message_id = issued_id_;
      e.nonce->seq = e.held ? 0 : w.last_seq;
      w.nonces.push_back(*e.nonce);
    }
    w.gone_messages.insert(w.gone_messages.end(), e.gone_messages.begin(), e.gone_messages.end());
    w.cleared.insert(w.cleared.end(), e.cleared.begin(), e.cleared.end());
    for (const auto& m : e.members) {
      std::erase_if(w.members, [&](const auto& older) { return older.user == m.user; });
      w.members.push_back(m);
    }
    if (e.settings) {
      w.settings = e.settings;
    }
    w.decided.insert(w.decided.end(), e.decided.begin(), e.decided.end());
    w.log.insert(w.log.end(), e.log.begin(), e.log.end());
  }
  if (issued_id_ == id_before) {
    next_id();  // so that no two writes leave the row alike
  }
  w.last_message_id = issued_id_;
  return w;
}

/// What they said in this very batch is not in the store yet when it clears; nor were messages that
/// are held by now, but were not when that was decided.
void room::add_unsettled_of(user_id user, storage::room_write& w) const {
  for (const auto& said : w.events) {
    if (said.kind == storage::room_event_kind::message && said.user == user) {
      w.gone_messages.push_back(said.message_id);
    }
  }
  const auto decide = [&](const storage::held_message& h) {
    if (h.user == user) {
      w.decided.push_back(h.message_id);
    }
  };
  std::ranges::for_each(w.held, decide);
  std::ranges::for_each(held_, decide);
}

void room::send_batch(context& ctx) {
  ctx.ask({std::string(chat_log::kind), d_.node}, commit{flight_->write}, longest_commit,
          [this](context& now, const result<committed>& how) { batch_answered(now, how); });
}

void room::batch_answered(context& ctx, const result<committed>& how) {
  if (!how) {
    if (how.error().reason == "mailbox_full") {
      retry_later(ctx);
    } else {
      ctx.fail(how.error().with("the chat log gave no answer"));
    }
    return;
  }
  switch (how->outcome) {
    case commit_outcome::stored:
      settle(ctx);
      break;
    case commit_outcome::fenced:
      ctx.fail(make_error(errc::conflict, "fenced", "a newer activation owns the room"));
      break;
    case commit_outcome::broken:
      ctx.fail(make_error(errc::internal, "the store cannot take a room's write: " + how->why));
      break;
    case commit_outcome::refused:
      retry_later(ctx);
      break;
    case commit_outcome::unknown:
      if (!is_away_) {
        log::warn("chat not stored, it waits room={}: {}", data.owner, how->why);
      }
      is_away_ = true;
      flight_->is_unknown = true;
      retry_later(ctx);
      break;
  }
}

void room::retry_later(context& ctx) {
  backoff_ = std::clamp(backoff_ * 2, first_backoff, longest_backoff);
  ctx.after(backoff_, room_wakeup{room_wakeup::reason::commit});
}

void room::retry(context& ctx) {
  if (!flight_) {
    return;
  }
  d_.counters.commit_retries.add();
  if (flight_->is_unknown) {
    read_back(ctx);
  } else {
    was_not_stored(ctx);
  }
}

void room::read_back(context& ctx) {
  static_cast<void>(ctx.run([&store = d_.store, write = flight_->write,
                             now = ctx.wall()] { return ask_position(store, *write, now); },
                            [this](context& now, const result<position>& at) {
                              if (!at) {
                                retry_later(now);
                              } else if (*at == position::stored) {
                                settle(now);
                              } else if (*at == position::not_stored) {
                                was_not_stored(now);
                              } else {
                                now.fail(make_error(errc::conflict, "fenced",
                                                    "the room has changed behind its back"));
                              }
                            }));
}

/// Its numbers are free again, and are given anew to what has not waited for too long meanwhile.
void room::was_not_stored(context& ctx) {
  is_away_ = false;
  auto entries = std::move(flight_->entries);
  flight_.reset();
  for (auto& e : std::ranges::reverse_view(entries)) {
    gathering_.push_front(std::move(e));
  }
  give_up_waiting(ctx);
  start_batch(ctx);
}

void room::settle(context& ctx) {
  is_away_ = false;
  backoff_ = duration::zero();
  auto done = std::move(*flight_);
  flight_.reset();
  data.last_seq = done.write->last_seq;
  data.last_message_id = done.write->last_message_id;
  std::vector<event> news;
  std::vector<verdict> verdicts;
  for (auto& e : done.entries) {
    settle_entry(ctx, e, news);
    std::ranges::move(e.verdicts, std::back_inserter(verdicts));
  }
  const std::set<id> decided(done.write->decided.begin(), done.write->decided.end());
  std::erase_if(held_, [&](const auto& h) { return decided.contains(h.message_id); });
  add_to_ring(news);
  for (auto& e : done.entries) {
    removals_.settle(e.gone_messages, e.cleared, data.last_message_id);
    if (e.done) {
      e.done(ctx);
    }
  }
  if (!news.empty() || !verdicts.empty()) {
    publish(ctx, {.epoch = ctx.epoch(),
                  .events = std::move(news),
                  .stream = {},
                  .viewers = {},
                  .held = {},
                  .verdicts = std::move(verdicts)});
  }
  drop_oldest_held(ctx);
  publish_held(ctx);
  start_batch(ctx);
}

void room::settle_entry(context& ctx, room_entry& e, std::vector<event>& news) {
  for (const auto& m : e.members) {
    members_.unpin(m.user);
  }
  if (e.is_message) {
    posted answer;
    answer.is_held = e.held.has_value();
    answer.message_id = e.held ? e.held->message_id : e.events.front().message_id;
    answer.seq = e.held ? 0 : e.events.front().seq;
    answer.text = e.held ? e.held->text : e.events.front().text;
    answer.created_ms = e.held ? to_unix_ms(e.held->created_at) : e.events.front().created_ms;
    if (e.nonce) {
      if (auto* known = nonces_.find(e.nonce->session, e.nonce->nonce, ctx.wall());
          known != nullptr) {
        known->answer = answer;
      }
    }
    (e.held ? d_.counters.held : d_.counters.messages).add();
    if (e.held) {
      held_.push_back(std::move(*e.held));
    }
    for (auto& author : e.authors) {
      author.set(answer);
    }
  }
  for (auto& what : e.events) {
    shown_.learn(what);
    news.push_back(std::move(what));
  }
  if (e.words) {
    shown_.words = std::move(*e.words);
  }
  e.held_place.reset();
}

/// What a command changed is in the memory and goes on to the store: it cannot be undone, so it is
/// answered when it is done. An unanswered command also keeps a drain waiting for it.
void room::give_up_waiting(context& ctx) {
  std::erase_if(gathering_, [&](room_entry& e) {
    if (!e.is_message || ctx.now() < e.deadline) {
      return false;
    }
    d_.counters.withdrawn.add();
    if (e.nonce) {  // saying it again is a new message
      nonces_.remove(e.nonce->session, e.nonce->nonce);
    }
    for (auto& author : e.authors) {
      author.set(away());
    }
    return true;
  });
}

}  // namespace troupe::chat
