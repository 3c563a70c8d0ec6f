// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/presence/tracker.hpp"

#include <functional>
#include <string>

namespace troupe::presence {

namespace {

/// Spreads 64 bits over 64 bits (the finaliser of MurmurHash3).
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

}  // namespace

tracker::tracker(const tracker_settings& s, const clock& time, metrics& m, std::uint64_t seed)
    : settings_(s),
      time_(time),
      seed_(seed),
      uncounted_(m.make_counter("troupe_presence_uncounted_total",
                                "Viewers that were not counted because too many were")),
      watchers_gauge_(m.make_gauge("troupe_presence_watchers", "Chat sessions that are counted")),
      players_gauge_(
          m.make_gauge("troupe_presence_players", "HLS players seen within the last seconds")) {}

tracker::who tracker::digest(std::string_view a, std::string_view b) const {
  const std::hash<std::string_view> of;
  return mix(mix(of(a) ^ seed_) + of(b));
}

tracker::who tracker::person_of(const watcher& w) const {
  return w.person.empty() ? digest(w.address, w.agent) : digest(w.person, "person");
}

tracker::ticket tracker::enter(watcher w) {
  const std::lock_guard lock(mutex_);
  if (sessions_.size() >= settings_.watchers) {
    uncounted_.add();
    return ticket::none;
  }
  session s{.channel = w.channel,
            .person = person_of(w),
            .device = digest(w.address, w.agent),
            .at_native = {}};
  auto& c = channels_[w.channel];
  ++c.persons[s.person];
  ++c.devices[s.device];
  if (w.plays_natively) {
    s.at_native = digest(w.address, "");
    ++c.natives[*s.at_native];
  }
  c.is_dirty = true;
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
  release(c.persons, s.person);
  s.person = person.empty() ? s.device : digest(person, "person");
  ++c.persons[s.person];
  c.is_dirty = true;
}

void tracker::leave(ticket which) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(static_cast<std::uint64_t>(which));
  if (found == sessions_.end()) {
    return;
  }
  const auto& s = found->second;
  auto& c = channels_[s.channel];
  release(c.persons, s.person);
  release(c.devices, s.device);
  if (s.at_native) {
    release(c.natives, *s.at_native);
  }
  c.is_dirty = true;
  sessions_.erase(found);
  watchers_gauge_.set(static_cast<double>(sessions_.size()));
}

player tracker::identify(std::string_view address, std::string_view agent,
                         std::string_view playback_session) const {
  const auto device = digest(address, agent);
  return {.device = device,
          .at = digest(address, ""),
          .key = playback_session.empty() ? device : digest(playback_session, "session")};
}

void tracker::played(stream_id id, const player& by) {
  const auto now = time_.now();
  const std::lock_guard lock(mutex_);
  auto& stream = streams_[id];
  if (const auto known = stream.players.find(by.key); known != stream.players.end()) {
    known->second.last_seen = now;
    return;
  }
  if (players_ >= settings_.players) {
    uncounted_.add();
    return;
  }
  stream.players.emplace(by.key, seen_player{.last_seen = now, .device = by.device, .at = by.at});
  stream.checks.emplace_back(now + settings_.player_life, by.key);
  players_gauge_.set(static_cast<double>(++players_));
  if (stream.channel) {
    channels_[*stream.channel].is_dirty = true;
  }
}

void tracker::release(std::unordered_map<who, std::size_t>& from, who which) {
  const auto found = from.find(which);
  if (found != from.end() && --found->second == 0) {
    from.erase(found);
  }
}

/// A player is looked at when it could be silent for long enough, not at each of its requests.
void tracker::forget_silent(steady_time now) {
  for (auto& [id, stream] : streams_) {
    while (!stream.checks.empty() && stream.checks.front().first <= now) {
      const auto key = stream.checks.front().second;
      stream.checks.pop_front();
      const auto found = stream.players.find(key);
      if (found == stream.players.end()) {
        continue;
      }
      const auto due = found->second.last_seen + settings_.player_life;
      if (due > now) {
        stream.checks.emplace_back(due, key);
        continue;
      }
      stream.players.erase(found);
      --players_;
      if (stream.channel) {
        channels_[*stream.channel].is_dirty = true;
      }
    }
  }
  std::erase_if(streams_, [this](const auto& entry) {
    const auto& [id, stream] = entry;
    const bool is_over = stream.players.empty() && !(stream.is_asked && !stream.channel);
    if (is_over && stream.channel) {
      channels_[*stream.channel].streams.erase(id);
    }
    return is_over;
  });
  players_gauge_.set(static_cast<double>(players_));
}

std::int64_t tracker::people_of(const channel_people& c) const {
  auto people = static_cast<std::int64_t>(c.persons.size());
  auto natives = c.natives;  // each chat session accounts for one player at its address
  for (const auto id : c.streams) {
    const auto stream = streams_.find(id);
    if (stream == streams_.end()) {
      continue;
    }
    for (const auto& [key, p] : stream->second.players) {
      if (c.devices.contains(p.device)) {
        continue;
      }
      const auto native = natives.find(p.at);
      if (native != natives.end() && native->second > 0) {
        --native->second;
        continue;
      }
      ++people;
    }
  }
  return people;
}

bool tracker::is_empty(const channel_people& c) const {
  return c.persons.empty() && c.streams.empty();
}

std::vector<tracker::count> tracker::collect() {
  const auto now = time_.now();
  std::vector<count> out;
  const std::lock_guard lock(mutex_);
  forget_silent(now);
  for (auto each = channels_.begin(); each != channels_.end();) {
    auto& [channel, c] = *each;
    const bool is_due = c.reported > 0 && now - c.reported_at >= settings_.report_again;
    if (c.is_dirty || is_due) {
      const auto people = c.is_dirty ? people_of(c) : c.reported;
      if (people != c.reported || is_due) {
        out.push_back({channel, people});
        c.reported = people;
        c.reported_at = now;
      }
      c.is_dirty = false;
    }
    each = is_empty(c) ? channels_.erase(each) : std::next(each);
  }
  return out;
}

std::vector<stream_id> tracker::unknown_streams() {
  std::vector<stream_id> out;
  const std::lock_guard lock(mutex_);
  for (auto& [id, stream] : streams_) {
    if (!stream.channel && !stream.is_asked) {
      stream.is_asked = true;
      out.push_back(id);
    }
  }
  return out;
}

void tracker::learn(stream_id stream, user_id channel) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(stream);
  if (found == streams_.end()) {
    return;
  }
  found->second.channel = channel;
  auto& c = channels_[channel];
  c.streams.insert(stream);
  c.is_dirty = true;
}

void tracker::forget(stream_id stream) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(stream);
  if (found != streams_.end() && !found->second.channel) {
    players_ -= found->second.players.size();
    streams_.erase(found);
  }
}

}  // namespace troupe::presence
