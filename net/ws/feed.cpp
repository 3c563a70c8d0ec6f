// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/feed.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>
#include <boost/json.hpp>

#include "base/check.hpp"
#include "net/ws/frame.hpp"

namespace troupe::ws {
namespace {

constexpr std::size_t notice_kinds = 8;      // the protocol has three; a newer room may have more
constexpr std::size_t roles_kept = 64;       // for sockets that are on their way
constexpr std::size_t chunks_kept = 16;      // different cursors among the ready sockets
constexpr std::size_t writes_in_a_row = 16;  // to one socket, however fast it reads
constexpr std::string_view batch_start = R"({"type":"batch","messages":[)";
constexpr std::string_view batch_end = "]}";

/// The value of "type"; what wire.cpp writes begins with it.
std::string_view kind_of(std::string_view json) {
  constexpr std::string_view start = R"({"type":")";
  if (!json.starts_with(start)) {
    return {};
  }
  json.remove_prefix(start.size());
  return json.substr(0, json.find('"'));
}

}  // namespace

std::string_view framed::json() const {
  const auto whole = frame.view();
  const auto length = whole[1] & 0x7F;
  const std::size_t header = length < 126 ? 2 : (length == 126 ? 4 : 10);
  return as_text(whole.subspan(header));
}

framed make_framed(const chat::broadcast& what) {
  return {what.seq, encode_frame(opcode::text, what.json.view()), what.for_moderators};
}

shared_bytes missed_frame(std::int64_t from, std::int64_t to) {
  return encode_text(fmt::format(R"({{"type":"missed","from":{},"to":{}}})", from, to));
}

void feed::push(const framed& what) {
  pushed_ = true;
  if (what.seq == 0) {
    push_notice(what);
  } else {
    push_event(what);
  }
}

void feed::push_event(const framed& what) {
  if (what.seq <= head_) {
    return;  // told twice: a room that moved
  }
  if (head_ != 0 && what.seq > head_ + 1) {
    append({head_ + 1, what.seq - 1, missed_frame(head_ + 1, what.seq - 1), true});
  }
  append({what.seq, what.seq, what.frame, false});
  head_ = what.seq;
  if (kind_of(what.json()) == "role") {
    note_role(what);
  }
}

void feed::append(entry e) {
  chunks_.clear();
  ring_bytes_ += e.frame.size();
  ring_.push_back(std::move(e));
  while (ring_.size() > limits_.ring_events || ring_bytes_ > limits_.ring_bytes) {
    ring_bytes_ -= ring_.front().frame.size();
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
  boost::system::error_code problem;
  const auto parsed = boost::json::parse(what.json(), problem);
  const auto* fields = problem ? nullptr : parsed.if_object();
  const auto* user = fields != nullptr ? fields->if_contains("user_id") : nullptr;
  const auto* role = fields != nullptr ? fields->if_contains("role") : nullptr;
  if (user == nullptr || !user->is_int64() || role == nullptr || !role->is_string()) {
    return;
  }
  const role_change change{what.seq, user->as_int64(), role->as_string() != "user"};
  roles_.push_back(change);
  if (roles_.size() > roles_kept) {
    roles_.pop_front();
  }
  for (auto* member : members_) {
    if (member != nullptr && member->user_ == change.user) {
      member->moderates_ = change.moderates;
    }
  }
}

void feed::add(subscriber& s, const arrival& how) {
  TROUPE_CHECK(!s.is_member_, "a socket is in one room, once");
  welcomed_ = live_ == 0 ? how.next - 1 : std::min(welcomed_, how.next - 1);
  s.next_ = how.next;
  s.noticed_ = how.notices;
  s.place_ = static_cast<std::uint32_t>(members_.size());
  s.is_member_ = true;
  members_.push_back(&s);
  ++live_;
  set_user(s, how.user, how.moderates, how.next - 1);
}

void feed::set_user(subscriber& s, user_id user, bool moderates, std::int64_t since) {
  s.user_ = user;
  s.moderates_ = moderates;
  for (const auto& change : roles_) {
    if (change.user == user && user != 0 && change.seq > since) {
      s.moderates_ = change.moderates;
    }
  }
}

void feed::remove(subscriber& s) {
  if (!s.is_member_) {
    return;
  }
  s.is_member_ = false;
  --live_;
  if (is_passing_) {
    members_[s.place_] = nullptr;  // the pass keeps its place
    return;
  }
  members_[s.place_] = members_.back();
  members_[s.place_]->place_ = s.place_;
  members_.pop_back();
}

bool feed::is_caught_up(const subscriber& s) const {
  return s.next_ > head_ && s.noticed_ == notices_;
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
  if (s.noticed_ == notices_) {
    return;
  }
  for (const auto& n : kinds_) {
    if (n.number > s.noticed_ && (!n.for_moderators || s.moderates_)) {
      out_.push_back(n.frame);
    }
  }
  s.noticed_ = notices_;
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
    return {next, start.to, 0, next == start.from ? start.frame : missed_frame(next, start.to)};
  }
  auto last = first;
  std::size_t size = start.frame.size();
  while (last + 1 < ring_.size() && !ring_[last + 1].is_gap &&
         last + 2 - first <= limits_.batch_events &&
         size + ring_[last + 1].frame.size() <= limits_.batch_bytes) {
    size += ring_[++last].frame.size();
  }
  if (last == first) {
    return {next, next, 1, start.frame};
  }
  std::string json;
  json.reserve(size + batch_start.size() + batch_end.size());
  json += batch_start;
  for (auto i = first; i <= last; ++i) {
    json += i == first ? "" : ",";
    json += framed{0, ring_[i].frame}.json();
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
  if (!std::exchange(is_passing_, true)) {
    at_ = 0;
    behind_ = 0;
    pushed_ = false;
  }
  for (; count > 0 && at_ < members_.size(); ++at_) {
    auto* member = members_[at_];
    if (member == nullptr) {
      continue;
    }
    --count;
    if (!serve(*member)) {
      // It may be gone by now: a socket that breaks leaves in the next turn of the loop.
      ++behind_;
    }
  }
  if (at_ < members_.size()) {
    return true;
  }
  finish_pass();
  return false;
}

void feed::finish_pass() {
  is_passing_ = false;
  std::erase(members_, nullptr);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    members_[i]->place_ = static_cast<std::uint32_t>(i);
  }
  if (behind_ == 0 && !pushed_ && !keeps_) {
    // Everybody has everything: a quiet room holds no events.
    ring_.clear();
    ring_bytes_ = 0;
    chunks_.clear();
  }
}

}  // namespace troupe::ws
