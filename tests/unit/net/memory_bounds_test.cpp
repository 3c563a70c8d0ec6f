// SPDX-License-Identifier: GPL-3.0-or-later
// What peers make the edges hold, driven to its bound and four times beyond, with the heap looked
// at before and after.
#include <string>

#include "net/http/idempotency.hpp"
#include "net/ws/feed.hpp"
#include "net/ws/socket_counts.hpp"
#include "tests/support/heap_use.hpp"
#include "tests/unit/net/ws/chat_fixture.hpp"
#include "tests/unit/net/ws/list_fixture.hpp"

namespace troupe {
namespace {

using test::check_bounded;
using test::heap_in_use;

constexpr std::size_t mib = 1024 * 1024;
const std::string words(500, 'x');

/// A socket that never takes a byte.
class deaf_socket final : public ws::subscriber {
 public:
  bool is_ready() const override { return false; }

  void write(std::span<const shared_bytes>) override {}

  void tell(const shared_bytes&) override {}
};

ws::framed event_of(std::int64_t seq) {
  const auto json = fmt::format(R"({{"type":"message","seq":{},"message":"{}"}})", seq, words);
  return ws::make_framed({seq, shared_bytes(bytes(json.begin(), json.end())), false});
}

}  // namespace

TEST_CASE("memory: events for sockets that do not read", "[net][ws][memory]") {
  const ws::feed_limits limits;
  ws::feed events(limits);
  std::vector<deaf_socket> sockets(100);
  events.keep_everything(true);
  for (auto& each : sockets) {
    events.add(each, {});
  }
  events.keep_everything(false);
  check_bounded(limits.ring_events, 2 * mib, [&](std::size_t i) {
    events.push(event_of(static_cast<std::int64_t>(i) + 1));
    while (events.pass(256)) {
    }
  });
  for (auto& each : sockets) {
    events.remove(each);
  }
}

TEST_CASE("memory: broadcasts for a thread that does not come", "[net][ws][memory]") {
  ws::edge_settings s;
  s.hubs.inbox_limit = 1000;
  ws::testing::chat_bench b(s);
  b.connect();
  check_bounded(1000, 4 * mib, [&](std::size_t i) {
    b.publish(42 + static_cast<std::int64_t>(i), words);  // nothing runs
  });
  CHECK(b.count("troupe_chat_dropped_broadcasts_total") == 4000);
  b.run();
}

TEST_CASE("memory: places of sockets are given back", "[net][ws][memory]") {
  ws::socket_counts counts(2);
  const auto before = heap_in_use();
  std::size_t refused = 0;
  for (std::uint64_t address = 1; address <= 20'000; ++address) {
    ws::socket_place first;
    ws::socket_place second;
    ws::socket_place third;
    REQUIRE(first.move_to(counts, address));
    REQUIRE(second.move_to(counts, address));
    refused += third.move_to(counts, address) ? 0 : 1;
  }
  CHECK(refused == 20'000);
  CHECK(heap_in_use() <= before + 4096);
}

TEST_CASE("memory: lists of games that anybody names", "[net][ws][list][memory]") {
  ws::list_settings s;
  s.lists = 100;
  s.sockets_per_address = 0;
  s.sockets_total = 0;
  s.connects_per_minute_per_address = 0;
  ws::testing::list_bench b(s);
  for (int i = 1; i <= 50; ++i) {
    b.store.add(i, 0, i);
  }
  check_bounded(100, 8 * mib, [&](std::size_t i) {
    auto& p = b.connect({{"game_id", std::to_string(i + 1)}});
    if (p.refused) {
      b.peers.pop_back();  // what the test keeps of it
    }
  });
  CHECK(b.gauge("troupe_list_lists") == 100);
  CHECK(b.count("troupe_list_sockets_refused_total", {{"reason", "lists"}}) == 400);
  b.advance(std::chrono::seconds(2));
  CHECK(b.gauge("troupe_list_lists") == 100);
}

TEST_CASE("memory: keys of requests, in memory", "[net][http][memory]") {
  const manual_clock time;
  metrics figures;
  http::memory_idempotency_store store({.idempotency_keys = 2000, .idempotency_keys_per_user = 4},
                                       time, figures);
  check_bounded(2000, 8 * mib, [&](std::size_t i) {
    const http::idempotency_key key{
        .user = static_cast<user_id>(1 + i / 4), .route = "/start", .key = std::to_string(i)};
    store.begin(key, {}, [&](const result<http::begun>& b) {
      REQUIRE(b);
      store.finish(
          key, b->claim,
          {.status = 200, .headers = {}, .body = {shared_bytes(bytes(words.begin(), words.end()))}},
          [] {});
    });
  });
}

}  // namespace troupe
