// SPDX-License-Identifier: GPL-3.0-or-later
#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/storage/store_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;

TEST_CASE("second_factor_store: a secret counts once it is confirmed", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  auto& factors = store->second_factors();
  CHECK(error_of(factors.find(1)).code == errc::not_found);
  REQUIRE(factors.begin(1, 0, bytes{1}));
  REQUIRE(factors.begin(1, 0, bytes{2}));
  CHECK_FALSE(factors.find(1).value().is_confirmed);
  CHECK_FALSE(factors.use_step(1, 5).value());
  const auto now = from_unix_ms(1'768'000'000'000);
  CHECK(error_of(factors.confirm(1, bytes{1}, 5, bytes{9}, now)).reason == "no_enrolment");
  CHECK(store->users().find(1).value().generation == 0);
  // Who is logged in has not shown it: all that ends with the same step.
  CHECK(factors.confirm(1, bytes{2}, 5, bytes{9}, now).value() == 1);
  CHECK(store->users().find(1).value().generation == 1);
  CHECK(store->users().log_ins_ended_since(now - std::chrono::seconds(1)).value().size() == 1);
  const auto found = factors.find(1).value();
  CHECK(found.is_confirmed);
  CHECK(found.sealed_secret == bytes{2});
  CHECK(found.last_step == 5);
  CHECK(found.recovery == bytes{9});
  CHECK(error_of(factors.begin(1, 1, bytes{3})).reason == "second_factor_enabled");
  CHECK(error_of(factors.confirm(1, bytes{2}, 6, bytes{9}, now)).reason == "no_enrolment");
  REQUIRE(factors.remove(1, 1));
  CHECK(error_of(factors.find(1)).code == errc::not_found);
  CHECK(error_of(factors.confirm(1, bytes{2}, 6, bytes{9}, now)).reason == "no_enrolment");
  CHECK(store->users().find(1).value().generation == 1);
}

TEST_CASE("second_factor_store: each step and each set of codes is used once", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  auto& factors = store->second_factors();
  REQUIRE(factors.begin(1, 0, bytes{1}));
  REQUIRE(factors.confirm(1, bytes{1}, 5, bytes{9}, {}));
  CHECK_FALSE(factors.use_step(1, 5).value());
  CHECK_FALSE(factors.use_step(1, 4).value());
  CHECK(factors.replace_recovery(1, 1, bytes{9}, bytes{8}).value());
  CHECK_FALSE(factors.replace_recovery(1, 1, bytes{9}, bytes{7}).value());
  std::atomic<int> used = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] { used += factors.use_step(1, 6).value() ? 1 : 0; });
    }
  }
  CHECK(used == 1);
  store.reopen();
  CHECK_FALSE(store->second_factors().use_step(1, 6).value());
  CHECK(store->second_factors().use_step(1, 7).value());
}

TEST_CASE("second_factor_store: a proof from before a log-out everywhere changes nothing",
          "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  auto& factors = store->second_factors();
  REQUIRE(store->users().end_log_ins(1, {}));
  CHECK(error_of(factors.begin(1, 0, bytes{1})).reason == "password_changed");
  REQUIRE(factors.begin(1, 1, bytes{1}));
  CHECK(error_of(factors.begin(1, 0, bytes{2})).reason == "password_changed");
  REQUIRE(factors.confirm(1, bytes{1}, 5, bytes{9}, {}));
  CHECK_FALSE(factors.replace_recovery(1, 1, bytes{9}, bytes{8}).value());
  CHECK(error_of(factors.remove(1, 1)).reason == "password_changed");
  CHECK(factors.find(1).value().is_confirmed);
  REQUIRE(factors.remove(1, std::nullopt));
  CHECK(error_of(factors.find(1)).code == errc::not_found);
}

TEST_CASE("secret_store: lists by the beginning of a name, and removes", "[storage]") {
  fresh_store store(each_engine());
  auto& secrets = store->secrets();
  const wall_time now = from_unix_ms(1'768'000'000'000);
  for (const char* name : {"key/2", "key/1", "kez", "key", "ke"}) {
    REQUIRE(secrets.add(name, bytes{1}, now));
  }
  const auto found = secrets.list("key/").value();
  REQUIRE(found.size() == 2);
  CHECK(found[0].name == "key/1");
  CHECK(found[1].name == "key/2");
  CHECK(found[1].created_at == now);
  REQUIRE(secrets.remove("key/1"));
  REQUIRE(secrets.remove("key/1"));
  CHECK(secrets.list("key/").value().size() == 1);
}
