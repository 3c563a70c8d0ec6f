// SPDX-License-Identifier: GPL-3.0-or-later
#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/storage/store_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;
using namespace std::chrono_literals;

namespace {

user_record ann() {
  return {.id = 7,
          .username = "Ann",
          .email = "Ann@example.org",
          .password_hash = "$2b$hash",
          .is_administrator = false,
          .created_at = from_unix_ms(1768471800123)};
}

user_keys keys_of(const std::string& name, std::uint8_t seed) {
  return {name, name + "@example.org", {seed, 0, 255}, {0, seed}};
}

}  // namespace

TEST_CASE("user_store: keeps a user and finds it by every key", "[storage]") {
  fresh_store store(each_engine());
  REQUIRE(store->users().add(ann(), keys_of("ann", 1)));
  store.reopen();
  for (const auto& found : {store->users().find(7), store->users().find_by_login("ann"),
                            store->users().find_by_login("ann@example.org"),
                            store->users().find_by_stream_key(bytes{0, 1})}) {
    REQUIRE(found);
    CHECK(found->id == 7);
    CHECK(found->username == "Ann");
    CHECK(found->email == "Ann@example.org");
    CHECK(found->password_hash == "$2b$hash");
    CHECK_FALSE(found->is_administrator);
    CHECK(found->created_at == from_unix_ms(1768471800123));
  }
  CHECK(store->users().sealed_stream_key(7).value() == bytes{1, 0, 255});
  CHECK(error_of(store->users().find(8)).code == errc::not_found);
  CHECK(error_of(store->users().find_by_login("Ann")).code == errc::not_found);
  CHECK(error_of(store->users().find_by_stream_key(bytes{})).code == errc::not_found);
  CHECK(error_of(store->users().sealed_stream_key(8)).code == errc::not_found);
}

TEST_CASE("user_store: says which of name and address is taken", "[storage]") {
  fresh_store store(each_engine());
  REQUIRE(store->users().add(ann(), keys_of("ann", 1)));
  auto other = ann();
  other.id = 8;
  auto keys = keys_of("ann", 2);
  CHECK(error_of(store->users().add(other, keys)).reason == "username_taken");
  keys.username_key = "bob";
  const auto taken = error_of(store->users().add(other, keys));
  CHECK(taken.code == errc::conflict);
  CHECK(taken.reason == "email_taken");
  keys.email_key = "bob@example.org";
  CHECK(store->users().add(other, keys));
}

TEST_CASE("user_store: replaces a stream key, and the old one finds nobody", "[storage]") {
  fresh_store store(each_engine());
  REQUIRE(store->users().add(ann(), keys_of("ann", 1)));
  REQUIRE(store->users().replace_stream_key(7, bytes{9}, bytes{5, 5}));
  CHECK(store->users().sealed_stream_key(7).value() == bytes{9});
  CHECK(store->users().find_by_stream_key(bytes{5, 5}).value().id == 7);
  CHECK(error_of(store->users().find_by_stream_key(bytes{0, 1})).code == errc::not_found);
  CHECK(error_of(store->users().replace_stream_key(8, bytes{1}, bytes{2})).code == errc::not_found);
}

TEST_CASE("user_store: replaces a password hash", "[storage]") {
  fresh_store store(each_engine());
  REQUIRE(store->users().add(ann(), keys_of("ann", 1)));
  const wall_time now = from_unix_ms(1'768'000'000'000);
  CHECK(store->users().set_password_hash(7, std::nullopt, "other", now).value() == 1);
  CHECK(store->users().find(7).value().password_hash == "other");
  CHECK(store->users().find(7).value().generation == 1);
  CHECK(error_of(store->users().set_password_hash(8, std::nullopt, "x", now)).code ==
        errc::not_found);
  CHECK(error_of(store->users().set_password_hash(7, "hash", "x", now)).reason ==
        "password_changed");
  CHECK(store->users().set_password_hash(7, "other", "third", now).value() == 2);
}

TEST_CASE("user_store: keeps who ended all log-ins, and when", "[storage]") {
  fresh_store store(each_engine());
  auto& users = store->users();
  REQUIRE(users.add(ann(), keys_of("ann", 1)));
  auto bob = ann();
  bob.id = 8;
  REQUIRE(users.add(bob, keys_of("bob", 2)));
  const wall_time t = from_unix_ms(1'768'000'000'000);
  CHECK(users.log_ins_ended_since(wall_time{}).value().empty());
  CHECK(users.end_log_ins(7, t).value() == 1);
  CHECK(users.end_log_ins(8, t + 1s).value() == 1);
  CHECK(users.end_log_ins(7, t + 2s).value() == 2);
  const auto ended = users.log_ins_ended_since(t).value();
  REQUIRE(ended.size() == 2);
  CHECK(ended[0].user == 7);
  CHECK(ended[0].generation == 2);
  CHECK(ended[0].at == t + 2s);
  CHECK(ended[1].user == 8);
  CHECK(users.log_ins_ended_since(t + 2s).value().empty());
  CHECK(error_of(users.end_log_ins(99, t)).code == errc::not_found);
}

