// SPDX-License-Identifier: GPL-3.0-or-later
// Every statement of chat_store is held to its index on both engines.
#include <regex>

#include "tests/unit/storage/chat_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;

namespace {

room_write everything(room_writer& room) {
  auto w = room.say(1, {"a", "b"});
  w.nonces = {{"s", "n", "d", 1, 1, "a", {}}};
  w.gone_messages = {1001};
  w.cleared = {2};
  w.members = {member_of(1)};
  w.settings = "{}";
  w.held = {held_of(5, "x")};
  w.decided = {6};
  w.log = {log_of(1, "ban")};
  return w;
}

void call_everything(fresh_store& store) {
  open_rooms(store, 1);
  auto& chat = store->chat();
  const auto now = store.time.wall();
  room_writer room(store, 1, 1);
  room.commit(everything(room));
  REQUIRE(chat.last_seq(1, 1));
  REQUIRE_FALSE(chat.adopt(99, 1, now));
  for (const bool only_messages : {true, false}) {
    for (int edge = 0; edge < 5; ++edge) {
      history_request r;
      r.room = 1;
      r.only_messages = only_messages;
      if (edge == 1) {
        r.before = 5000;
      } else if (edge == 2) {
        r.after = 1;
      } else if (edge == 3) {
        r.before_seq = 5;
      } else if (edge == 4) {
        r.after_seq = 0;
      }
      REQUIRE(chat.history(r));
    }
  }
  REQUIRE(chat.find_message(1, 1002));
  REQUIRE(chat.member(1, 1));
  REQUIRE(chat.moderators(1));
  REQUIRE(chat.bans(1, now, 1, {}));
  REQUIRE(chat.messages_of(1, 1, 1));
  REQUIRE(chat.moderation_log(1, 1, {}));
  REQUIRE(chat.remove_old_nonces(now, 1));
  REQUIRE(chat.remove_past_timeouts(now, 1));
}

/// Why this line of a plan is wrong; empty when it is not. `picked` is the ring, read already.
std::string complaint(engine kind, const std::string& line) {
  if (kind == engine::postgresql) {
    if (line.find("Seq Scan") != line.npos || line.find("hashed SubPlan") != line.npos) {
      return "reads a whole table";
    }
    // Whether it sorts says nothing here: of an empty table that is as good as any other plan.
    return "";
  }
  static const std::regex whole("SCAN (?!json_each|picked|CONSTANT).*");
  if (std::regex_match(line, whole)) {
    return "reads a whole table";
  }
  return line.find("TEMP B-TREE") != line.npos ? "sorts" : "";
}

}  // namespace

TEST_CASE("chat_store: every statement uses an index", "[storage]") {
  fresh_store store(each_engine());
  store.statements.clear();
  call_everything(store);
  int explained = 0;
  const auto statements = store.statements;  // explaining adds to them
  for (const auto& statement : statements) {
    if (statement.find("chat_") == statement.npos) {
      continue;
    }
    const auto plan = store->explain(statement);
    INFO(statement);
    INFO((plan ? std::string() : plan.error().message));
    REQUIRE(plan);
    std::string whole;
    for (const auto& line : *plan) {
      whole += line + "\n";
    }
    INFO(whole);
    for (const auto& line : *plan) {
      CHECK(complaint(store->kind(), line).empty());
    }
    explained += !plan->empty();
  }
  CHECK(explained >= (store->kind() == engine::sqlite ? 28 : 21));
}
