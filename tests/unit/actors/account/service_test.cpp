// SPDX-License-Identifier: GPL-3.0-or-later
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "actors/account/password_hash.hpp"
#include "tests/unit/actors/account/account_fixture.hpp"

using namespace troupe;
using namespace troupe::account;
using namespace troupe::account::test;
using namespace std::chrono_literals;

TEST_CASE("accounts: a registered user logs in by name or address, in any case", "[account]") {
  fixture f;
  const auto made = f.register_user("Ann_1", "Ann@Example.org").value();
  CHECK(made.username == "Ann_1");
  CHECK(made.email == "Ann@Example.org");
  CHECK_FALSE(made.is_administrator);
  CHECK(made.created_at == f.time.wall());
  f.restart();
  for (const char* name : {"Ann_1", "ann_1", "ANN@EXAMPLE.ORG"}) {
    const auto tokens = f.log_in(name).value();
    CHECK(tokens.expires_in == 900s);
    const auto who = f.service->verify(tokens.access_token).value();
    CHECK(who.id == made.id);
    CHECK(who.username == "Ann_1");
    CHECK_FALSE(who.is_administrator);
    CHECK(who.expires_at == f.time.wall() + 900s);
  }
  const auto found =
      answer_of<user>([&](auto done) { f.service->find(made.id, std::move(done)); }).value();
  CHECK(found.email == "Ann@Example.org");
}

TEST_CASE("accounts: refuses what is wrong or taken at registration", "[account]") {
  fixture f;
  REQUIRE(f.register_user("ann"));
  CHECK(error_of(f.register_user("ANN", "other@example.org")).reason == "username_taken");
  CHECK(error_of(f.register_user("bob", "ANN@example.org")).reason == "email_taken");
  CHECK(error_of(f.register_user("a b")).reason == "invalid_username");
  CHECK(error_of(f.register_user("bob", "bob")).reason == "invalid_email");
  CHECK(error_of(f.register_user("bob", "", "short")).reason == "weak_password");
}

TEST_CASE("accounts: a wrong password and an unknown user look the same", "[account]") {
  fixture f;
  REQUIRE(f.register_user("ann"));
  const auto wrong = error_of(f.log_in("ann", "correct horsf"));
  CHECK(wrong.code == errc::unauthenticated);
  CHECK(wrong.reason == "invalid_credentials");
  CHECK(error_of(f.log_in("bob")) == wrong);
  CHECK(error_of(f.log_in(std::string("a\0nn", 4))) == wrong);
  CHECK(error_of(f.log_in("\xff")) == wrong);
  CHECK(error_of(f.log_in(std::string(300, 'x'))) == wrong);
  CHECK(error_of(f.log_in("ann", std::string(5000, 'x'))) == wrong);
  CHECK(f.log_in("ann", "correct horse"));
}

TEST_CASE("accounts: a refresh token works once, and its reuse ends the log-in", "[account]") {
  fixture f;
  REQUIRE(f.register_user("ann"));
  const auto first = f.log_in("ann").value();
  const auto other = f.log_in("ann").value();
  const auto second = f.refresh(first.refresh_token).value();
  CHECK(second.refresh_token != first.refresh_token);
  CHECK(f.service->verify(second.access_token).value().username == "ann");
  f.restart();
  // Who lost the answer asks again, and gets the same.
  f.time.advance(29s);
  CHECK(f.refresh(first.refresh_token).value().refresh_token == second.refresh_token);
  f.time.advance(1s);
  const auto reused = error_of(f.refresh(first.refresh_token));
  CHECK(reused.code == errc::unauthenticated);
  CHECK(reused.reason == "invalid_grant");
  CHECK(error_of(f.refresh(second.refresh_token)).reason == "invalid_grant");
  CHECK(f.refresh(other.refresh_token));
}

TEST_CASE("accounts: a log-out everywhere amid a renewal ends what the renewal gives out",
          "[account]") {
  fixture f;
  const auto ann = f.register_user("ann").value();
  const auto first = f.log_in("ann").value();
  std::atomic<int> ended = 0;
  f.before_statement = [&](std::string_view statement) {
    // Between the token's rotation and the look at its user, as another node may.
    if (statement.starts_with("SELECT id, username") && ended.exchange(1) == 0) {
      REQUIRE(f.store->users().end_log_ins(ann.id, f.time.wall()));
    }
  };
  const auto second = f.refresh(first.refresh_token).value();
  REQUIRE(ended == 1);
  REQUIRE(f.service->look_after());
  CHECK(error_of(f.service->verify(second.access_token)).reason == "token_expired");
  CHECK_FALSE(f.refresh(second.refresh_token));
}

