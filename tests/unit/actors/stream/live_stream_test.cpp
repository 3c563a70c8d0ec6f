// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/live_stream.hpp"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/testing/entity_bench.hpp"
#include "runtime/testing/round_trip.hpp"
#include "storage/database.hpp"
#include "tests/support/rtmp_samples.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe::stream {
namespace {

using namespace std::chrono_literals;

/// What viewers would be given.
struct recording_cache final : media::cache_writer {
  void publish(stream_id, std::string_view, std::span<const media::output> outputs) override {
    for (const auto& o : outputs) {
      if (const auto* s = std::get_if<media::segment_started>(&o)) {
        segments.push_back(*s);
      } else if (const auto* p = std::get_if<media::part>(&o)) {
        // A replay may publish a part again, but never another one under its name.
        const auto name = std::pair(p->msn, p->index);
        const bytes content(p->data.view().begin(), p->data.view().end());
        const auto [at, is_new] = parts.emplace(name, content);
        differing += at->second != content ? 1 : 0;
        repeated += is_new ? 0 : 1;
      }
    }
  }

  void end(stream_id) override { ended = true; }

  void remove(stream_id) override {}

  std::vector<media::segment_started> segments;
  std::map<std::pair<std::int64_t, int>, bytes> parts;
  int repeated = 0;
  int differing = 0;
  bool ended = false;
};

constexpr user_id owner = 7;
constexpr stream_id id = 42;

/// What outlives a crash of the stream: the store, what viewers were given, and whose name it is.
struct world {
  world() {
    REQUIRE(store->users().add({.id = owner,
                                .username = "ada",
                                .email = "a@example.org",
                                .password_hash = "x",
                                .is_administrator = false,
                                .created_at = time.wall()},
                               {.username_key = "ada",
                                .email_key = "a@example.org",
                                .sealed_stream_key = {1},
                                .stream_key_digest = {2}}));
    REQUIRE(store->streams().start_or_get(
        {.id = id, .owner = owner, .title = "t", .game_id = {}, .now = time.wall()}));
  }

  manual_clock time;
  metrics figures;
  test::temporary_folder folder;
  std::unique_ptr<storage::database> store =
      storage::database::open("sqlite:" + (folder.path / "troupe.db").string(), time, figures)
          .value();
  runtime::testing::memory_entity_log log;
  recording_cache cache;
  live_stream_metrics counters{figures};
  list_signal stored;
  live_stream_dependencies needs{.store = store->streams(),
                                 .cache = cache,
                                 .counters = counters,
                                 .settings = {},
                                 .stored = &stored};
};

/// One process of the node.
struct stream_bench : runtime::testing::entity_bench {
  explicit stream_bench(world& w, std::uint64_t incarnation = 1)
      : entity_bench(&w.log, incarnation), around(w) {
    node().add_kind<live_stream>(
        [&w](const runtime::entity_name& n) { return std::make_unique<live_stream>(n, w.needs); });
  }

  storage::stream_status stored() { return around.store->streams().find(id)->status; }

  result<resume_point> open(std::uint64_t publication, const resume_point& from = {}) {
    open_publication m{.publication = publication,
                       .owner = owner,
                       .number = from.number,
                       .resume = from.checkpoint};
    return ask(node().open_session(), name, std::move(m));
  }

  void close(std::uint64_t publication, bool is_explicit) {
    node().tell(node().open_session(), name,
                close_publication{.publication = publication, .is_explicit = is_explicit});
    run();
  }

  /// Video at 25 frames/s with a key frame every two seconds, from `first` on.
  result<resume_point> push(std::uint64_t publication, std::uint64_t first, std::uint64_t count) {
    push_frames m{.publication = publication,
                  .start = {.anchor_wall_us = 1'000'000,
                            .anchor_ms = 0,
                            .expects_video = true,
                            .expects_audio = false},
                  .frames = {},
                  .dropped = 0,
                  .problems = {}};
    for (auto i = first; i < first + count; ++i) {
      media::frame f;
      f.number = i;
      f.track = media::track::video;
      f.dts_ms = f.pts_ms = static_cast<std::int64_t>(i) * 40;
      f.container_key = i % 50 == 0;
      f.format = format;
      f.data = shared_bytes(test::h264_frame(f.container_key ? 5 : 1, 200 + i % 7));
      m.frames.push_back(std::move(f));
    }
    return ask(node().open_session(), name, std::move(m));
  }

  const runtime::entity_name name{"stream", "42"};
  world& around;
  std::shared_ptr<const media::track_format> format = std::make_shared<media::track_format>(
      media::track_format{media::codec::h264, shared_bytes(test::avcc())});
};

}  // namespace

TEST_CASE("live_stream: frames become parts, and the store learns that it is live",
          "[actors][stream]") {
  world w;
  stream_bench bench(w);
  REQUIRE(bench.open(1));
  CHECK(bench.stored() == storage::stream_status::waiting);
  const auto reached = bench.push(1, 0, 130);
  REQUIRE(reached);
  CHECK(reached->next_video == 130);
  REQUIRE(reached->checkpoint);
  CHECK(reached->checkpoint->video.next_frame >= 100);
  CHECK(w.cache.parts.size() >= 12);
  CHECK(bench.stored() == storage::stream_status::live);
}

