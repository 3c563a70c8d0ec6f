// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/feed.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>
#include <boost/json.hpp>

#include "actors/chat/wire.hpp"
#include "base/check.hpp"
#include "net/ws/frame.hpp"

namespace troupe::ws {
namespace {

constexpr std::size_t roles_kept = 64;       // for sockets that are on their way
constexpr std::size_t chunks_kept = 16;      // different cursors among the ready sockets
constexpr std::size_t writes_in_a_row = 16;  // to one socket, however fast it reads
constexpr std::string_view batch_start = R"({"type":"batch","messages":[)";
constexpr std::string_view batch_end = "]}";

/// A number of an object's, 0 when there is none.
std::int64_t number_in(const boost::json::object& fields, std::string_view name) {
  const auto* found = fields.if_contains(name);
  return found != nullptr && found->is_int64() ? found->as_int64() : 0;
}

boost::json::object fields_of(std::string_view json) {
  boost::system::error_code problem;
  auto parsed = boost::json::parse(json, problem);
  return !problem && parsed.is_object() ? std::move(parsed.as_object()) : boost::json::object();
}

/// The same reply, its quote without text; nothing when it is no reply.
std::optional<shared_bytes> without_quote(const framed& reply) {
  auto fields = fields_of(reply.json());
  auto* quote = fields.if_contains("reply_to");
  if (quote == nullptr || !quote->is_object()) {
    return std::nullopt;
  }
  quote->as_object()["message"] = "";
  return encode_text(boost::json::serialize(fields));
}

}  // namespace

std::string_view framed::json() const {
  const auto whole = frame.view();
  const auto length = whole[1] & 0x7F;
  const std::size_t header = length < 126 ? 2 : (length == 126 ? 4 : 10);
  return as_text(whole.subspan(header));
}

framed make_framed(const chat::broadcast& what) {
  return {.seq = what.seq,
          .frame = encode_frame(opcode::text, what.json.view()),
          .for_moderators = what.for_moderators,
          .for_user = what.for_user,
          .message_id = what.message_id,
          .author = what.author,
          .quoted_id = what.quoted_id,
          .quoted_author = what.quoted_author};
}

std::string_view kind_of(std::string_view json) {
  constexpr std::string_view start = R"({"type":")";
  if (!json.starts_with(start)) {
    return {};
  }
  json.remove_prefix(start.size());
  return json.substr(0, json.find('"'));
}

shared_bytes missed_frame(std::int64_t from, std::int64_t to) {
  return encode_text(fmt::format(R"({{"type":"missed","from":{},"to":{}}})", from, to));
}

void feed::push(const framed& what) {
  if (what.for_user != 0) {
    tell_user(what);
    return;
  }
  pushed_ = true;
  if (what.seq == 0) {
    push_notice(what);
  } else {
    push_event(what);
  }
}

void feed::tell_user(const framed& what) {
  members_.for_each([&](subscriber& member) {
    if (member.user_ == what.for_user) {
      member.tell(what.frame);
    }
  });
}

void feed::push_event(const framed& what) {
  if (what.seq <= head_) {
    return;  // told twice: a room that moved
  }
  if (head_ != 0 && what.seq > head_ + 1) {
    lose(head_ + 1, what.seq - 1);
  }
  if (is_change(what)) {
    apply(what);
  }
  append({what.seq, what.seq, what, false});
  head_ = what.seq;
}

bool feed::is_change(const framed& event) {
  const auto kind = kind_of(event.json());
  return kind == "deleted" || kind == "cleared" || kind == "role";
}

void feed::apply(const framed& change) {
  if (kind_of(change.json()) == "role") {
    note_role(change);
  } else {
    remove_text(change);
  }
}

void feed::lose(std::int64_t from, std::int64_t to) {
  from = head_ != 0 ? head_ + 1 : from;
  if (to < from) {
    return;
  }
  pushed_ = true;
  append({from, to, {.frame = missed_frame(from, to)}, true});
  head_ = to;
}