TEST_CASE("user_store: a name that looks like another's is taken", "[storage]") {
  fresh_store store(each_engine());
  auto& users = store->users();
  auto keys = keys_of("ann", 1);
  keys.username_skeleton = "ann";
  REQUIRE(users.add(ann(), keys));
  auto other = ann();
  other.id = 8;
  keys = keys_of("ann_", 2);
  keys.username_skeleton = "ann";
  CHECK(error_of(users.add(other, keys)).reason == "username_taken");
  // From before skeletons were kept: filled in later, the one that comes first has it.
  keys.username_skeleton.clear();
  REQUIRE(users.add(other, keys));
  const auto without = users.names_without_skeleton().value();
  REQUIRE(without.size() == 1);
  CHECK(without.front().user == 8);
  CHECK(without.front().username == other.username);
  REQUIRE(users.set_skeleton(8, "ann"));
  CHECK(users.names_without_skeleton().value().empty());
  other.id = 9;
  keys = keys_of("bob", 3);
  keys.username_skeleton = "#8";
  CHECK(error_of(users.add(other, keys)).reason == "username_taken");
}

TEST_CASE("user_store: changes an address unless it is another's", "[storage]") {
  fresh_store store(each_engine());
  auto& users = store->users();
  REQUIRE(users.add(ann(), keys_of("ann", 1)));
  auto bob = ann();
  bob.id = 8;
  REQUIRE(users.add(bob, keys_of("bob", 2)));
  REQUIRE(users.set_email(7, 0, "New@example.org", "new@example.org"));
  CHECK(users.find_by_login("new@example.org").value().email == "New@example.org");
  REQUIRE(users.set_email(7, 0, "NEW@example.org", "new@example.org"));
  CHECK(error_of(users.set_email(8, 0, "new@example.org", "new@example.org")).reason ==
        "email_taken");
  // A proof that was given before a log-out everywhere counts no more.
  REQUIRE(users.end_log_ins(7, {}));
  CHECK(error_of(users.set_email(7, 0, "x@example.org", "x@example.org")).reason ==
        "password_changed");
  CHECK(users.set_email(7, 1, "x@example.org", "x@example.org"));
  CHECK(error_of(users.set_email(9, 0, "y@example.org", "y@example.org")).code == errc::not_found);
}

TEST_CASE("user_store: of changes to one address at once, one wins and the rest are told",
          "[storage]") {
  fresh_store store(each_engine());
  for (int i = 1; i <= 6; ++i) {
    add_user(store, i);
  }
  std::atomic<int> changed = 0;
  std::atomic<int> taken = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 1; i <= 6; ++i) {
      threads.emplace_back([&, i] {
        const auto set = store->users().set_email(i, 0, "x@example.org", "x@example.org");
        changed += set ? 1 : 0;
        taken += !set && set.error().reason == "email_taken" ? 1 : 0;
      });
    }
  }
  CHECK(changed == 1);
  CHECK(taken == 5);
}

TEST_CASE("user_store: a skeleton that is there stays, whoever sets it again", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  add_user(store, 2);
  auto& users = store->users();
  for (int i = 0; i < 2; ++i) {  // as two nodes do that start together
    REQUIRE(users.set_skeleton(1, "bob"));
    REQUIRE(users.set_skeleton(2, "bob"));
  }
  auto keys = keys_of("b0b", 9);
  keys.username_skeleton = "bob";
  CHECK(error_of(users.add(ann(), keys)).reason == "username_taken");
  keys.username_skeleton = "#2";
  CHECK(error_of(users.add(ann(), keys)).reason == "username_taken");
  keys.username_skeleton = "#1";
  CHECK(users.add(ann(), keys));
}

TEST_CASE("user_store: a password hashed anew ends nothing", "[storage]") {
  fresh_store store(each_engine());
  REQUIRE(store->users().add(ann(), keys_of("ann", 1)));
  REQUIRE(store->users().renew_password_hash(7, "other", "no"));
  REQUIRE(store->users().renew_password_hash(7, "$2b$hash", "new"));
  CHECK(store->users().find(7).value().password_hash == "new");
  CHECK(store->users().find(7).value().generation == 0);
}

TEST_CASE("user_store: knows whether there is an administrator", "[storage]") {
  fresh_store store(each_engine());
  REQUIRE(store->users().add(ann(), keys_of("ann", 1)));
  CHECK_FALSE(store->users().has_administrator().value());
  auto root = ann();
  root.id = 1;
  root.is_administrator = true;
  REQUIRE(store->users().add(root, keys_of("root", 2)));
  CHECK(store->users().has_administrator().value());
  CHECK(store->users().find(1).value().is_administrator);
}

TEST_CASE("user_store: text is kept as it came, or refused as a whole", "[storage]") {
  fresh_store store(each_engine());
  auto user = ann();
  user.username = "Robert'); DROP TABLE users;-- :id \\ \"日本語\" 🎉";
  REQUIRE(store->users().add(user, keys_of("x'--:y", 1)));
  CHECK(store->users().find_by_login("x'--:y").value().username == user.username);
  for (const auto& bad :
       {std::string("a\0b", 3), std::string("\xff"), std::string("\xc0\x80"),
        std::string("\xed\xa0\x80"), std::string("\xf4\x90\x80\x80"), std::string("\xe2\x82")}) {
    CHECK(error_of(store->users().find_by_login(bad)).reason == "invalid_text");
  }
}
