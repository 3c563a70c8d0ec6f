// SPDX-License-Identifier: GPL-3.0-or-later
// One live stream, entity stream/ID: takes numbered frames from its publisher's edge, packages
// them, and publishes parts to the node's segment cache. Started by: the entity runtime, on first
// use. Owns: the packager. Talks to: the store (status), the segment cache. Life: waiting -> live
// <-> reconnecting -> ended; passivated when ended or idle. Thread: CAF worker pool, never blocks.
// Survives: its own crash (the edge sends the frames since the last checkpoint again), the
// program's (the store knows the status and where the numbering stood); with several nodes a move
// and the loss of its node: its media is on a second one, too (docs/decisions/0010-standby.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/stream/health_monitor.hpp"
#include "actors/stream/list_signal.hpp"
#include "actors/stream/messages.hpp"
#include "actors/stream/safekeeping.hpp"
#include "base/metrics.hpp"
#include "media/packager.hpp"
#include "media/segment_cache.hpp"
#include "runtime/behaviour.hpp"
#include "storage/stream_store.hpp"

namespace troupe::stream {

struct live_stream_settings {
  /// How long a stream without its publisher stays live.
  std::chrono::seconds grace{90};
  /// A connected publisher that sends nothing for so long is gone.
  std::chrono::seconds silence{30};
};

/// How often a publisher's silence is looked at.
constexpr auto check_every = std::chrono::seconds(5);

struct live_stream_metrics {
  explicit live_stream_metrics(metrics& m);

  metrics::gauge& live;
  metrics::counter& frames;
  metrics::counter& parts;
  metrics::counter& media_bytes;
  metrics::counter& skipped_frames;
  metrics::counter& store_failures;
};

/// What all live streams of a node share; it must outlive them.
struct live_stream_dependencies {
  storage::stream_store& store;
  media::cache_writer& cache;
  live_stream_metrics& counters;
  live_stream_settings settings;
  list_signal* stored = nullptr;        ///< may be null: nobody is told of stored changes
  const replication* copies = nullptr;  ///< null: this node is alone
};

class live_stream {
 public:
  static constexpr std::string_view kind = "stream";
  static constexpr auto keep = runtime::keep::own_tables;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<open_publication, push_frames, close_publication, end_stream,
                                     read_health, reconcile, grace_over, check_silence, look_after>;

  struct state {
    stream_id id = 0;
    user_id owner = 0;
    stream::status status = status::waiting;
    std::uint64_t publication =
        0;  ///< the running one, as the edge named it; 0: none since the activation
    std::uint64_t publications = 0;  ///< how many there were
    std::uint64_t next_video = 0;
    std::uint64_t next_audio = 0;
    /// Of the newest finished segment; after a start of the program, above what was published
    /// before.
    std::optional<media::checkpoint> last;
    std::chrono::milliseconds key_frame_interval{0};
    bool is_moved = false;  ///< it was another activation's that gave it away
  };

  live_stream(const runtime::entity_name& name, const live_stream_dependencies& d);
  ~live_stream();

  runtime::later<void> activate(runtime::context& ctx);
  void passivate(runtime::context& ctx);
  runtime::later<void> prepare_move(runtime::context& ctx, const std::string& node);

  result<resume_point> on(runtime::context& ctx, const open_publication& m);
  result<resume_point> on(runtime::context& ctx, const push_frames& m);
  void on(runtime::context& ctx, const close_publication& m);
  runtime::later<info> on(runtime::context& ctx, const end_stream& m);
  result<health> on(runtime::context& ctx, const read_health& m) const;
  void on(runtime::context& ctx, const reconcile& m);
  void on(runtime::context& ctx, const grace_over& m);
  void on(runtime::context& ctx, const check_silence& m);
  void on(runtime::context& ctx, const look_after& m);

  state data;

 private:
  result<void> adopt(runtime::context& ctx, const storage::adopted_stream& row);
  void wait_for_publisher(runtime::context& ctx);
  result<void> check_publication(std::uint64_t publication) const;
  void make_packager(runtime::context& ctx, const open_publication& m);
  resume_point where_it_stands() const;
  result<void> push(runtime::context& ctx, const media::frame& f);
  /// Hands outputs to the cache; remembers the newest checkpoint.
  void publish(runtime::context& ctx, std::vector<media::output> outputs);
  /// What was held back becomes parts; the segment ends.
  void finish_publication(runtime::context& ctx);

  // live_stream_moves.cpp: with several nodes.
  void begin_keeping(const runtime::context& ctx);
  result<void> go_on(runtime::context& ctx, const storage::adopted_stream& row);
  runtime::later<void> restore(runtime::context& ctx, bool is_moved);
  void restored(runtime::context& ctx, bool is_moved);
  /// Now and every second.
  void watch_over(runtime::context& ctx);
  void end_last_segment(runtime::context& ctx);

  void went_live(runtime::context& ctx);
  void publisher_gone(runtime::context& ctx);
  void set_status(status s);
  void tell_room(runtime::context& ctx) const;
  /// Writes status and progress to the store; check_silence tries again what failed.
  void store_status(runtime::context& ctx);
  void tell_list() const;
  void remember_key_frame_interval(runtime::context& ctx);
  runtime::later<info> end(runtime::context& ctx);

  const live_stream_dependencies& d_;
  std::unique_ptr<media::packager> packager_;
  bool began_ = false;     ///< the packager knows the running publication
  bool is_stored_ = true;  ///< the store has the present status
  std::uint64_t frames_seen_ = 0;
  std::uint64_t skipped_counted_ = 0;
  std::uint64_t dropped_ = 0;
  std::vector<health::warning> problems_;  // of the edge
  std::uint64_t stored_publication_ = 0;   // whose progress the store has
  track_monitor video_;
  track_monitor audio_;
  std::unique_ptr<safekeeping> keeping_;         // nothing: this node is alone
  std::int64_t stored_msn_ = 0;                  // as the store had it at the activation
  std::optional<media::checkpoint> began_from_;  // the running publication
  bool is_looked_after_ = false;                 // look_after comes
};

template <class Inspector>
auto inspect(Inspector& f, live_stream::state& x) {
  return f(x.id, x.owner, x.status, x.publication, x.publications, x.next_video, x.next_audio,
           x.last, x.key_frame_interval, x.is_moved);
}

}  // namespace troupe::stream
