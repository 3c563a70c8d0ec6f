// SPDX-License-Identifier: GPL-3.0-or-later
// The people of one node. Chat sessions are counted by enter() and leave(); players are seen by
// their requests and forgotten after 10 s without one. A page has both: its player is known by the
// address and agent of its chat session, or, where the browser's own player asks under another
// agent, by the address alone. What anybody can make up (viewer ids, playback sessions, agents)
// tells only so many people of one address apart. The mutex is never held for long: counts are kept
// up to date by what changes them, and a round of collect() lets others in between.
// Thread: every function from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <queue>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/presence/presence.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"

namespace troupe::presence {

struct tracker_settings {
  std::size_t watchers = 50'000;  ///< beyond it chat sessions are not counted
  std::size_t players = 200'000;  ///< the same of players, about 100 bytes each
  /// Of one address, in one channel or stream: this many are told apart by an id of their own,
  /// more by their agents, and what is still more is one person.
  std::size_t ids_per_address = 16;
  std::size_t agents_per_address = 64;
  duration player_life = std::chrono::seconds(10);
  /// A count that did not change is reported again after so long.
  duration report_again = std::chrono::seconds(5);
};

class tracker final : public presence {
 public:
  /// seed: random, so that nobody can choose what collides.
  tracker(const tracker_settings& s, const clock& time, metrics& m, std::uint64_t seed);

  ticket enter(watcher w) override;
  void change(ticket which, std::string person) override;
  void leave(ticket which) override;
  player identify(std::string_view address, std::string_view agent,
                  std::string_view playback_session) const override;
  void played(stream_id stream, const player& by) override;

  struct count {
    user_id channel = 0;
    std::int64_t people = 0;
  };

  /// What is to be reported now: counts that changed, and others again. Forgets players.
  std::vector<count> collect();
  /// Streams that are played here and whose channel is not known yet; each is given once until
  /// learn() or forget(), and again after 10 s without either.
  std::vector<stream_id> unknown_streams();
  void learn(stream_id stream, user_id channel);
  /// There is no such stream: its players go.
  void forget(stream_id stream);

 private:
  /// Digests of who somebody is.
  using who = std::uint64_t;

  using counts = std::unordered_map<who, std::size_t>;

  struct session {
    user_id channel = 0;
    who person = 0;
    who device = 0;  ///< address and agent
    who at = 0;
    bool is_anonymous = false;
    bool plays_natively = false;
    bool is_trusted = false;
  };

  struct seen_player {
    steady_time last_seen;
    steady_time check_at;
    who device = 0;
    who at = 0;
  };

  struct stream_players {
    std::optional<user_id> channel;
    std::unordered_map<who, seen_player> players;
    counts at;  // players of each address
  };

  /// When to look at a player again: when it could be silent for long enough, not at each request.
  struct check {
    steady_time due;
    stream_id stream = 0;
    who key = 0;

    friend bool operator>(const check& a, const check& b) { return a.due > b.due; }
  };

  /// One address's players in a channel that no chat session's device accounts for, and the chat
  /// sessions that each account for one of those.
  struct balance {
    std::int64_t players = 0;
    std::int64_t natives = 0;

    std::int64_t strangers() const { return players > natives ? players - natives : 0; }
  };

  struct device_players {
    std::int64_t players = 0;
    who at = 0;
  };

  struct channel_people {
    counts persons;                             // chat sessions of each
    std::unordered_map<who, counts> anonymous;  // of those the ones without a user, by address
    counts devices;
    std::unordered_map<who, device_players> players;
    std::unordered_map<who, balance> at;
    std::int64_t strangers = 0;  // the sum over at
    std::size_t streams = 0;
    bool is_dirty = true;
    std::int64_t reported = -1;
    steady_time reported_at{};

    std::int64_t people() const { return static_cast<std::int64_t>(persons.size()) + strangers; }

    bool is_empty() const { return persons.empty() && streams == 0; }
  };

  /// Who somebody is, from the most to the least that is believed of an address.
  struct candidates {
    std::optional<who> id;
    who device = 0;
    who at = 0;
    bool is_trusted = false;
  };

  who digest(std::string_view a, std::string_view b) const;
  who network(std::string_view address) const;
  template <class Has>
  who choose(const candidates& c, std::size_t here, Has has);
  void add_person(channel_people& c, session& s, std::string_view person);
  static void remove_person(channel_people& c, const session& s);
  static void balance_at(channel_people& c, who at, std::int64_t players, std::int64_t natives);
  static void count_device(channel_people& c, who device, who at, int change);
  static void count_player(channel_people& c, const seen_player& p, int change);
  static void release(counts& from, who which);
  bool forget_silent(steady_time now);
  void remove_player(stream_id id, who key);
  bool collect_some(steady_time now, user_id& after, std::vector<count>& out);

  const tracker_settings settings_;
  const clock& time_;
  const std::uint64_t seed_;
  metrics::counter& uncounted_;
  metrics::counter& merged_;
  metrics::gauge& watchers_gauge_;
  metrics::gauge& players_gauge_;
  std::mutex mutex_;
  std::uint64_t tickets_ = 0;
  std::unordered_map<std::uint64_t, session> sessions_;
  std::unordered_map<stream_id, stream_players> streams_;              // that have players
  std::unordered_map<stream_id, std::optional<steady_time>> unknown_;  // of those; when asked for
  std::priority_queue<check, std::vector<check>, std::greater<>> checks_;  // one a player
  std::map<user_id, channel_people> channels_;
  std::size_t players_ = 0;
};

}  // namespace troupe::presence