TEST_CASE("live_stream: who follows the list is told once a change is stored", "[actors][stream]") {
  world w;
  std::vector<storage::stream_status> told;
  stream_bench bench(w);
  w.stored.attach([&] { told.push_back(bench.stored()); });
  using enum storage::stream_status;
  REQUIRE(bench.open(1));
  CHECK(told.empty());
  REQUIRE(bench.push(1, 0, 10));
  CHECK(told == std::vector{live});
  bench.close(1, false);
  CHECK(told == std::vector{live, reconnecting});
  REQUIRE(bench.ask(bench.node().open_session(), bench.name, end_stream{}));
  CHECK(told == std::vector{live, reconnecting, ended});
  w.stored.detach();
}

TEST_CASE(
    "live_stream: a lost activation changes no part, the frames sent again make the same bytes",
    "[actors][stream]") {
  world whole;
  {
    stream_bench bench(whole);
    REQUIRE(bench.open(1));
    REQUIRE(bench.push(1, 0, 400));
  }
  world broken;
  result<resume_point> reached;
  {
    stream_bench bench(broken);
    REQUIRE(bench.open(1));
    reached = bench.push(1, 0, 230);
    REQUIRE(reached);
  }
  stream_bench bench(broken, 2);
  CHECK(bench.push(1, 230, 1).error().reason == "unknown_publication");
  const auto opened = bench.open(1, *reached);
  REQUIRE(opened);
  REQUIRE(opened->next_video > 0);
  REQUIRE(opened->next_video <= 230);
  REQUIRE(bench.push(1, opened->next_video, 400 - opened->next_video));
  CHECK(broken.cache.differing == 0);
  CHECK(broken.cache.repeated > 0);
  CHECK(broken.cache.parts == whole.cache.parts);
}

TEST_CASE("live_stream: a crash before the first segment is done makes the same parts too",
          "[actors][stream]") {
  world w;
  result<resume_point> reached;
  {
    stream_bench bench(w);
    reached = bench.open(1);
    REQUIRE(bench.push(1, 0, 20));
  }
  stream_bench bench(w, 2);
  REQUIRE(bench.open(1, *reached));
  REQUIRE(bench.push(1, 0, 130));
  CHECK(w.cache.differing == 0);
}

TEST_CASE("live_stream: frames sent twice are passed over, a gap is refused", "[actors][stream]") {
  world w;
  stream_bench bench(w);
  REQUIRE(bench.open(1));
  REQUIRE(bench.push(1, 0, 60));
  const auto again = bench.push(1, 30, 40);
  REQUIRE(again);
  CHECK(again->next_video == 70);
  CHECK(bench.push(1, 71, 1).error().reason == "frame_gap");
  CHECK(bench.push(1, 70, 1)->next_video == 71);
}

TEST_CASE("live_stream: the newest publication wins", "[actors][stream]") {
  world w;
  stream_bench bench(w);
  REQUIRE(bench.open(1));
  REQUIRE(bench.push(1, 0, 60));
  REQUIRE(bench.open(2));
  CHECK(bench.push(1, 60, 1).error().reason == "superseded");
  CHECK(bench.open(1).error().reason == "superseded");
  REQUIRE(bench.push(2, 0, 130));
  CHECK(w.cache.segments.back().discontinuity_sequence == 1);
}

TEST_CASE("live_stream: somebody else's publication is refused", "[actors][stream]") {
  world w;
  stream_bench bench(w);
  open_publication m;
  m.publication = 1;
  m.owner = owner + 1;
  CHECK(bench.ask(bench.name, m).error().code == errc::forbidden);
}

TEST_CASE("live_stream: waits for its publisher, goes on with one discontinuity",
          "[actors][stream]") {
  world w;
  stream_bench bench(w);
  REQUIRE(bench.open(1));
  REQUIRE(bench.push(1, 0, 130));
  bench.close(1, false);
  CHECK(bench.stored() == storage::stream_status::reconnecting);
  CHECK_FALSE(w.cache.ended);
  bench.advance(std::chrono::seconds(80));
  const auto before = w.cache.segments.back();
  REQUIRE(bench.open(2));
  REQUIRE(bench.push(2, 0, 130));
  CHECK(bench.stored() == storage::stream_status::live);
  const auto after = w.cache.segments.back();
  CHECK(after.discontinuity_sequence == before.discontinuity_sequence + 1);
  CHECK(after.msn > before.msn);
  bench.advance(std::chrono::seconds(20));  // the first grace period would be over
  CHECK_FALSE(w.cache.ended);
}

TEST_CASE("live_stream: ends when the grace period is over", "[actors][stream]") {
  world w;
  stream_bench bench(w);
  REQUIRE(bench.open(1));
  REQUIRE(bench.push(1, 0, 130));
  bench.close(1, false);
  bench.advance(std::chrono::seconds(91));
  CHECK(w.cache.ended);
  CHECK(bench.stored() == storage::stream_status::ended);
  CHECK(bench.open(2).error().reason == "stream_ended");
}

