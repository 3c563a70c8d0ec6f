// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/migrations.hpp"

#include <atomic>
#include <thread>

#include "storage/sql/sqlite_engine.hpp"
#include "tests/unit/storage/store_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::sql;
using namespace troupe::storage::test;

namespace {

/// A bare connection to a new, empty database of either engine.
struct bare {
  explicit bare(engine kind) : store(kind) {}

  std::unique_ptr<connection> connect() {
    if (store->kind() == engine::sqlite) {
      return connect_sqlite(store.folder.path / "troupe.db", sqlite_role::writer, {}).value();
    }
    return connect_postgresql(keyword_form(store.url).value(), watch, {}).value();
  }

  call_watch watch;
  fresh_store store;
};

constexpr wall_time now{};

/// The embedded ones, and these after them.
std::vector<migration> with(std::initializer_list<std::string_view> texts) {
  const auto known = embedded_migrations();
  std::vector<migration> all(known.begin(), known.end());
  for (const auto text : texts) {
    all.push_back({all.back().number + 1, "9999_test", text});
  }
  return all;
}

}  // namespace

TEST_CASE("migrations: are in the order of their numbers and end their statements", "[storage]") {
  std::int64_t previous = 0;
  for (const auto& m : embedded_migrations()) {
    CHECK(m.number > previous);
    previous = m.number;
    CHECK_FALSE(split_statements(m.text).empty());
  }
  CHECK(previous > 0);
}

TEST_CASE("migrations: statements are split at line ends, comments left out", "[storage]") {
  const auto s =
      split_statements("-- a; b\nCREATE TABLE x (\n  -- in between\n  i INT\n);\n\nY;\nZ");
  REQUIRE(s.size() == 3);
  CHECK(s[0] == "CREATE TABLE x (\n  i INT\n)");
  CHECK(s[1] == "Y");
  CHECK(s[2] == "Z");
  CHECK(split_statements("").empty());
}

TEST_CASE("migrations: a new one is applied once, to what is there", "[storage]") {
  bare b(each_engine());
  REQUIRE(b.store->secrets().add("k", bytes{1}, now));
  auto c = b.connect();
  const auto all = with({"ALTER TABLE secret ADD COLUMN extra BIGINT;"});
  REQUIRE(migrate(*c, all, now));
  REQUIRE(migrate(*c, all, now));
  CHECK(c->query("SELECT extra FROM secret", {}, 1).value().size() == 1);
  // The older program goes on working on the newer schema, and starts on it.
  CHECK(b.store->secrets().find("k").value() == bytes{1});
  CHECK(b.store->secrets().add("l", bytes{2}, now));
  b.store.reopen();
  CHECK(b.store->secrets().find("l").value() == bytes{2});
}

TEST_CASE("migrations: one that comes after a higher one is applied too", "[storage]") {
  bare b(each_engine());
  auto c = b.connect();
  auto all = with({"CREATE TABLE lower (i BIGINT);", "CREATE TABLE higher (i BIGINT);"});
  auto without_lower = all;
  without_lower.erase(without_lower.end() - 2);
  REQUIRE(migrate(*c, without_lower, now));
  CHECK(c->query("SELECT i FROM higher", {}, 1));
  CHECK_FALSE(c->query("SELECT i FROM lower", {}, 1));
  REQUIRE(migrate(*c, all, now));
  REQUIRE(migrate(*c, all, now));
  CHECK(c->query("SELECT i FROM lower", {}, 1));
}

TEST_CASE("migrations: a schema that older programs must not touch is refused", "[storage]") {
  bare b(each_engine());
  auto c = b.connect();
  const auto needed = std::to_string(embedded_migrations().back().number + 1);
  const auto text = "-- needs: " + needed + "\nALTER TABLE secret ADD COLUMN extra BIGINT;\n";
  const auto all = with({text});
  REQUIRE(migrate(*c, all, now));
  REQUIRE(migrate(*c, all, now));
  const auto refused = error_of(migrate(*c, embedded_migrations(), now));
  CHECK(refused.code == errc::unsupported);
  CHECK(refused.reason == "schema_too_new");
}

TEST_CASE("migrations: one that fails leaves nothing behind", "[storage]") {
  bare b(each_engine());
  auto c = b.connect();
  const auto failed = error_of(migrate(
      *c, with({"CREATE TABLE half (i BIGINT);\nALTER TABLE nowhere ADD COLUMN x BIGINT;"}), now));
  CHECK(failed.message.find("9999_test") != std::string::npos);
  CHECK_FALSE(c->query("SELECT i FROM half", {}, 1));
  CHECK(b.store->ping());
}

TEST_CASE("migrations: many programs that start at once apply them once", "[storage]") {
  bare b(each_engine());
  const auto all = with({"CREATE TABLE once (i BIGINT);"});
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] { failed += !migrate(*b.connect(), all, now).has_value(); });
    }
  }
  CHECK(failed == 0);
}
