// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/presence/reporter.hpp"

#include <catch2/catch.hpp>

#include "actors/chat/messages.hpp"
#include "runtime/testing/entity_bench.hpp"
#include "storage/database.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace troupe;
using namespace troupe::presence;
using namespace std::chrono_literals;

namespace {

/// Stands for the room: remembers what it was told.
class told_room {
 public:
  static constexpr std::string_view kind = "room";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<chat::audience_report>;

  struct state {};

  explicit told_room(std::vector<chat::audience_report>& seen) : seen_(seen) {}

  void on(runtime::context&, const chat::audience_report& m) { seen_.push_back(m); }

  state data;

 private:
  std::vector<chat::audience_report>& seen_;
};

template <class Inspector>
auto inspect(Inspector& f, told_room::state&) {
  return f();
}

struct fixture {
  fixture() {
    bench.node().add_kind<reporter>(
        [this](const runtime::entity_name&) { return std::make_unique<reporter>(needs); });
    bench.node().add_kind<told_room>(
        [this](const runtime::entity_name&) { return std::make_unique<told_room>(seen); });
    storage::user_record owner;
    owner.id = 7;
    owner.username = "aya";
    storage::user_keys keys;
    keys.username_key = "aya";
    REQUIRE(store->users().add(owner, keys));
    REQUIRE(store->streams().start_or_get({70, 7, "Hello", {}, bench.time().wall()}));
  }

  void tick() {
    bench.node().tell(bench.default_session(), {"presence", "a"}, troupe::presence::tick{});
    bench.run();
  }

  test::temporary_folder folder;
  runtime::testing::entity_bench bench;
  metrics figures;
  std::unique_ptr<storage::database> store =
      storage::database::open("sqlite:" + (folder.path / "t.db").string(), bench.time(), figures)
          .value();
  tracker people{{}, bench.time(), figures, 1};
  recorder sums{bench.time()};
  std::vector<chat::audience_report> seen;
  reporter_dependencies needs{people, sums, store->streams(), store->audience(), "a"};
};

}  // namespace

TEST_CASE("reporter: a player's stream is found, its room told", "[actors][presence]") {
  fixture f;
  f.people.played(70, f.people.identify("192.0.2.1", "VLC", ""));
  f.people.played(71, f.people.identify("192.0.2.1", "VLC", ""));
  f.tick();  // that one is enough: the room is told once the channel is known
  REQUIRE(f.seen.size() == 1);
  CHECK(f.seen[0].node == "a");
  CHECK(f.seen[0].people == 1);
  f.bench.advance(10s);
  f.tick();
  CHECK(f.seen.back().people == 0);
}

TEST_CASE("reporter: what was watched is stored, also after a failure", "[actors][presence]") {
  fixture f;
  f.sums.on_audience(70, 4);
  f.bench.advance(2s);
  f.bench.fill_pool(true);
  f.tick();
  f.bench.fill_pool(false);
  CHECK(f.store->streams().find(70)->audience.viewers == 0);
  f.tick();
  const auto row = f.store->streams().find(70).value();
  CHECK(row.audience.viewers == 4);
  CHECK(row.audience.peak == 4);
  CHECK(row.audience.watched == 8s);
  f.sums.on_audience_end(70);
  f.tick();
  CHECK(f.store->streams().find(70)->audience.viewers == 0);
  CHECK(f.store->streams().find(70)->audience.peak == 4);
}

TEST_CASE("reporter: who follows the list is told once counts are stored", "[actors][presence]") {
  fixture f;
  std::vector<std::int64_t> told;
  f.needs.on_stored = [&] { told.push_back(f.store->streams().find(70)->audience.viewers); };
  f.tick();
  CHECK(told.empty());
  f.sums.on_audience(70, 4);
  f.bench.fill_pool(true);
  f.tick();
  CHECK(told.empty());
  f.bench.fill_pool(false);
  f.tick();
  CHECK(told == std::vector<std::int64_t>{4});
}
