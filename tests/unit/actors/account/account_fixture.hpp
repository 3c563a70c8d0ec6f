// SPDX-License-Identifier: GPL-3.0-or-later
// The accounts service over a fresh SQLite database, with cheap hashes and a clock that stands
// still.
#pragma once

#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "actors/account/make_accounts.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe::account::test {

using troupe::test::temporary_folder;

/// Calls f with a callback and waits for its answer.
template <class T, class Function>
result<T> answer_of(Function f) {
  auto promise = std::make_shared<std::promise<result<T>>>();
  auto future = promise->get_future();
  f(callback<T>([promise](result<T> answer) { promise->set_value(std::move(answer)); }));
  REQUIRE(future.wait_for(std::chrono::seconds(60)) == std::future_status::ready);
  return future.get();
}

template <class T>
error error_of(const result<T>& r) {
  REQUIRE_FALSE(r.has_value());
  return r.error();
}

class fixture {
 public:
  explicit fixture(int cost = 4) : cost_(cost) { restart(); }

  void restart() {
    service.reset();
    pool.reset();
    store.reset();
    auto opened = storage::database::open("sqlite:" + (folder.path / "t.db").string(), time,
                                          counters, {.observe = [this](std::string_view statement) {
                                            if (before_statement) {
                                              before_statement(statement);
                                            }
                                          }});
    REQUIRE(opened);
    store = std::move(*opened);
    pool = std::make_unique<worker_pool>("store", 2, 256, counters);
    auto made = make();
    INFO((made ? std::string() : made.error().message));
    REQUIRE(made);
    service = std::move(*made);
  }

  result<std::unique_ptr<administered_accounts>> make() {
    settings s;
    s.data_folder = folder.path / "data";
    s.bcrypt_cost = cost_;
    return make_accounts(s, {*store, *pool, time, ids, counters});
  }

  result<user> register_user(const std::string& name, const std::string& email = "",
                             const std::string& password = "correct horse") {
    return answer_of<user>([&](auto done) {
      service->register_user({name, email.empty() ? name + "@example.org" : email, password},
                             std::move(done));
    });
  }

  result<token_pair> log_in(const std::string& name, const std::string& password = "correct horse",
                            const std::string& otp = "", client from = {}) {
    return answer_of<token_pair>([&](auto done) {
      service->log_in(name, {.password = password, .otp = otp, .from = from}, std::move(done));
    });
  }

  result<token_pair> refresh(const std::string& token) {
    return answer_of<token_pair>([&](auto done) { service->refresh(token, std::move(done)); });
  }

  result<std::string> stream_key(user_id id) {
    return answer_of<std::string>([&](auto done) { service->stream_key(id, std::move(done)); });
  }

  result<user> owner_of_key(const std::string& key) {
    return answer_of<user>([&](auto done) { service->owner_of_key(key, std::move(done)); });
  }

  /// Called on the store's threads: not to be changed while they work.
  std::function<void(std::string_view)> before_statement;
  temporary_folder folder;
  manual_clock time;
  metrics counters;
  id_generator ids{time, 0};
  std::unique_ptr<storage::database> store;
  std::unique_ptr<worker_pool> pool;
  std::unique_ptr<administered_accounts> service;

 private:
  int cost_;
};

}  // namespace troupe::account::test
