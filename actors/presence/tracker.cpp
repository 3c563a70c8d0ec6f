// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/presence/tracker.hpp"

#include <functional>
#include <string>

#include "base/address_key.hpp"

namespace troupe::presence {

namespace {

constexpr std::size_t at_once = 1000;  // players or channels, about 0.2 ms under the mutex
constexpr duration ask_again = std::chrono::seconds(10);

/// Spreads 64 bits over 64 bits (the finaliser of MurmurHash3).
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

bool is_user(std::string_view person) {
  return person.starts_with("u:");
}

}  // namespace

tracker::tracker(const tracker_settings& s, const clock& time, metrics& m, std::uint64_t seed)
    : settings_(s),
      time_(time),
      seed_(seed),
      uncounted_(m.make_counter("troupe_presence_uncounted_total",
                                "Viewers that were not counted because too many were")),
      merged_(m.make_counter("troupe_presence_merged_total",
                             "Sessions and requests counted with others of their address, because "
                             "it showed too many different ones")),
      watchers_gauge_(m.make_gauge("troupe_presence_watchers", "Chat sessions that are counted")),
      players_gauge_(
          m.make_gauge("troupe_presence_players", "HLS players seen within the last seconds")) {}

tracker::who tracker::digest(std::string_view a, std::string_view b) const {
  const std::hash<std::string_view> of;
  return mix(mix(of(a) ^ seed_) + of(b));
}

tracker::who tracker::network(std::string_view address) const {
  return mix(address_key(address) ^ seed_);
}

/// here: how many are told apart at this address; has: whether one is there already.
template <class Has>
tracker::who tracker::choose(const candidates& c, std::size_t here, Has has) {
  if (c.is_trusted) {
    return c.id.value_or(c.device);
  }
  if (c.id && (here < settings_.ids_per_address || has(*c.id))) {
    return *c.id;
  }
  const bool has_room = here < settings_.agents_per_address;
  if (c.id || !has_room) {
    merged_.add();
  }
  return has_room || has(c.device) ? c.device : c.at;
}

// Chat sessions

void tracker::add_person(channel_people& c, session& s, std::string_view person) {
  s.is_anonymous = !is_user(person);
  if (s.is_anonymous) {
    auto& here = c.anonymous[s.at];
    const auto id = person.empty() ? std::nullopt : std::optional(digest(person, "person"));
    s.person = choose({.id = id, .device = s.device, .at = s.at, .is_trusted = s.is_trusted},
                      here.size(), [&here](who w) { return here.contains(w); });
    ++here[s.person];
  } else {
    s.person = digest(person, "person");
  }
  ++c.persons[s.person];
  c.is_dirty = true;
}

void tracker::remove_person(channel_people& c, const session& s) {
  release(c.persons, s.person);
  if (s.is_anonymous) {
    const auto here = c.anonymous.find(s.at);
    release(here->second, s.person);
    if (here->second.empty()) {
      c.anonymous.erase(here);
    }
  }
  c.is_dirty = true;
}

tracker::ticket tracker::enter(watcher w) {
  session s{.channel = w.channel,
            .person = 0,
            .device = digest(w.address, w.agent),
            .at = network(w.address),
            .is_anonymous = false,
            .plays_natively = w.plays_natively,
            .is_trusted = w.is_trusted};
  const std::lock_guard lock(mutex_);
  if (sessions_.size() >= settings_.watchers) {
    uncounted_.add();
    return ticket::none;
  }
  auto& c = channels_[w.channel];
  add_person(c, s, w.person);
  count_device(c, s.device, s.at, 1);
  if (s.plays_natively) {
    balance_at(c, s.at, 0, 1);
  }
  sessions_.emplace(++tickets_, s);
  watchers_gauge_.set(static_cast<double>(sessions_.size()));
  return ticket{tickets_};
}

void tracker::change(ticket which, std::string person) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(static_cast<std::uint64_t>(which));
  if (found == sessions_.end()) {
    return;
  }
  auto& s = found->second;
  auto& c = channels_[s.channel];
  remove_person(c, s);
  add_person(c, s, person);
}

void tracker::leave(ticket which) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(static_cast<std::uint64_t>(which));
  if (found == sessions_.end()) {
    return;
  }
  const auto& s = found->second;
  auto& c = channels_[s.channel];
  remove_person(c, s);
  count_device(c, s.device, s.at, -1);
  if (s.plays_natively) {
    balance_at(c, s.at, 0, -1);
  }
  sessions_.erase(found);
  watchers_gauge_.set(static_cast<double>(sessions_.size()));
}

void tracker::release(counts& from, who which) {
  const auto found = from.find(which);
  if (found != from.end() && --found->second == 0) {
    from.erase(found);
  }
}

// Players among the chat sessions

void tracker::balance_at(channel_people& c, who at, std::int64_t players, std::int64_t natives) {
  const auto here = c.at.try_emplace(at).first;
  auto& b = here->second;
  c.strangers -= b.strangers();
  b.players += players;
  b.natives += natives;
  c.strangers += b.strangers();
  c.is_dirty = true;
  if (b.players == 0 && b.natives == 0) {
    c.at.erase(here);
  }
}

/// A chat session's device came or went: its players are its own as long as there is one.
void tracker::count_device(channel_people& c, who device, who at, int change) {
  const bool was_here = c.devices.contains(device);
  if (change > 0) {
    ++c.devices[device];
  } else {
    release(c.devices, device);
  }
  const auto players = c.players.find(device);
  if (players != c.players.end() && was_here != c.devices.contains(device)) {
    balance_at(c, at, was_here ? players->second.players : -players->second.players, 0);
  }
}

