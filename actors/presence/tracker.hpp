// SPDX-License-Identifier: GPL-3.0-or-later
// The people of one node. Chat sessions are counted by enter() and leave(); players are seen by
// their requests and forgotten after 10 s without one. A page has both: its player is known by the
// address and agent of its chat session, or, where the browser's own player asks under another
// agent, by the address alone. Thread: every function from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "actors/presence/presence.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"

namespace troupe::presence {

struct tracker_settings {
  std::size_t watchers = 50'000;  ///< beyond it chat sessions are not counted
  std::size_t players = 200'000;  ///< the same of players, about 100 bytes each
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
  /// learn() or forget().
  std::vector<stream_id> unknown_streams();
  void learn(stream_id stream, user_id channel);
  /// There is no such stream: its players go.
  void forget(stream_id stream);

 private:
  /// Digests of who somebody is.
  using who = std::uint64_t;

  struct session {
    user_id channel = 0;
    who person = 0;
    who device = 0;                ///< address and agent
    std::optional<who> at_native;  ///< the address, when its player shows another agent
  };

  struct seen_player {
    steady_time last_seen;
    who device = 0;
    who at = 0;
  };

  struct stream_players {
    std::optional<user_id> channel;
    bool is_asked = false;
    std::unordered_map<who, seen_player> players;
    std::deque<std::pair<steady_time, who>> checks;  // when to look at a player again
  };

  struct channel_people {
    std::unordered_map<who, std::size_t> persons;  // chat sessions of each
    std::unordered_map<who, std::size_t> devices;
    std::unordered_map<who, std::size_t> natives;
    std::unordered_set<stream_id> streams;
    bool is_dirty = true;
    std::int64_t reported = -1;
    steady_time reported_at{};
  };

  who digest(std::string_view a, std::string_view b) const;
  who person_of(const watcher& w) const;
  void forget_silent(steady_time now);
  std::int64_t people_of(const channel_people& c) const;
  bool is_empty(const channel_people& c) const;
  static void release(std::unordered_map<who, std::size_t>& from, who which);

  const tracker_settings settings_;
  const clock& time_;
  const std::uint64_t seed_;
  metrics::counter& uncounted_;
  metrics::gauge& watchers_gauge_;
  metrics::gauge& players_gauge_;
  std::mutex mutex_;
  std::uint64_t tickets_ = 0;
  std::unordered_map<std::uint64_t, session> sessions_;
  std::unordered_map<stream_id, stream_players> streams_;
  std::map<user_id, channel_people> channels_;
  std::size_t players_ = 0;
};

}  // namespace troupe::presence