TEST_CASE("accounts: a refresh token says whose it is without being used up", "[account]") {
  fixture f;
  const auto ann = f.register_user("Ann").value();
  const auto first = f.log_in("ann").value();
  const auto owner = [&](const std::string& token) {
    return answer_of<identity>([&](auto done) { f.service->identify(token, std::move(done)); });
  };
  for (int i = 0; i < 2; ++i) {
    const auto who = owner(first.refresh_token).value();
    CHECK(who.id == ann.id);
    CHECK(who.username == "Ann");
    CHECK(who.expires_at == f.time.wall() + 900s);
  }
  const auto second = f.refresh(first.refresh_token).value();
  // A page's upgrade may overtake its own renewal: that is no theft and ends nothing.
  for (const auto& bad : {first.refresh_token, std::string(), std::string(64, 'A')}) {
    CHECK(error_of(owner(bad)).reason == "invalid_grant");
  }
  CHECK(owner(second.refresh_token));
  f.time.advance(std::chrono::days(30));
  CHECK(error_of(owner(second.refresh_token)).code == errc::unauthenticated);
}

TEST_CASE("accounts: refresh tokens end by log-out, after 30 days, and when made up", "[account]") {
  fixture f;
  REQUIRE(f.register_user("ann"));
  const auto left = f.log_in("ann").value();
  const auto log_out = [&](const std::string& token) {
    return answer_of<void>([&](auto done) { f.service->log_out(token, std::move(done)); });
  };
  CHECK(log_out(left.refresh_token));
  CHECK(log_out(left.refresh_token));
  CHECK(log_out("nonsense"));
  CHECK_FALSE(f.refresh(left.refresh_token));
  const auto old = f.log_in("ann").value();
  f.time.advance(std::chrono::days(30) - 1s);
  const auto renewed = f.refresh(old.refresh_token).value();
  f.time.advance(std::chrono::days(30));
  CHECK(error_of(f.refresh(renewed.refresh_token)).reason == "invalid_grant");
  for (const auto& text : {std::string(), std::string(64, 'A'), std::string(64, '!'),
                           std::string(100000, 'A'), left.access_token}) {
    CHECK(error_of(f.refresh(text)).reason == "invalid_grant");
  }
}

TEST_CASE("accounts: a stream key stays until it is rotated", "[account]") {
  fixture f;
  const auto ann = f.register_user("ann").value();
  const auto bob = f.register_user("bob").value();
  const auto key = f.stream_key(ann.id).value();
  CHECK(key.size() == 37);
  CHECK(key.starts_with("live_"));
  CHECK(key != f.stream_key(bob.id).value());
  f.restart();
  CHECK(f.stream_key(ann.id).value() == key);
  CHECK(f.owner_of_key(key).value().id == ann.id);

  const auto next = answer_of<std::string>([&](auto done) {
                      f.service->rotate_stream_key(ann.id, std::move(done));
                    }).value();
  CHECK(next != key);
  CHECK(f.stream_key(ann.id).value() == next);
  CHECK(f.owner_of_key(next).value().id == ann.id);
  const auto gone = error_of(f.owner_of_key(key));
  CHECK(gone.code == errc::unauthenticated);
  CHECK(gone.reason == "invalid_stream_key");
  CHECK(error_of(f.owner_of_key("")) == gone);
  CHECK(error_of(f.owner_of_key(key + "x")) == gone);
  CHECK(error_of(f.owner_of_key("live_" + std::string(32, '\0'))) == gone);
  CHECK(error_of(f.stream_key(999)).code == errc::not_found);
}

TEST_CASE("accounts: an administrator is one from the start", "[account]") {
  fixture f;
  CHECK_FALSE(f.service->has_administrator().value());
  const auto made = f.service->create_administrator({"boss", "b@example.org", "long enough!"});
  CHECK(made.value().is_administrator);
  CHECK(f.service->has_administrator().value());
  const auto tokens = f.log_in("boss", "long enough!").value();
  CHECK(f.service->verify(tokens.access_token).value().is_administrator);
  CHECK(error_of(f.service->create_administrator({"x", "b@example.org", "long enough!"})).reason ==
        "invalid_username");
}