/// Who is slow does not get what a moderator took away meanwhile. by: deleted or cleared.
void feed::remove_text(const framed& by) {
  const auto fields = fields_of(by.json());
  const auto message_id = number_in(fields, "message_id");
  const auto author = number_in(fields, "user_id");
  const auto is_meant = [&](id message, user_id said_by) {
    return message != 0 && (message_id != 0 ? message == message_id : said_by == author);
  };
  for (auto& each : ring_) {
    auto& what = each.what;
    const auto size = what.frame.size();
    if (is_meant(what.message_id, what.author)) {
      what = {.seq = what.seq, .frame = encode_text(chat::deleted_json(what.seq, what.message_id))};
    } else if (is_meant(what.quoted_id, what.quoted_author)) {
      what.frame = without_quote(what).value_or(what.frame);
      what.quoted_id = 0;
    }
    ring_bytes_ = ring_bytes_ - size + what.frame.size();
  }
  chunks_.clear();
}

void feed::append(entry e) {
  chunks_.clear();
  ring_bytes_ += e.what.frame.size();
  ring_.push_back(std::move(e));
  while (ring_.size() > limits_.ring_events || ring_bytes_ > limits_.ring_bytes) {
    ring_bytes_ -= ring_.front().what.frame.size();
    ring_.pop_front();
  }
}

void feed::push_notice(const framed& what) {
  const auto kind = kind_of(what.json());
  auto at = std::ranges::find(kinds_, kind, &notice::kind);
  if (at == kinds_.end()) {
    if (kinds_.size() >= notice_kinds) {
      kinds_.erase(std::ranges::min_element(kinds_, {}, &notice::number));
    }
    kinds_.push_back({std::string(kind), 0, {}, false});
    at = kinds_.end() - 1;
  }
  at->number = ++notices_;
  at->frame = what.frame;
  at->for_moderators = what.for_moderators;
}

void feed::note_role(const framed& what) {
  const auto fields = fields_of(what.json());
  const auto user = number_in(fields, "user_id");
  const auto* role = fields.if_contains("role");
  if (user == 0 || role == nullptr || !role->is_string()) {
    return;
  }
  const role_change change{what.seq, user, role->as_string() != "user"};
  roles_.push_back(change);
  if (roles_.size() > roles_kept) {
    roles_.pop_front();
  }
  members_.for_each([&](subscriber& member) {
    if (member.user_ == change.user) {
      set_moderates(member, change.moderates);
    }
  });
}

void feed::set_moderates(subscriber& s, bool moderates) {
  s.is_owed_ = moderates && (s.is_owed_ || !s.moderates_);
  s.moderates_ = moderates;
}

/// What a relay says to who joins is newer than a notice of before that.
void feed::note_held(const arrival& how) {
  auto at = std::ranges::find(kinds_, "held", &notice::kind);
  if (!how.held || (at != kinds_.end() && at->number > how.notices)) {
    return;
  }
  if (at == kinds_.end()) {
    kinds_.push_back({"held", how.notices, {}, true});
    at = kinds_.end() - 1;
  }
  at->frame = encode_text(chat::held_json(*how.held));
}

void feed::add(subscriber& s, const arrival& how) {
  TROUPE_CHECK(!s.is_member(), "a socket is in one room, once");
  welcomed_ = members_.size() == 0 ? how.next - 1 : std::min(welcomed_, how.next - 1);
  s.next_ = how.next;
  s.noticed_ = how.notices;
  members_.add(s);
  note_held(how);
  set_user(s, how.user, how.moderates, how.next - 1);
}

void feed::set_user(subscriber& s, user_id user, bool moderates, std::int64_t since) {
  s.user_ = user;
  for (const auto& change : roles_) {
    if (change.user == user && user != 0 && change.seq > since) {
      moderates = change.moderates;
    }
  }
  set_moderates(s, moderates);
}

void feed::remove(subscriber& s) {
  members_.remove(s);
}