void tracker::count_player(channel_people& c, const seen_player& p, int change) {
  const auto here = c.players.try_emplace(p.device, device_players{.players = 0, .at = p.at}).first;
  here->second.players += change;
  if (here->second.players == 0) {
    c.players.erase(here);
  }
  if (!c.devices.contains(p.device)) {
    balance_at(c, p.at, change, 0);
  }
}

// Players

player tracker::identify(std::string_view address, std::string_view agent,
                         std::string_view playback_session) const {
  const auto device = digest(address, agent);
  return {.device = device,
          .at = network(address),
          .key = playback_session.empty() ? device : digest(playback_session, "session"),
          .is_trusted = false};
}

void tracker::played(stream_id id, const player& by) {
  const auto now = time_.now();
  const std::lock_guard lock(mutex_);
  const auto [at, is_new] = streams_.try_emplace(id);
  auto& stream = at->second;
  const auto here = stream.at.find(by.at);
  const auto key = choose({.id = by.key == by.device ? std::nullopt : std::optional(by.key),
                           .device = by.device,
                           .at = by.at,
                           .is_trusted = by.is_trusted},
                          here == stream.at.end() ? 0 : here->second,
                          [&stream](who w) { return stream.players.contains(w); });
  if (const auto known = stream.players.find(key); known != stream.players.end()) {
    known->second.last_seen = now;
    return;
  }
  if (players_ >= settings_.players) {
    uncounted_.add();
    if (is_new) {
      streams_.erase(at);
    }
    return;
  }
  if (is_new) {
    unknown_.try_emplace(id);
  }
  const auto check_at = now + settings_.player_life;
  const seen_player p{.last_seen = now, .check_at = check_at, .device = by.device, .at = by.at};
  stream.players.emplace(key, p);
  ++stream.at[by.at];
  checks_.push({check_at, id, key});
  players_gauge_.set(static_cast<double>(++players_));
  if (stream.channel) {
    count_player(channels_[*stream.channel], p, 1);
  }
}

void tracker::remove_player(stream_id id, who key) {
  const auto at = streams_.find(id);
  auto& stream = at->second;
  const auto found = stream.players.find(key);
  const auto p = found->second;
  stream.players.erase(found);
  release(stream.at, p.at);
  --players_;
  auto* c = stream.channel ? &channels_[*stream.channel] : nullptr;
  if (c != nullptr) {
    count_player(*c, p, -1);
  }
  if (stream.players.empty()) {
    if (c != nullptr) {
      --c->streams;
    }
    unknown_.erase(id);
    streams_.erase(at);
  }
}

/// False when there is more to do.
bool tracker::forget_silent(steady_time now) {
  for (std::size_t i = 0; i < at_once; ++i) {
    if (checks_.empty() || checks_.top().due > now) {
      return true;
    }
    auto next = checks_.top();
    checks_.pop();
    const auto stream = streams_.find(next.stream);
    if (stream == streams_.end()) {
      continue;  // it was none
    }
    const auto found = stream->second.players.find(next.key);
    if (found == stream->second.players.end() || found->second.check_at != next.due) {
      continue;  // of one that was forgotten with its stream
    }
    next.due = found->second.last_seen + settings_.player_life;
    if (next.due > now) {
      found->second.check_at = next.due;
      checks_.push(next);
    } else {
      remove_player(next.stream, next.key);
    }
  }
  return false;
}

// Reports

/// The next channels after that one; false when there are more.
bool tracker::collect_some(steady_time now, user_id& after, std::vector<count>& out) {
  auto each = channels_.upper_bound(after);
  for (std::size_t i = 0; i < at_once; ++i) {
    if (each == channels_.end()) {
      return true;
    }
    auto& [channel, c] = *each;
    after = channel;
    const bool is_due = c.reported > 0 && now - c.reported_at >= settings_.report_again;
    if ((c.is_dirty && c.people() != c.reported) || is_due) {
      c.reported = c.people();
      c.reported_at = now;
      out.push_back({channel, c.reported});
    }
    c.is_dirty = false;
    each = c.is_empty() ? channels_.erase(each) : std::next(each);
  }
  return false;
}

std::vector<tracker::count> tracker::collect() {
  const auto now = time_.now();
  const auto in_slices = [this](auto slice) {
    for (bool is_done = false; !is_done;) {
      const std::lock_guard lock(mutex_);
      is_done = slice();
    }
  };
  in_slices([&] { return forget_silent(now); });
  std::vector<count> out;
  user_id after = 0;
  in_slices([&] { return collect_some(now, after, out); });
  const std::lock_guard lock(mutex_);
  players_gauge_.set(static_cast<double>(players_));
  return out;
}

std::vector<stream_id> tracker::unknown_streams() {
  const auto now = time_.now();
  std::vector<stream_id> out;
  const std::lock_guard lock(mutex_);
  for (auto& [id, asked_at] : unknown_) {
    if (!asked_at || now - *asked_at >= ask_again) {
      asked_at = now;
      out.push_back(id);
    }
  }
  return out;
}

void tracker::learn(stream_id stream, user_id channel) {
  const std::lock_guard lock(mutex_);
  if (unknown_.erase(stream) == 0) {
    return;
  }
  auto& found = streams_.find(stream)->second;
  found.channel = channel;
  auto& c = channels_[channel];
  ++c.streams;
  c.is_dirty = true;
  for (const auto& [key, p] : found.players) {
    count_player(c, p, 1);
  }
}

void tracker::forget(stream_id stream) {
  const std::lock_guard lock(mutex_);
  if (unknown_.erase(stream) != 0) {
    const auto found = streams_.find(stream);
    players_ -= found->second.players.size();
    streams_.erase(found);
  }
}

}  // namespace troupe::presence
