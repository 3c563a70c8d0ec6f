// SPDX-License-Identifier: GPL-3.0-or-later
// Three nodes with streams, caches and copies, and an edge that keeps frames as the real one does:
// back to the last checkpoint that was acknowledged, and no further.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "actors/stream/live_stream.hpp"
#include "actors/stream/stream_replica.hpp"
#include "runtime/testing/cluster_bench.hpp"
#include "storage/database.hpp"
#include "tests/support/rtmp_samples.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe::stream::sample {

using namespace std::chrono_literals;

constexpr user_id owner = 7;
constexpr stream_id the_stream = 42;

inline runtime::entity_name name_of_stream() {
  return {"stream", "42"};
}

/// Of one start of a node.
struct node_parts {
  node_parts(runtime::testing::cluster_bench& cluster, const std::string& node,
             storage::stream_store& store)
      : counters(cluster.figures(node)),
        copy_counters(cluster.figures(node)),
        live({}, cluster.time(), cluster.figures(node)),
        replicas(of_replicas(), cluster.time(), cluster.figures(node)),
        copies{.node = node,
               .incarnation = cluster.incarnation(node),
               .members = cluster.members_of(node),
               .live = live,
               .replicas = replicas,
               .counters = copy_counters},
        needs{.store = store,
              .cache = live,
              .counters = counters,
              .settings = {},
              .stored = nullptr,
              .copies = &copies} {}

  static media::cache_options of_replicas() {
    media::cache_options o;
    o.labels = {{"of", "replicas"}};
    return o;
  }

  live_stream_metrics counters;
  replication_metrics copy_counters;
  media::segment_cache live;
  media::segment_cache replicas;
  replication copies;
  live_stream_dependencies needs;
};

struct stream_cluster {
  stream_cluster() {
    REQUIRE(store->users().add({.id = owner,
                                .username = "ada",
                                .email = "a@example.org",
                                .password_hash = "x",
                                .is_administrator = false,
                                .created_at = {}},
                               {.username_key = "ada",
                                .email_key = "a@example.org",
                                .sealed_stream_key = {1},
                                .stream_key_digest = {2}}));
    REQUIRE(store->streams().start_or_get({.id = the_stream,
                                           .owner = owner,
                                           .title = "t",
                                           .game_id = {},
                                           .now = cluster.time().wall()}));
    const auto prepare = [this](const std::string& node) {
      auto made = std::make_shared<node_parts>(cluster, node, store->streams());
      nodes[node] = made;
      return made;
    };
    runtime::kind_options of_streams;
    of_streams.placed = runtime::placement::near_sender;
    of_streams.way = runtime::link_stream::media;
    cluster.add_kind_by_node<live_stream>(
        [prepare](const std::string& node) {
          return [parts = prepare(node)](const runtime::entity_name& n) {
            return std::make_unique<live_stream>(n, parts->needs);
          };
        },
        of_streams);
    runtime::kind_options of_copies;
    of_copies.placed = runtime::placement::on_node;
    of_copies.way = runtime::link_stream::media;
    of_copies.idle = 5min;
    cluster.add_kind_by_node<stream_replica>(
        [this](const std::string& node) {
          return [parts = nodes.at(node)](const runtime::entity_name& n) {
            return std::make_unique<stream_replica>(n, parts->copies);
          };
        },
        of_copies);
  }

  std::string home() const { return cluster.home_of(name_of_stream()); }

  storage::stream_status stored() { return store->streams().find(the_stream)->status; }

  /// What a player gets of its playlist; empty: 404.
  std::string playlist(const std::string& node) { return text(node, "source/media.m3u8"); }

  std::string text(const std::string& node, const std::string& file) {
    std::string got;
    nodes.at(node)->live.get(the_stream, file, {}, {}, [&got](const media::cached_answer& a) {
      for (const auto& piece : a.body) {
        got += as_text(piece.view());
      }
      got = a.status == 200 ? got : std::string();
    });
    return got;
  }

  /// Every part that a player of that node may fetch, by its name.
  std::map<std::string, std::string> parts(const std::string& node) {
    std::map<std::string, std::string> found;
    for (const auto& o : nodes.at(node)->live.copy(the_stream, media::source_rendition, 0)) {
      if (const auto* p = std::get_if<media::part>(&o)) {
        const auto file =
            "source/" + std::to_string(p->msn) + "." + std::to_string(p->index) + ".m4s";
        found[file] = text(node, file);
      } else if (const auto* i = std::get_if<media::init_section>(&o)) {
        const auto file = "source/init-" + std::to_string(i->number) + ".mp4";
        found[file] = text(node, file);
      }
    }
    return found;
  }

