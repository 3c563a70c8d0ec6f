// SPDX-License-Identifier: GPL-3.0-or-later
// Every statement the stores ever run is held to an index: the test runs them all, then asks the
// engine how it would.
#include <regex>

#include "tests/unit/storage/store_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;
using namespace std::chrono_literals;

namespace {

/// After a user 1.
void call_follows(follow_store& follows, wall_time t) {
  for (int i = 0; i < 2; ++i) {
    std::ignore = follows.add(1, 1, t, 1);
  }
  std::ignore = follows.followed_at(1, 1);
  std::ignore = follows.list_followers(1, 1, {});
  std::ignore = follows.list_following(1, 1, follow_place{t, 1});
  std::ignore = follows.list_live_followed(1, 1, {});
  std::ignore = follows.profile(1, 1);
  std::ignore = follows.profile_by_name("a", {});
  for (int i = 0; i < 2; ++i) {
    std::ignore = follows.remove(1, 1);
  }
}

void call_entities(entity_store& entities) {
  const bytes b{1};
  std::ignore = entities.claim({"n", "o", 1, 1, {}});
  std::ignore = entities.load("n");
  const entity_write w{"n", 1, 1, b, b};
  std::ignore = entities.commit_batch({&w, 1});
  const std::string name = "n";
  std::ignore = entities.owner_of({&name, 1});
  std::ignore = entities.owned_by("o", 1, "", 1);
  std::ignore = entities.count_owned("o", 1);
}

void call_cluster(cluster_store& cluster) {
  const auto a = cluster.join({.name = "a"}).value();
  const auto b2 = cluster.join({.name = "b"}).value();
  std::ignore = cluster.vote({"a", a.incarnation, "b", b2.incarnation, true});
  std::ignore = cluster.withdraw_vote("a", a.incarnation, "b", b2.incarnation);
  std::ignore = cluster.refresh("a", a.incarnation, "{}");
  for (const auto to : {node_state::active, node_state::dead, node_state::dead}) {
    std::ignore = cluster.change({.expected_view = cluster.read().value().view,
                                  .name = "a",
                                  .incarnation = a.incarnation,
                                  .from = {node_state::joining, node_state::active},
                                  .to = to});
  }
  std::ignore = cluster.remove_gone(-1h, 1);
}

/// Calls every function of every store once. What it answers does not matter here.
void call_everything(database& d) {
  const wall_time t{};
  const bytes b{1};
  std::ignore = d.ping();
  auto& users = d.users();
  user_record user;
  user.id = 1;
  std::ignore = users.add(user, {"a", "b", b, b, "a"});
  std::ignore = users.add(user, {"a", "c", b, b, "a"});
  std::ignore = users.find(1);
  std::ignore = users.find_by_login("a");
  std::ignore = users.find_by_stream_key(b);
  std::ignore = users.sealed_stream_key(1);
  std::ignore = users.replace_stream_key(1, b, b);
  std::ignore = users.set_password_hash(1, "h", "h", t);
  std::ignore = users.renew_password_hash(1, "h", "h");
  std::ignore = users.set_email(1, 1, "e", "e");
  std::ignore = users.end_log_ins(1, t);
  std::ignore = users.log_ins_ended_since(t);
  std::ignore = users.names_without_skeleton();
  std::ignore = users.set_skeleton(1, "s");
  std::ignore = users.has_administrator();
  auto& tokens = d.tokens();
  std::ignore = tokens.add({.family = b, .secret = b, .user = 1, .expires_at = t, .network = 1}, t);
  std::ignore = tokens.rotate(b, b, b, t, t);
  std::ignore = tokens.find_owner(b, b, t);
  std::ignore = tokens.revoke(b);
  std::ignore = tokens.revoke_all(1);
  std::ignore = tokens.knows_network(1, 1);
  std::ignore = tokens.remove_expired(t);
  auto& factors = d.second_factors();
  std::ignore = factors.begin(1, 0, b);
  std::ignore = factors.begin(1, 2, b);
  std::ignore = factors.confirm(1, b, 1, b, {});
  std::ignore = factors.find(1);
  std::ignore = factors.use_step(1, 2);
  std::ignore = factors.replace_recovery(1, 2, b, b);
  std::ignore = factors.remove(1, 2);
  std::ignore = factors.remove(1, std::nullopt);
  auto& streams = d.streams();
  std::ignore = streams.start_or_get({1, 1, {}, {}, t});
  std::ignore = streams.adopt(1, 1);
  std::ignore = streams.set_live(1, 1, t);
  std::ignore = streams.set_reconnecting(1, 1);
  std::ignore = streams.save_progress(1, 1, t, b);
  std::ignore = streams.set_ended(1, 0, t);
  std::ignore = streams.set_ended(1, 1, t);
  std::ignore = streams.remember_key_frame_interval(1, 1ms);
  std::ignore = streams.find(1);
  std::ignore = streams.find_current(1);
  std::ignore = streams.list_live(1, {}, {});
  std::ignore = streams.list_live(1, {}, 1);
  std::ignore = streams.list_unfinished(1, 0);
  std::ignore = streams.end_stale_waiting(t, t);
  call_follows(d.follows(), t);
  call_entities(d.entities());
  call_cluster(d.cluster());
  const answer_key answer{1, "r", "k"};
  const answer_bounds bounds{std::chrono::hours(24), std::chrono::minutes(2), 1};
  std::ignore = d.answers().claim(answer, b, bounds, t);
  std::ignore = d.answers().claim(answer, b, bounds, t + std::chrono::hours(1));
  std::ignore = d.answers().keep(answer, t + std::chrono::hours(1), b);
  std::ignore = d.answers().claim({1, "r", "other"}, b, bounds, t + std::chrono::hours(1));
  std::ignore = d.answers().release(answer, t);
  std::ignore = d.answers().remove_old(t, 1);
  std::ignore = d.secrets().add("s", b, t);
  std::ignore = d.secrets().find("s");
  std::ignore = d.secrets().list("s");
  std::ignore = d.secrets().remove("s");
  const audience_sample sample{1, 1, 1, 1ms, t};
  std::ignore = d.audience().record({&sample, 1});
}

/// The live streams among the channels of one user, whose number is bounded: sorting them costs
/// less than walking every live stream in order.
bool may_sort(const std::string& statement) {
  return statement.find("FROM follow CROSS JOIN stream") != statement.npos;
}

/// Why this line of a statement's plan is wrong; empty when it is not.
std::string complaint(engine kind, const std::string& statement, const std::string& line) {
  if (kind == engine::postgresql) {
    return line.find("Seq Scan") != line.npos ? "reads a whole table" : "";
  }
  // SCAN … USING … INDEX reads an index in order, up to the LIMIT: what a list does.
  static const std::regex whole("SCAN (?!json_each|CONSTANT)(?!.* USING (COVERING )?INDEX).*");
  if (std::regex_match(line, whole)) {
    return "reads a whole table";
  }
  return line.find("TEMP B-TREE") != line.npos && !may_sort(statement) ? "sorts" : "";
}

}  // namespace

TEST_CASE("query plans: every statement uses an index", "[storage]") {
  fresh_store store(each_engine());
  store.statements.clear();
  call_everything(*store.store);
  const auto statements = store.statements;
  CHECK(statements.size() >= 32);
  int explained = 0;
  for (const auto& statement : statements) {
    if (statement.starts_with("BEGIN") || statement == "COMMIT" || statement == "ROLLBACK") {
      continue;
    }
    const auto plan = store->explain(statement);
    INFO(statement);
    INFO((plan ? std::string() : plan.error().message));
    REQUIRE(plan);
    for (const auto& line : *plan) {
      INFO(line);
      CHECK(complaint(store->kind(), statement, line).empty());
    }
    explained += !plan->empty();
  }
  CHECK(explained >= 25);
}

TEST_CASE("query plans: the test sees a missing index", "[storage]") {
  fresh_store store(each_engine());
  const auto plan = store->explain("SELECT id FROM users WHERE email = :email").value();
  int complaints = 0;
  for (const auto& line : plan) {
    complaints += !complaint(store->kind(), "", line).empty();
  }
  CHECK(complaints == 1);
}