bool feed::is_caught_up(const subscriber& s) const {
  return s.next_ > head_ && s.noticed_ == notices_ && !s.is_owed_;
}

bool feed::serve(subscriber& s) {
  for (std::size_t i = 0; i < writes_in_a_row && s.is_ready(); ++i) {
    if (is_caught_up(s)) {
      return true;
    }
    out_.clear();
    collect(s);
    if (!out_.empty()) {
      ++counts_.writes;
      s.write(out_);
    }
  }
  return is_caught_up(s);
}

/// Fills out_ with what s is to be sent in one write, and moves its cursor over it.
void feed::collect(subscriber& s) {
  std::size_t size = 0;
  while (s.next_ <= head_ && size < limits_.batch_bytes) {
    const auto& c = chunk_from(s.next_);
    if (c.events == 0) {
      counts_.missed += static_cast<std::uint64_t>(c.to - c.from + 1);
    }
    counts_.events += c.events;
    size += c.frame.size();
    out_.push_back(c.frame);
    s.next_ = c.to + 1;
  }
  for (const auto& n : kinds_) {
    if (n.for_moderators ? s.moderates_ && (s.is_owed_ || n.number > s.noticed_)
                         : n.number > s.noticed_) {
      out_.push_back(n.frame);
    }
  }
  s.noticed_ = notices_;
  s.is_owed_ = false;
}

const feed::chunk& feed::chunk_from(std::int64_t next) {
  if (const auto at = std::ranges::find(chunks_, next, &chunk::from); at != chunks_.end()) {
    return *at;
  }
  if (chunks_.size() >= chunks_kept) {
    chunks_.erase(chunks_.begin());
  }
  chunks_.push_back(make_chunk(next));
  return chunks_.back();
}

/// next is at most head_.
feed::chunk feed::make_chunk(std::int64_t next) const {
  const auto oldest = ring_.empty() ? head_ + 1 : ring_.front().from;
  if (next < oldest) {
    return {next, oldest - 1, 0, missed_frame(next, oldest - 1)};
  }
  const auto first = index_of(next);
  const auto& start = ring_[first];
  if (start.is_gap) {
    return {next, start.to, 0,
            next == start.from ? start.what.frame : missed_frame(next, start.to)};
  }
  auto last = first;
  std::size_t size = start.what.frame.size();
  while (last + 1 < ring_.size() && !ring_[last + 1].is_gap &&
         last + 2 - first <= limits_.batch_events &&
         size + ring_[last + 1].what.frame.size() <= limits_.batch_bytes) {
    size += ring_[++last].what.frame.size();
  }
  if (last == first) {
    return {next, next, 1, start.what.frame};
  }
  std::string json;
  json.reserve(size + batch_start.size() + batch_end.size());
  json += batch_start;
  for (auto i = first; i <= last; ++i) {
    json += i == first ? "" : ",";
    json += ring_[i].what.json();
  }
  json += batch_end;
  return {next, ring_[last].to, last - first + 1, encode_text(json)};
}

/// Of the entry that holds seq; the ring has one.
std::size_t feed::index_of(std::int64_t seq) const {
  const auto at = std::ranges::upper_bound(ring_, seq, {}, &entry::from);
  return static_cast<std::size_t>(at - ring_.begin()) - 1;
}

bool feed::pass(std::size_t count) {
  if (!members_.is_passing()) {
    behind_ = 0;
    pushed_ = false;
  }
  const bool has_more = members_.pass(count, [this](subscriber& member) {
    if (!serve(member)) {
      // It may be gone by now: a socket that breaks leaves in the next turn of the loop.
      ++behind_;
    }
  });
  if (!has_more) {
    finish_pass();
  }
  return has_more;
}

void feed::finish_pass() {
  if (behind_ == 0 && !pushed_ && !keeps_) {
    // Everybody has everything: a quiet room holds no events.
    ring_.clear();
    ring_bytes_ = 0;
    chunks_.clear();
  }
}

}  // namespace troupe::ws
