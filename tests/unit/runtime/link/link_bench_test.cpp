// SPDX-License-Identifier: GPL-3.0-or-later
// What the way between nodes costs: test_runtime "[link][.bench]" -s. Both nodes are in this
// process, so CPU is of both sides together. Figures belong to the machine; nothing is asserted of
// them.
#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "runtime/link/certificate_maker.hpp"
#include "tests/unit/runtime/link/link_fixture.hpp"

namespace troupe::runtime {
namespace {

using seconds = std::chrono::duration<double>;

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

struct stopwatch {
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
  double cpu = cpu_seconds();

  double wall_s() const { return seconds(std::chrono::steady_clock::now() - begin).count(); }

  double cpu_s() const { return cpu_seconds() - cpu; }
};

/// With certificates, if any.
struct bench_pair {
  explicit bench_pair(bool tls) {
    std::function<void(grpc_link_options&)> adjust;
    if (tls) {
      std::string pattern = std::filesystem::temp_directory_path() / "troupe-link-XXXXXX";
      folder = ::mkdtemp(pattern.data());
      const auto ca = make_ca("bench").value();
      adjust = [this, ca](grpc_link_options& o) {
        const auto made = make_node_certificate(ca, o.node, {}).value();
        const auto at = folder / o.node;
        std::ofstream(at.string() + ".ca") << ca.cert;
        std::ofstream(at.string() + ".pem") << made.cert;
        std::ofstream(at.string() + ".key") << made.key;
        o.certificates = {at.string() + ".ca", at.string() + ".pem", at.string() + ".key"};
      };
    }
    a = std::make_unique<test_node>("a", adjust);
    b = std::make_unique<test_node>("b", adjust);
  }

  ~bench_pair() {
    a.reset();
    b.reset();
    if (!folder.empty()) {
      std::filesystem::remove_all(folder);
    }
  }

  bench_pair(const bench_pair&) = delete;
  bench_pair& operator=(const bench_pair&) = delete;

  std::filesystem::path folder;
  std::unique_ptr<test_node> a;
  std::unique_ptr<test_node> b;
};

/// Sends count envelopes as fast as they are taken; returns when all have arrived.
stopwatch pour(bench_pair& pair, link_stream on, const envelope& e, std::uint64_t count) {
  std::atomic<std::uint64_t> arrived = 0;
  pair.b->on_received = [&](std::string_view, link_stream, const envelope&) {
    if (++arrived == count) {
      arrived.notify_all();
    }
  };
  connect(*pair.a, *pair.b);
  stopwatch watch;
  for (std::uint64_t n = 0; n < count; ++n) {
    while (!pair.a->way->send("b", on, e)) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  for (auto now = arrived.load(); now < count; now = arrived.load()) {
    arrived.wait(now);
    if (arrived.load() < count) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  return watch;
}

void measure(bool tls) {
  const std::string with = tls ? "mutual TLS" : "in the clear";
  envelope e;
  e.kind = envelope_kind::command;
  e.target = "room/97700001";
  e.type = "room.post";
  e.version = 1;
  e.session = {123'456, 789};
  e.number = 1'000;
  e.epoch = 12;
  e.body.assign(150, 'x');
  {
    constexpr std::uint64_t count = 1'000'000;
    bench_pair pair(tls);
    const auto took = pour(pair, link_stream::commands, e, count);
    const auto wall = took.wall_s();
    WARN(fmt::format("{}: {:.0f} commands of 150 bytes/s, {:.2f} us CPU each (both sides)", with,
                     count / wall, took.cpu_s() / count * 1e6));
  }
  {
    constexpr std::uint64_t count = 4'000;
    bench_pair pair(tls);
    e.body.assign(256 * 1024, 'x');
    const auto took = pour(pair, link_stream::media, e, count);
    const auto wall = took.wall_s();
    const double mb = static_cast<double>(count * e.body.size()) / 1e6;
    WARN(fmt::format("{}: {:.0f} MB/s of media, {:.2f} ms CPU per MB (both sides)", with, mb / wall,
                     took.cpu_s() / mb * 1e3));
  }
  {
    bench_pair pair(tls);
    constexpr int rounds = 5'000;
    std::atomic<int> done = 0;
    pair.b->on_received = [&](std::string_view, link_stream, const envelope& x) {
      pair.b->way->send("a", link_stream::control, x);
    };
    pair.a->on_received = [&](std::string_view, link_stream, const envelope& x) {
      if (++done == rounds) {
        done.notify_all();
      } else {
        pair.a->way->send("b", link_stream::control, x);
      }
    };
    connect(*pair.a, *pair.b);
    e.body.assign(50, 'x');
    const stopwatch watch;
    pair.a->way->send("b", link_stream::control, e);
    for (auto now = done.load(); now < rounds; now = done.load()) {
      done.wait(now);
    }
    WARN(fmt::format("{}: {:.3f} ms round trip, {:.1f} us CPU", with, watch.wall_s() / rounds * 1e3,
                     watch.cpu_s() / rounds * 1e6));
  }
  {
    bench_pair pair(tls);
    connect(*pair.a, *pair.b);
    const stopwatch watch;
    std::this_thread::sleep_for(std::chrono::seconds(10));
    WARN(fmt::format("{}: an idle pair of nodes takes {:.2f} ms CPU/s", with,
                     watch.cpu_s() / watch.wall_s() * 1e3));
  }
}

}  // namespace

TEST_CASE("link bench: in the clear", "[runtime][link][.bench]") {
  measure(false);
}

TEST_CASE("link bench: with certificates", "[runtime][link][.bench]") {
  measure(true);
}

}  // namespace troupe::runtime