  manual_clock store_time;
  metrics figures;
  test::temporary_folder folder;
  std::unique_ptr<storage::database> store =
      storage::database::open("sqlite:" + (folder.path / "troupe.db").string(), store_time, figures)
          .value();
  std::map<std::string, std::shared_ptr<node_parts>> nodes;
  runtime::testing::cluster_bench cluster;
};

/// One encoder's connection at a node. Video at 25 frames/s with a key frame every two seconds.
class sample_edge {
 public:
  sample_edge(stream_cluster& c, std::string node, std::uint64_t publication)
      : c_(c),
        node_(std::move(node)),
        publication_(publication),
        session_(c.cluster.node(node_).open_session()) {}

  /// Opens the publication, or opens it again.
  result<void> open() {
    open_publication m{.publication = publication_, .owner = owner, .number = 0, .resume = {}};
    if (reached_) {
      m.number = reached_->number;
      m.resume = reached_->checkpoint;
      ++reopened;
    }
    auto answer = ask(std::move(m));
    if (!answer) {
      return fail(answer.error());
    }
    reached_ = *answer;
    sent_ = oldest_kept();
    return {};
  }

  /// Sends so many frames more, each batch when the one before was answered.
  void push(std::uint64_t count) {
    end_ += count;
    for (int tries = 0; sent_ < end_;) {
      auto answer = ask(batch());
      if (answer) {
        reached_ = *answer;
        sent_ = std::max(sent_, batch_end_);
        oldest_ = std::max(oldest_, oldest_kept());
        tries = 0;
        continue;
      }
      INFO(answer.error().reason << ": " << answer.error().message);
      REQUIRE(++tries < 20);
      session_ = c_.cluster.node(node_).open_session();
      while (!open()) {
        REQUIRE(++tries < 20);
        c_.cluster.advance(300ms);
      }
    }
  }

  void close(bool is_explicit) {
    c_.cluster.node(node_).tell(
        session_, name_of_stream(),
        close_publication{.publication = publication_, .is_explicit = is_explicit});
    c_.cluster.run();
  }

  const resume_point& reached() const { return *reached_; }

  /// Frames that are not kept any more: never to be asked for again.
  std::uint64_t oldest() const { return oldest_; }

  int reopened = 0;
  std::size_t frame_bytes = 200;

 private:
  template <class M>
  result<resume_point> ask(M m) {
    const auto slot = c_.cluster.begin(node_, session_, name_of_stream(), std::move(m));
    c_.cluster.run();
    for (int i = 0; i < 60 && !slot->has_value(); ++i) {
      c_.cluster.advance(100ms);
    }
    return **slot;
  }

  std::uint64_t oldest_kept() const {
    const auto& at = reached_->checkpoint;
    return at && at->publication.number == reached_->number ? at->video.next_frame : 0;
  }

  push_frames batch() {
    push_frames m;
    m.publication = publication_;
    m.start = {
        .anchor_wall_us = 1'000'000, .anchor_ms = 0, .expects_video = true, .expects_audio = false};
    REQUIRE(sent_ >= oldest_);  // or the stream wants what is gone
    batch_end_ = std::min(end_, sent_ + 2);
    for (auto i = sent_; i < batch_end_; ++i) {
      media::frame f;
      f.number = i;
      f.dts_ms = f.pts_ms = static_cast<std::int64_t>(i) * 40;
      f.container_key = i % 50 == 0;
      f.format = format_;
      f.data = shared_bytes(test::h264_frame(f.container_key ? 5 : 1, frame_bytes + i % 7));
      m.frames.push_back(std::move(f));
    }
    return m;
  }

  stream_cluster& c_;
  const std::string node_;
  const std::uint64_t publication_;
  runtime::session session_;
  std::optional<resume_point> reached_;
  std::uint64_t sent_ = 0;
  std::uint64_t batch_end_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t oldest_ = 0;
  std::shared_ptr<const media::track_format> format_ = std::make_shared<media::track_format>(
      media::track_format{media::codec::h264, shared_bytes(test::avcc())});
};

}  // namespace troupe::stream::sample
