// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/stored_membership.hpp"

#include <catch2/catch.hpp>

#include <future>

#include "storage/database.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace troupe;
using runtime::member_state;

namespace {

struct fixture {
  fixture() {
    auto opened = storage::database::open("sqlite:" + (folder.path / "t.db").string(),
                                          system_clock(), figures);
    REQUIRE(opened.has_value());
    store = std::move(*opened);
    pool = std::make_unique<worker_pool>("membership", 1, 8, figures);
    members = std::make_unique<app::stored_membership>(store->cluster(), *pool, time, "1.2.3");
  }

  /// Nothing may come for them when they are gone.
  ~fixture() { pool->close(); }

  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;

  template <class T, class Call>
  result<T> wait(Call call) {
    std::promise<result<T>> answer;
    call([&answer](result<T> r) { answer.set_value(std::move(r)); });
    return answer.get_future().get();
  }

  runtime::join_answer join(const std::string& node, std::optional<std::uint64_t> replaces = {}) {
    auto joined = wait<runtime::join_answer>([&](auto done) {
      members->join({node, node + ":4040", {"edge", "rooms"}, replaces}, std::move(done));
    });
    REQUIRE(joined.has_value());
    return *joined;
  }

  runtime::node_table change(runtime::state_change what) {
    auto table = wait<runtime::node_table>(
        [&](auto done) { members->change(std::move(what), std::move(done)); });
    REQUIRE(table.has_value());
    return *table;
  }

  runtime::node_table vote(const runtime::vote_request& what) {
    auto table =
        wait<runtime::node_table>([&](auto done) { members->vote(what, std::move(done)); });
    REQUIRE(table.has_value());
    return *table;
  }

  test::temporary_folder folder;
  metrics figures;
  manual_clock time;
  std::unique_ptr<storage::database> store;
  std::unique_ptr<worker_pool> pool;
  std::unique_ptr<app::stored_membership> members;
};

const runtime::node_row& row_of(const runtime::node_table& t, const std::string& node) {
  for (const auto& row : t.rows) {
    if (row.who.node == node) {
      return row;
    }
  }
  FAIL("there is no row of " << node);
  throw 0;
}

}  // namespace

TEST_CASE("stored membership: a node joins, becomes active, drains and leaves", "[app][cluster]") {
  fixture f;
  const auto joined = f.join("a");
  CHECK(joined.table.number == 1);
  const auto& row = row_of(joined.table, "a");
  CHECK(row.who.incarnation == joined.incarnation);
  CHECK(row.who.state == member_state::joining);
  CHECK(row.who.address == "a:4040");
  CHECK(row.who.roles == std::vector<std::string>{"edge", "rooms"});
  REQUIRE(f.members->id_number(joined.incarnation).has_value());
  CHECK_FALSE(f.members->id_number(joined.incarnation + 1).has_value());

  std::uint64_t number = joined.table.number;
  for (const auto to : {member_state::active, member_state::draining, member_state::left}) {
    const auto table =
        f.change({.expected = number, .node = "a", .incarnation = joined.incarnation, .to = to});
    CHECK(table.number == number + 1);
    CHECK(row_of(table, "a").who.state == to);
    number = table.number;
  }
  // The last one is final.
  const auto same = f.change({.expected = number,
                              .node = "a",
                              .incarnation = joined.incarnation,
                              .to = member_state::active});
  CHECK(same.number == number);
  CHECK(row_of(same, "a").who.state == member_state::left);
}

TEST_CASE("stored membership: two nodes have two id numbers, and a live name needs its replacement",
          "[app][cluster]") {
  fixture f;
  const auto a = f.join("a");
  const auto number_of_a = f.members->id_number(a.incarnation);
  const auto b = f.join("b");
  CHECK(a.incarnation < b.incarnation);
  CHECK(number_of_a != f.members->id_number(b.incarnation));
  const auto again = f.wait<runtime::join_answer>(
      [&](auto done) { f.members->join({"a", "a:4040", {}, {}}, std::move(done)); });
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code == errc::conflict);
  CHECK(f.join("a", a.incarnation).incarnation > b.incarnation);
}

TEST_CASE("stored membership: a verdict needs the votes it relies on", "[app][cluster]") {
  fixture f;
  const auto a = f.join("a").incarnation;
  const auto b = f.join("b").incarnation;
  const auto joined = f.join("c");
  const auto number = joined.table.number;
  const auto c = joined.incarnation;
  runtime::state_change verdict{.expected = number,
                                .node = "c",
                                .incarnation = c,
                                .to = member_state::dead,
                                .ended = true,
                                .accusers = {a, b}};

  CHECK(f.change(verdict).number == number);  // nobody has voted
  CHECK(f.vote({.accuser = a, .accused_node = "c", .accused = c, .refused = true}).ballots.size() ==
        1);
  CHECK(f.change(verdict).number == number);  // one of two
  const auto both = f.vote({.accuser = b, .accused_node = "c", .accused = c, .refused = false});
  REQUIRE(both.ballots.size() == 2);
  CHECK(both.number == number);               // votes leave it alone
  CHECK(f.change(verdict).number == number);  // b has not found the port closed

  SECTION("with all of them it is done") {
    f.vote({.accuser = b, .accused_node = "c", .accused = c, .refused = true});
    const auto table = f.change(verdict);
    CHECK(table.number == number + 1);
    CHECK(row_of(table, "c").who.state == member_state::dead);
    CHECK(row_of(table, "c").ended);
    CHECK(table.ballots.empty());
  }
  SECTION("a vote that was taken back counts no more") {
    f.vote({.accuser = b, .accused_node = "c", .accused = c, .refused = true});
    f.vote({.accuser = a, .accused_node = "c", .accused = c, .refused = false, .withdrawn = true});
    CHECK(f.change(verdict).number == number);
  }
  SECTION("in another view it is not done") {
    f.vote({.accuser = b, .accused_node = "c", .accused = c, .refused = true});
    verdict.expected = number - 1;
    CHECK(f.change(verdict).number == number);
  }
}

TEST_CASE("stored membership: what waited too long for the pool is not begun", "[app][cluster]") {
  fixture f;
  const auto a = f.join("a");
  std::promise<void> held;
  std::promise<void> begun;
  REQUIRE(f.pool->submit([&] {
    begun.set_value();
    held.get_future().wait();
  }));
  begun.get_future().wait();
  std::promise<result<runtime::node_table>> answer;
  f.members->change({.expected = a.table.number,
                     .node = "a",
                     .incarnation = a.incarnation,
                     .to = member_state::active},
                    [&](result<runtime::node_table> t) { answer.set_value(std::move(t)); });
  f.time.advance(std::chrono::seconds(3));
  held.set_value();
  const auto late = answer.get_future().get();
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().code == errc::unavailable);
  const auto table =
      f.wait<runtime::node_table>([&](auto done) { f.members->read(std::move(done)); });
  REQUIRE(table.has_value());
  CHECK(row_of(*table, "a").who.state == member_state::joining);
}

TEST_CASE("stored membership: a process that is about to begin anew does not join",
          "[app][cluster]") {
  fixture f;
  f.members->refuse_joins();
  const auto joined = f.wait<runtime::join_answer>(
      [&](auto done) { f.members->join({"a", "a:4040", {}, {}}, std::move(done)); });
  REQUIRE_FALSE(joined.has_value());
  CHECK(joined.error().reason == "begins_anew");
}
