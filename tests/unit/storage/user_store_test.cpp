// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/storage/store_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;

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
  REQUIRE(store->users().set_password_hash(7, "other"));
  CHECK(store->users().find(7).value().password_hash == "other");
  CHECK(error_of(store->users().set_password_hash(8, "x")).code == errc::not_found);
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