TEST_CASE("accounts: a new password ends every log-in", "[account]") {
  fixture f;
  REQUIRE(f.register_user("Ann"));
  const auto before = f.log_in("ann").value();
  const auto set = [&](const std::string& name, const std::string& password) {
    return answer_of<void>(
        [&](auto done) { f.service->set_password(name, password, std::move(done)); });
  };
  CHECK(error_of(set("ann", "short")).reason == "weak_password");
  CHECK(error_of(set("bob", "battery staple")).code == errc::not_found);
  REQUIRE(set("ANN", "battery staple"));
  CHECK_FALSE(f.log_in("ann"));
  CHECK(f.log_in("ann", "battery staple"));
  CHECK_FALSE(f.refresh(before.refresh_token));
}

TEST_CASE("accounts: nothing secret stands in the database", "[account]") {
  fixture f;
  const auto ann = f.register_user("ann", "", "PlainTextPassword").value();
  const auto key = f.stream_key(ann.id).value();
  const auto tokens = f.log_in("ann", "PlainTextPassword").value();
  f.service.reset();
  std::string everything;
  for (const auto& entry : std::filesystem::directory_iterator(f.folder.path)) {
    if (entry.is_regular_file()) {
      std::ifstream file(entry.path(), std::ios::binary);
      everything.append(std::istreambuf_iterator<char>(file), {});
    }
  }
  REQUIRE(everything.find("ann@example.org") != std::string::npos);
  CHECK(everything.find("PlainTextPassword") == std::string::npos);
  CHECK(everything.find(key) == std::string::npos);
  CHECK(everything.find(tokens.refresh_token) == std::string::npos);
}

TEST_CASE("accounts: what does not fit the queues is refused, and everyone is answered",
          "[account]") {
  fixture f;
  constexpr int asked = 2000;
  std::mutex mutex;
  std::condition_variable all;
  int answered = 0;
  int refused = 0;
  for (int i = 0; i < asked; ++i) {
    f.service->register_user(
        {"user" + std::to_string(i), std::to_string(i) + "@example.org", "correct horse"},
        [&](result<user> r) {
          const std::lock_guard lock(mutex);
          refused += !r && r.error().code == errc::unavailable;
          ++answered;
          all.notify_all();
        });
  }
  std::unique_lock lock(mutex);
  REQUIRE(all.wait_for(lock, 60s, [&] { return answered == asked; }));
  CHECK(refused > 0);
  CHECK(refused < asked);
  const auto text = f.counters.text();
  CHECK(text.find("troupe_accounts_refused_total " + std::to_string(refused)) != text.npos);
}

TEST_CASE("accounts: ending the service answers what was asked", "[account]") {
  fixture f;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 20; ++i) {
    f.service->log_in("nobody", {.password = "whatever it is"},
                      [&](result<token_pair>) { ++answered; });
  }
  f.service.reset();
  CHECK(answered == 20);
}

TEST_CASE("accounts: a log-in brings an old hash to the present cost", "[account]") {
  fixture f(4);
  const auto ann = f.register_user("ann").value();
  const auto old = f.store->users().find(ann.id).value().password_hash;
  REQUIRE(f.store->users().renew_password_hash(ann.id, old, hash_password("correct horse", 5)));
  const auto tokens = f.log_in("ann").value();
  while (cost_of(f.store->users().find(ann.id).value().password_hash) != 4) {
    std::this_thread::yield();
  }
  CHECK(f.refresh(tokens.refresh_token));
  CHECK(f.log_in("ann"));
}

TEST_CASE("accounts: counts how log-ins end", "[account]") {
  fixture f;
  REQUIRE(f.register_user("ann"));
  REQUIRE(f.log_in("ann"));
  REQUIRE_FALSE(f.log_in("ann", "wrong password"));
  const auto text = f.counters.text();
  CHECK(text.find(R"(troupe_log_ins_total{grant="password",outcome="granted"} 1)") != text.npos);
  CHECK(text.find(R"(troupe_log_ins_total{grant="password",outcome="wrong"} 1)") != text.npos);
  CHECK(text.find("troupe_registrations_total 1") != text.npos);
}