TEST_CASE("live_stream: an explicit end is at once", "[actors][stream]") {
  world w;
  stream_bench bench(w);
  REQUIRE(bench.open(1));
  REQUIRE(bench.push(1, 0, 130));
  bench.close(1, true);
  CHECK(w.cache.ended);
  CHECK(bench.stored() == storage::stream_status::ended);
}

TEST_CASE("live_stream: a silent publisher is gone after a while", "[actors][stream]") {
  world w;
  stream_bench bench(w);
  REQUIRE(bench.open(1));
  REQUIRE(bench.push(1, 0, 130));
  bench.advance(std::chrono::seconds(45));
  CHECK(bench.stored() == storage::stream_status::reconnecting);
  CHECK(bench.push(1, 130, 1).error().reason == "superseded");
}

TEST_CASE("live_stream: after a crash of the program the numbering goes on above",
          "[actors][stream]") {
  world w;
  std::int64_t last = 0;
  {
    stream_bench bench(w);
    REQUIRE(bench.open(1));
    REQUIRE(bench.push(1, 0, 400));
    last = w.cache.segments.back().msn;
  }
  stream_bench bench(w, 2);
  bench.node().tell(bench.default_session(), bench.name, reconcile{});
  bench.run();
  CHECK(bench.stored() == storage::stream_status::reconnecting);
  REQUIRE(bench.open(5));
  REQUIRE(bench.push(5, 0, 130));
  CHECK(w.cache.segments.back().msn > last);
  CHECK(w.cache.differing == 0);
  CHECK(bench.stored() == storage::stream_status::live);
}

TEST_CASE("live_stream: after a crash of the program nobody may come back", "[actors][stream]") {
  world w;
  {
    stream_bench bench(w);
    REQUIRE(bench.open(1));
    REQUIRE(bench.push(1, 0, 60));
  }
  stream_bench bench(w, 2);
  bench.node().tell(bench.default_session(), bench.name, reconcile{});
  bench.advance(std::chrono::seconds(91));
  CHECK(bench.stored() == storage::stream_status::ended);
}

TEST_CASE("live_stream: a full store pool delays the record, not the stream", "[actors][stream]") {
  world w;
  stream_bench bench(w);
  REQUIRE(bench.open(1));
  bench.fill_pool(true);
  REQUIRE(bench.push(1, 0, 130));
  CHECK(w.cache.parts.size() >= 12);
  CHECK(bench.stored() == storage::stream_status::waiting);
  bench.fill_pool(false);
  bench.advance(std::chrono::seconds(6));
  CHECK(bench.stored() == storage::stream_status::live);
}

TEST_CASE("live_stream: tells its health", "[actors][stream]") {
  world w;
  stream_bench bench(w);
  REQUIRE(bench.open(1));
  REQUIRE(bench.push(1, 0, 300));
  const auto h = bench.ask(bench.name, read_health{});
  REQUIRE(h);
  CHECK(h->status == status::live);
  CHECK(h->frame_rate == Approx(25));
  CHECK(h->key_frame_interval_s == Approx(2));
  CHECK(h->video_codec.starts_with("avc1."));
}

TEST_CASE("live_stream: every message, answer and state survives the way to another node",
          "[actors][stream]") {
  runtime::message_registry registry;
  registry.add(live_stream::messages{});
  using runtime::testing::round_trip;
  using runtime::testing::round_trip_by_name;
  media::checkpoint somewhere;
  somewhere.next_msn = 9;
  somewhere.video.configuration = {1, 2, 3};
  CHECK(round_trip_by_name(
      registry, open_publication{.publication = 1, .owner = 2, .number = 3, .resume = somewhere}));
  push_frames frames;
  frames.publication = 4;
  frames.frames.resize(2);
  frames.frames[1].format = std::make_shared<media::track_format>();
  frames.frames[1].data = shared_bytes(bytes{1, 2, 3});
  frames.problems.push_back({"a", "b"});
  CHECK(round_trip_by_name(registry, frames));
  CHECK(round_trip_by_name(registry, close_publication{.publication = 1, .is_explicit = true}));
  CHECK(round_trip_by_name(registry, end_stream{}));
  CHECK(round_trip_by_name(registry, read_health{}));
  CHECK(round_trip_by_name(registry, reconcile{}));
  CHECK(round_trip_by_name(registry, grace_over{.publication = 5}));
  CHECK(round_trip_by_name(registry,
                           check_silence{.publication = 1, .frames_seen = 2, .silent_checks = 3}));
  CHECK(round_trip(
      resume_point{.number = 1, .next_video = 2, .next_audio = 3, .checkpoint = somewhere}));
  CHECK(round_trip(health{}));
  CHECK(round_trip(info{}));
  live_stream::state state;
  state.last = somewhere;
  state.status = status::reconnecting;
  CHECK(round_trip(state));
}

}  // namespace troupe::stream
