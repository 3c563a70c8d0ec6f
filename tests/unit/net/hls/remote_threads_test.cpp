// SPDX-License-Identifier: GPL-3.0-or-later
// Two nodes on real threads: viewers, a publisher, links and timers at once.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "media/segment_cache.hpp"
#include "net/hls/part_server.hpp"
#include "net/hls/remote_cache.hpp"

using namespace troupe;
using namespace troupe::hls;

namespace {

constexpr stream_id stream = 7;
constexpr int last_msn = 40;

/// Whatever is sent arrives at the other side on a thread of its own.
class threaded_link final : public runtime::link {
 public:
  using receiver = std::function<void(runtime::envelope)>;

  void start(handlers) override {}

  void set_peers(std::vector<runtime::peer>) override {}

  bool send(std::string_view, runtime::link_stream, runtime::envelope what) override {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(what));
    more_.notify_one();
    return true;
  }

  void stop() override { thread_ = {}; }

  void run(receiver to) {
    thread_ = std::jthread([this, to = std::move(to)](const std::stop_token& ended) {
      for (;;) {
        std::unique_lock lock(mutex_);
        if (!more_.wait(lock, ended, [this] { return !waiting_.empty(); })) {
          return;
        }
        auto what = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        to(std::move(what));
      }
    });
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any more_;
  std::deque<runtime::envelope> waiting_;
  std::jthread thread_;  // last: it uses the others
};

struct two_nodes final : runtime::view_source {
  std::shared_ptr<const runtime::view> view() const override { return now; }

  bool may_serve(steady_time) const override { return true; }

  bool may_take_from(std::string_view, std::uint64_t, steady_time) const override { return true; }

  std::shared_ptr<const runtime::view> now = std::make_shared<const runtime::view>(runtime::view{
      1, {{"a", 1, runtime::member_state::active}, {"b", 2, runtime::member_state::active}}});
};

void publish(media::segment_cache& cache, int msn) {
  media::segment_started started;
  started.msn = msn;
  std::vector<media::output> all{started};
  for (int i = 0; i < 6; ++i) {
    media::part p;
    p.msn = msn;
    p.index = i;
    p.duration = std::chrono::milliseconds(333);
    p.independent = i == 0;
    p.video_frames = 10;
    p.data = shared_bytes(bytes(5000, static_cast<std::uint8_t>(msn)));
    all.emplace_back(p);
  }
  all.emplace_back(media::segment_finished{msn, std::chrono::seconds(2), {}});
  for (const auto& o : all) {
    cache.publish(stream, "source", std::vector{o});
  }
}

}  // namespace

TEST_CASE("remote cache: all at once on many threads", "[net][hls]") {
  two_nodes members;
  metrics of_a;
  metrics of_b;
  std::atomic<int> answered = 0;
  std::atomic<int> good = 0;
  media::cache_options held;
  held.listed = std::chrono::seconds(1000);
  media::segment_cache at_a(held, system_clock(), of_a);
  media::segment_cache at_b(held, system_clock(), of_b);
  home_cache home_a(at_a, [](stream_id) { return standing::here; });
  home_cache home_b(at_b, [](stream_id) { return standing::elsewhere; });
  threaded_link to_b;
  threaded_link to_a;
  part_server server({.incarnation = 1}, home_a, to_b, system_clock(), of_a);
  const auto locate = [](stream_id s, callback<std::optional<runtime::entity_owner>> done) {
    done(s == stream ? std::optional(runtime::entity_owner{"a", 1, 1}) : std::nullopt);
  };
  remote_cache cache({.node = "b", .incarnation = 2, .kept_bytes = 100'000},
                     {.home = home_b,
                      .way = to_a,
                      .members = members,
                      .locate = locate,
                      .time = system_clock(),
                      .counters = of_b});
  at_a.publish(stream, "source", std::vector<media::output>{media::playlist_started{}});
  publish(at_a, 0);
  to_a.run(
      [&](runtime::envelope what) { server.received("b", runtime::link_stream::media, what); });
  to_b.run([&](runtime::envelope what) { cache.received("a", runtime::link_stream::media, what); });
  constexpr int viewers = 3;
  int asked = 0;
  {
    std::vector<std::jthread> threads;
    for (int v = 0; v < viewers; ++v) {
      threads.emplace_back([&] {
        for (int msn = 0; msn < last_msn; ++msn) {
          const auto done = [&answered, &good](const media::cached_answer& a) {
            good += a.status == 200 ? 1 : 0;
            ++answered;
            answered.notify_all();
          };
          const auto number = std::to_string(msn);
          cache.get(stream, "source/media.m3u8", {number, "5", std::nullopt}, {}, done);
          cache.get(stream, "source/" + number + ".2.m4s", {}, {}, done);
          cache.get(stream, "source/0.m4s", {}, {}, done);
          cache.get(99, "source/media.m3u8", {}, {}, done);
          // The next is asked for when this one is there: what is too far is refused.
          for (auto seen = answered.load(); seen < (msn + 1) * 4 * viewers; seen = answered) {
            answered.wait(seen);
          }
        }
      });
    }
    asked = viewers * last_msn * 4;
    threads.emplace_back([&] {
      for (int msn = 1; msn < last_msn; ++msn) {
        for (auto seen = answered.load(); seen < msn * 4 * viewers; seen = answered) {
          answered.wait(seen);
        }
        publish(at_a, msn);
      }
    });
    threads.emplace_back([&](const std::stop_token&) {
      while (answered < asked) {
        const auto now = system_clock().now();
        cache.tick(now);
        cache.expire(now);
        server.tick(now);
        cache.view_changed();
        std::this_thread::yield();
      }
    });
  }
  CHECK(answered == asked);
  CHECK(good >= viewers * last_msn);  // whatever else: segment 0 is there all the time
  CHECK(of_b.text().find("troupe_hls_fetch_waiting_requests 0") != std::string::npos);
  to_a.stop();
  to_b.stop();
}
