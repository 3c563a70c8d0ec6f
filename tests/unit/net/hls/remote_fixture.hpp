// SPDX-License-Identifier: GPL-3.0-or-later
// Nodes that have streams and nodes that are asked for them, on one clock and one network driven by
// hand. Who owns a stream is what the test says. Thread: one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "media/segment_cache.hpp"
#include "net/hls/part_messages.hpp"
#include "net/hls/part_server.hpp"
#include "net/hls/remote_cache.hpp"
#include "runtime/testing/memory_network.hpp"

namespace troupe::hls::test {

using runtime::entity_owner;
using runtime::link_stream;
using runtime::member_state;
using slot = std::shared_ptr<std::optional<media::cached_answer>>;

constexpr stream_id stream = 7;

class remote_fixture {
 public:
  explicit remote_fixture(part_server_options served = {}, remote_cache_options read = {})
      : served_(served), read_(std::move(read)) {
    for (const auto* name : {"a", "b", "c"}) {
      start(name);
    }
  }

  // Nodes.

  void start(const std::string& name) {
    auto n = std::make_unique<node>(*this, name, ++last_incarnation_);
    std::erase_if(members_, [&](const runtime::member& m) { return m.node == name; });
    members_.push_back({name, last_incarnation_, member_state::active});
    nodes_.insert_or_assign(name, std::move(n));
    publish_view();
    auto& made = *nodes_.at(name);
    made.way->start({.received =
                         [&made](std::string_view from, link_stream on, runtime::envelope what) {
                           if (!made.server->received(from, on, what)) {
                             made.cache->received(from, on, what);
                           }
                         },
                     .changed =
                         [&made](std::string_view peer, runtime::peer_state now) {
                           made.server->peer_changed(peer, now);
                           made.cache->peer_changed(peer, now);
                         }});
    for (auto& [other, o] : nodes_) {
      o->way->set_peers({{"a", "a:1"}, {"b", "b:1"}, {"c", "c:1"}});
    }
    network.run();
  }

  /// The process is gone; the others know nothing but that their links broke.
  void kill(const std::string& name) {
    network.crash(name);
    auto gone = std::move(nodes_.at(name));
    nodes_.erase(name);
    graves_.push_back(std::move(gone));
  }

  void declare_dead(const std::string& name) {
    for (auto& m : members_) {
      m.state = m.node == name ? member_state::dead : m.state;
    }
    publish_view();
  }

  // Streams.

  entity_owner owner(const std::string& name) { return {name, at(name).incarnation, ++epochs_}; }

  /// Its activation is there, and the store says so.
  void own(stream_id s, const std::string& name) {
    rows[s] = owner(name);
    homes[s] = name;
  }

  struct part_source {
    std::int64_t msn = 0;
    int parts = 0;
    std::size_t size = 1000;
  };

  static bytes content(std::int64_t msn, int index, std::size_t size) {
    bytes b(size);
    for (std::size_t i = 0; i < size; ++i) {
      b[i] = static_cast<std::uint8_t>(i * 31 + static_cast<std::size_t>(msn * 7 + index));
    }
    return b;
  }

  void begin(const std::string& on, stream_id s = stream) {
    publish(on, s, media::playlist_started{});
    media::init_section init{1, shared_bytes(bytes(100)), media::track_info{}, std::nullopt};
    init.video->rfc6381 = "avc1.64001f";
    publish(on, s, init);
  }

  void begin_segment(const std::string& on, std::int64_t msn, stream_id s = stream) {
    media::segment_started started;
    started.msn = msn;
    started.init_number = 1;
    publish(on, s, started);
  }

  void add_part(const std::string& on, std::int64_t msn, int index, std::size_t size = 1000,
                stream_id s = stream) {
    media::part p;
    p.msn = msn;
    p.index = index;
    p.duration = std::chrono::milliseconds(333);
    p.independent = index == 0;
    p.video_frames = 10;
    p.data = shared_bytes(content(msn, index, size));
    publish(on, s, p);
  }

  void finish_segment(const std::string& on, std::int64_t msn, stream_id s = stream) {
    publish(on, s, media::segment_finished{msn, std::chrono::seconds(2), {}});
  }

  /// A live stream: segment 0 with six parts, segment 1 with one.
  void go_live(const std::string& on, stream_id s = stream, std::size_t size = 1000) {
    begin(on, s);
    begin_segment(on, 0, s);
    for (int i = 0; i < 6; ++i) {
      add_part(on, 0, i, size, s);
    }
    finish_segment(on, 0, s);
    begin_segment(on, 1, s);
    add_part(on, 1, 0, size, s);
  }

  // Viewers.

  slot ask(const std::string& on, const std::string& file, const media::delivery_directives& d = {},
           media::cache_reader::gone_check gone = {}, stream_id s = stream) {
    auto answer = std::make_shared<std::optional<media::cached_answer>>();
    at(on).cache->get(s, file, d, std::move(gone), [answer](media::cached_answer a) {
      REQUIRE_FALSE(*answer);  // exactly once
      *answer = std::move(a);
    });
    return answer;
  }

