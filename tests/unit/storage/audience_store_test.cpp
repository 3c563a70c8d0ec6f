// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/storage/store_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;
using namespace std::chrono_literals;

TEST_CASE("audience_store: samples add up, the highest peak stays", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  add_user(store, 2);
  const auto now = from_unix_ms(1'768'000'000'000);
  auto& streams = store->streams();
  REQUIRE(streams.start_or_get({10, 1, "One", {}, now}));
  REQUIRE(streams.start_or_get({20, 2, "Two", {}, now}));
  CHECK(streams.find(10)->audience.viewers == 0);
  CHECK_FALSE(streams.find(10)->audience.updated_at);

  const audience_sample first[] = {{20, 1, 2, 1500ms, now},
                                   {10, 5, 9, 6000ms, now},
                                   {99, 1, 1, 1000ms, now}};  // unknown: passed over
  REQUIRE(store->audience().record(first));
  const audience_sample second[] = {{10, 3, 4, 3000ms, now + 1s}};
  REQUIRE(store->audience().record(second));
  REQUIRE(store->audience().record({}));

  const auto one = streams.find(10).value();
  CHECK(one.audience.viewers == 3);
  CHECK(one.audience.peak == 9);
  CHECK(one.audience.watched == 9s);
  CHECK(one.audience.updated_at == now + 1s);
  CHECK(streams.find_current(2)->audience.viewers == 1);

  const auto epoch = streams.adopt(10, 1)->stream.epoch;
  REQUIRE(streams.set_live(10, epoch, now));
  const auto live = streams.list_live(10, {}, {}).value();
  REQUIRE(live.size() == 1);
  CHECK(live[0].audience.viewers == 3);
  CHECK(live[0].username == "user1");
}
