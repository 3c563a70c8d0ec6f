// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of remote_cache: what is asked for, whom, and who waits for it. Included by
// remote_*.cpp only. Thread: under the mutex, where nothing else is said.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "net/hls/kept_files.hpp"
#include "net/hls/part_download.hpp"
#include "net/hls/remote_cache.hpp"

namespace troupe::hls {

/// Why a node was asked, which says what its "not here" means.
enum class role : std::uint8_t {
  owner,  ///< the store says so
  guess,  ///< the store is away, or the owner is: it may have the stream, or the media
};

struct remote_waiter {
  media::cache_reader::gone_check is_gone;
  media::cache_reader::done answer;
};

/// One question to other nodes.
struct fetch {
  enum class stage : std::uint8_t { locating, asking, resting };

  std::uint64_t number = 0;
  wanted_file what;
  std::vector<remote_waiter> waiters;
  steady_time deadline;
  stage at = stage::locating;
  runtime::entity_owner from;  ///< while asking
  role as = role::owner;
  steady_time due;  ///< asking: it is asked again; resting: its owner is looked for again
  duration patience{};
  bool has_tried_others = false;                ///< since its owner was seen last
  std::optional<runtime::entity_owner> denied;  ///< said that the stream is elsewhere
  std::vector<runtime::entity_owner> guesses;   ///< that are left
  part_download got;
};

/// What is known of where a stream is.
struct stream_place {
  std::optional<runtime::entity_owner> owner;
  bool is_looked_up = false;                    ///< an answer is under way
  steady_time looked_up;                        ///< the last one
  bool has_played = false;                      ///< somebody gave a file of it
  std::optional<runtime::entity_owner> before;  ///< the last that was found
  std::optional<steady_time> changed;           ///< when another was found than before

  bool is_forgettable() const { return !owner && !is_looked_up && !has_played; }
};

struct remote_answer {
  media::cache_reader::done answer;
  media::cached_answer with;
};

/// What is to be done when the lock is given back.
struct remote_effects {
  std::vector<remote_answer> answers;
  std::vector<stream_id> lookups;
  std::vector<std::pair<wanted_file, remote_waiter>> own;  ///< the stream is this node's by now
};

struct remote_figures {
  explicit remote_figures(metrics& m);

  metrics::counter& fetches;
  metrics::counter& collapsed;
  metrics::counter& kept;
  metrics::counter& missing;
  metrics::counter& bytes;
  metrics::counter& rerouted;
  metrics::counter& late;
  metrics::counter& refused;
  metrics::counter& garbled;
  metrics::gauge& waiting;
  metrics::gauge& kept_bytes;
};

struct remote_cache::impl : std::enable_shared_from_this<remote_cache::impl> {
  using fetch_map = std::map<std::uint64_t, fetch>;

  impl(const remote_cache_options& o, remote_cache_parts p);

  // remote_cache.cpp
  void want_it(wanted_file what, remote_waiter w);
  void begin(wanted_file what, remote_waiter w, remote_effects& out);
  void carry_out(remote_effects e);                           // without the mutex
  void look_up(stream_id stream);                             // without the mutex
  void answer_own(const wanted_file& what, remote_waiter w);  // without the mutex
  /// Erases it, and answers all that wait for it.
  fetch_map::iterator finish(fetch_map::iterator which, const media::cached_answer& with,
                             remote_effects& out);
  void drop_gone(remote_effects& out);

  // remote_route.cpp. Each may finish the fetch.
  void route(fetch_map::iterator which, remote_effects& out);
  void found(fetch_map::iterator which, const result<std::optional<runtime::entity_owner>>& owner,
             remote_effects& out);
  void ask(fetch_map::iterator which, const runtime::entity_owner& whom, role as,
           remote_effects& out);
  /// False: the link does not take it.
  bool ask_more(fetch& f);
  void unreachable(fetch_map::iterator which, remote_effects& out);
  void guess(fetch_map::iterator which, remote_effects& out);
  void list_guesses(fetch& f, std::string_view without) const;
  void rest(fetch& f);
  void denied(fetch_map::iterator which, remote_effects& out);
  void not_there(fetch_map::iterator which, remote_effects& out);
  void took(fetch_map::iterator which, part_data d, remote_effects& out);
  void located(stream_id stream, const result<std::optional<runtime::entity_owner>>& owner);
  void wake(fetch_map::iterator which, steady_time now, remote_effects& out);
  bool is_live(const runtime::entity_owner& owner) const;
  std::vector<fetch_map::iterator> asking(std::string_view node);

  const remote_cache_options options;
  const remote_cache_parts parts;
  remote_figures figures;

  std::mutex mutex;
  bool is_stopped = false;
  std::uint64_t next_number = 1;
  fetch_map fetches;
  std::unordered_map<std::string, std::uint64_t> by_key;
  std::unordered_map<stream_id, stream_place> places;
  std::size_t lookups = 0;
  std::size_t waiting = 0;
  std::set<std::string, std::less<>> down;  // nodes that the link has no way to
  std::map<std::string, steady_time, std::less<>> heard;
  kept_files kept;
};

/// As the segment cache has them: statuses that are no 200, with their sentences.
media::cached_answer refusal_of(int status);

part_get question_for(const wanted_file& what);

}  // namespace troupe::hls
