// SPDX-License-Identifier: GPL-3.0-or-later
#include <atomic>
#include <thread>

#include "tests/unit/storage/store_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;

TEST_CASE("entity_store: a claim makes the name, the next one raises its epoch", "[storage]") {
  fresh_store store(each_engine());
  auto& entities = store->entities();
  const auto first = entities.claim({"poll/1", "a", 7, 1, 0}).value();
  CHECK(first.epoch == 1);
  CHECK(first.version == 0);
  CHECK(first.state.empty());
  const auto second = entities.claim({"poll/1", "b", 8, 1, 1}).value();
  CHECK(second.epoch == 2);
  CHECK(second.owner == "b");
  CHECK(second.incarnation == 8);
  CHECK(error_of(entities.claim({"poll/1", "c", 9, 1, 1})).reason == "moved");
  CHECK(error_of(entities.claim({"poll/1", "c", 9, 1, 0})).reason == "moved");
  CHECK(entities.claim({"poll/1", "c", 9, 1, std::nullopt}).value().epoch == 3);
  CHECK(entities.load("poll/1").value().owner == "c");
  CHECK(error_of(entities.load("poll/2")).code == errc::not_found);
}

TEST_CASE("entity_store: of many claims from one epoch one wins", "[storage]") {
  fresh_store store(each_engine());
  REQUIRE(store->entities().claim({"room/1", "a", 1, 1, 0}));
  std::atomic<int> won = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        won += store->entities().claim({"room/1", std::to_string(i), i, 1, 1}).has_value();
      });
    }
  }
  CHECK(won == 1);
  CHECK(store->entities().load("room/1").value().epoch == 2);
}

TEST_CASE("entity_store: a batch commits what is owned and names what is fenced", "[storage]") {
  fresh_store store(each_engine());
  auto& entities = store->entities();
  for (const char* name : {"a/1", "b/\"x\"\\", "c/1"}) {
    REQUIRE(entities.claim({name, "n", 1, 3, 0}));
  }
  REQUIRE(entities.claim({"c/1", "other", 1, 3, 1}));
  bytes large(65536);
  for (std::size_t i = 0; i < large.size(); ++i) {
    large[i] = static_cast<std::uint8_t>(i * 7);
  }
  const std::vector<entity_write> batch = {{"c/1", 1, 3, {1}, {2}},
                                           {"b/\"x\"\\", 1, 3, large, {0}},
                                           {"a/1", 1, 2, {}, {}},
                                           {"never/claimed", 1, 1, {1}, {}}};
  const auto done = entities.commit_batch(batch).value();
  REQUIRE(done.size() == 4);
  CHECK_FALSE(done[0].committed);
  CHECK(done[1].committed);
  CHECK(done[1].version == 1);
  CHECK(done[2].committed);
  CHECK_FALSE(done[3].committed);
  CHECK(entities.commit_batch(std::span(batch).subspan(1, 1)).value()[0].version == 2);
  CHECK(entities.commit_batch({}).value().empty());

  store.reopen();
  const auto kept = store->entities().load("b/\"x\"\\").value();
  CHECK(kept.state == large);
  CHECK(kept.answers == bytes{0});
  CHECK(kept.version == 2);
  CHECK(kept.kind_version == 3);
  CHECK(store->entities().load("c/1").value().state.empty());
  CHECK(store->entities().load("a/1").value().kind_version == 2);
  CHECK(store->entities().claim({"b/\"x\"\\", "n", 2, 3, 1}).value().state == large);
}

TEST_CASE("entity_store: a commit is one statement", "[storage]") {
  fresh_store store(each_engine());
  std::vector<entity_write> batch;
  for (int i = 0; i < 50; ++i) {
    batch.push_back({"p/" + std::to_string(i), 1, 1, {1}, {}});
    REQUIRE(store->entities().claim({batch.back().name, "n", 1, 1, 0}));
  }
  store.statements.clear();
  REQUIRE(store->entities().commit_batch(batch));
  CHECK(store.statements.size() == 1);
}

TEST_CASE("entity_store: refuses a name twice in one batch", "[storage]") {
  fresh_store store(each_engine());
  REQUIRE(store->entities().claim({"a/1", "n", 1, 1, 0}));
  const std::vector<entity_write> twice(2, entity_write{"a/1", 1, 1, {1}, {}});
  CHECK(error_of(store->entities().commit_batch(twice)).code == errc::invalid_argument);
  CHECK(store->entities().load("a/1").value().version == 0);
}

TEST_CASE("entity_store: gives no state to a program that cannot read it", "[storage]") {
  fresh_store store(each_engine());
  auto& entities = store->entities();
  REQUIRE(entities.claim({"a/1", "n", 1, 5, 0}));
  const entity_write newer{"a/1", 1, 5, {1}, {}};
  REQUIRE(entities.commit_batch({&newer, 1}).value()[0].committed);
  CHECK(error_of(entities.claim({"a/1", "old", 1, 4, std::nullopt})).reason == "newer_version");
  CHECK(entities.load("a/1").value().epoch == 1);
  CHECK(entities.claim({"a/1", "new", 1, 6, std::nullopt}).value().epoch == 2);
}

TEST_CASE("secret_store: the first one stays", "[storage]") {
  fresh_store store(each_engine());
  CHECK(error_of(store->secrets().find("k")).code == errc::not_found);
  CHECK(store->secrets().add("k", bytes{1, 0}, store.time.wall()).value() == bytes{1, 0});
  CHECK(store->secrets().add("k", bytes{2}, store.time.wall()).value() == bytes{1, 0});
  store.reopen();
  CHECK(store->secrets().find("k").value() == bytes{1, 0});
}