  /// With all that it needs to be answered, without time.
  media::cached_answer get(const std::string& on, const std::string& file,
                           const media::delivery_directives& d = {}, stream_id s = stream) {
    const auto answer = ask(on, file, d, {}, s);
    network.run();
    REQUIRE(*answer);
    return **answer;
  }

  static std::string text(const media::cached_answer& a) {
    std::string out;
    for (const auto& piece : a.body) {
      out += as_text(piece.view());
    }
    return out;
  }

  static media::delivery_directives at_part(std::int64_t msn, std::int64_t part) {
    return {std::to_string(msn), std::to_string(part), std::nullopt};
  }

  // Time.

  void advance(duration by) {
    constexpr auto step = std::chrono::milliseconds(50);
    for (duration done{}; done < by; done += step) {
      time.advance(step);
      ++steps_;
      for (auto& [name, n] : nodes_) {
        n->cache->tick(time.now());
        n->server->tick(time.now());
        if (steps_ % 5 == 0) {
          n->cache->expire(time.now());
        }
      }
      network.run();
    }
  }

  // What happened.

  double value(const std::string& on, const std::string& name) {
    const auto all = at(on).numbers.text();
    const auto found = all.find("\n" + name + " ");
    REQUIRE(found != all.npos);
    return std::stod(all.substr(found + name.size() + 2));
  }

  manual_clock time;
  runtime::testing::memory_network network;
  std::map<stream_id, std::optional<entity_owner>> rows;  ///< what the store says
  std::map<stream_id, std::string> homes;                 ///< where activations are
  std::set<stream_id> coming;                             ///< those not yet ready
  bool store_is_away = false;
  bool store_is_slow = false;  ///< answers when store_answers() is called
  int lookups = 0;

  void store_answers() {
    auto now = std::exchange(late_, {});
    for (auto& f : now) {
      f();
    }
  }

 private:
  struct node final : runtime::view_source {
    node(remote_fixture& of, std::string n, std::uint64_t i)
        : all(of), name(std::move(n)), incarnation(i), way(of.network.make_link(name)) {
      auto served = of.served_;
      served.incarnation = incarnation;
      server = std::make_unique<part_server>(served, home, *way, of.time, numbers);
      auto read = of.read_;
      read.node = name;
      read.incarnation = incarnation;
      cache = std::make_unique<remote_cache>(
          read, remote_cache_parts{
                    .home = home,
                    .way = *way,
                    .members = *this,
                    .locate = [&of](stream_id s, auto done) { of.locate(s, std::move(done)); },
                    .time = of.time,
                    .counters = numbers});
    }

    std::shared_ptr<const runtime::view> view() const override { return all.view_; }

    bool may_serve(steady_time) const override { return true; }

    bool may_take_from(std::string_view, std::uint64_t, steady_time) const override { return true; }

    remote_fixture& all;
    const std::string name;
    const std::uint64_t incarnation;
    metrics numbers;
    media::cache_options held{};
    media::segment_cache parts{held, all.time, numbers};
    media::segment_cache copies{held, all.time, numbers};
    home_cache home{parts,
                    [this](stream_id s) {
                      const auto found = all.homes.find(s);
                      const bool is_here = found != all.homes.end() && found->second == name;
                      return !is_here                 ? standing::elsewhere
                             : all.coming.contains(s) ? standing::coming
                                                      : standing::here;
                    },
                    &copies};
    std::unique_ptr<runtime::link> way;
    std::unique_ptr<part_server> server;
    std::unique_ptr<remote_cache> cache;
  };

  friend struct node;

 public:
  node& at(const std::string& name) { return *nodes_.at(name); }

 private:
  template <class Output>
  void publish(const std::string& on, stream_id s, const Output& o) {
    at(on).parts.publish(s, "source", std::vector<media::output>{o});
  }

  void locate(stream_id s, callback<std::optional<entity_owner>> done) {
    ++lookups;
    auto answer = [this, s, done = std::move(done)]() mutable {
      if (store_is_away) {
        done(fail(errc::unavailable, "the store is away"));
      } else {
        const auto row = rows.find(s);
        done(row == rows.end() ? std::nullopt : row->second);
      }
    };
    if (store_is_slow) {
      late_.emplace_back(std::move(answer));
    } else {
      answer();
    }
  }

  void publish_view() {
    auto v = std::make_shared<runtime::view>();
    v->number = ++views_;
    v->members = members_;
    view_ = std::move(v);
    for (auto& [name, n] : nodes_) {
      n->cache->view_changed();
    }
  }

  const part_server_options served_;
  const remote_cache_options read_;
  std::uint64_t last_incarnation_ = 0;
  std::uint64_t epochs_ = 0;
  std::uint64_t views_ = 0;
  int steps_ = 0;
  std::vector<runtime::member> members_;
  std::shared_ptr<const runtime::view> view_ = std::make_shared<const runtime::view>();
  std::vector<std::move_only_function<void()>> late_;
  std::map<std::string, std::unique_ptr<node>> nodes_;
  std::vector<std::unique_ptr<node>> graves_;  // whose answers may still be on their way
};

}  // namespace troupe::hls::test
