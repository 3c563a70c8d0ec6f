// SPDX-License-Identifier: GPL-3.0-or-later
// What users change about their accounts, over a real store.
#include "actors/account/changes.hpp"

#include <fstream>
#include <iterator>
#include <set>

#include "actors/account/second_factor.hpp"
#include "tests/unit/actors/account/account_fixture.hpp"

using namespace troupe;
using namespace troupe::account;
using namespace troupe::account::test;
using namespace std::chrono_literals;
using codes = std::vector<std::string>;

namespace {

class changes_fixture : public fixture {
 public:
  user ann = register_user("Ann").value();

  static proof shown(std::string password = "correct horse", std::string otp = "") {
    return {.password = std::move(password), .otp = std::move(otp)};
  }

  result<token_pair> change_password(const std::string& wanted, proof p = shown()) {
    return answer_of<token_pair>(
        [&](auto done) { service->change_password(ann.id, wanted, p, std::move(done)); });
  }

  result<user> change_email(const std::string& wanted, proof p = shown()) {
    return answer_of<user>(
        [&](auto done) { service->change_email(ann.id, wanted, p, std::move(done)); });
  }

  result<void> log_out_everywhere() {
    return answer_of<void>(
        [&](auto done) { service->log_out_everywhere(ann.id, std::move(done)); });
  }

  result<enrolment> begin(proof p = shown()) {
    return answer_of<enrolment>(
        [&](auto done) { service->begin_second_factor(ann.id, p, std::move(done)); });
  }

  result<confirmed_factor> confirm(const std::string& otp) {
    return answer_of<confirmed_factor>(
        [&](auto done) { service->confirm_second_factor(ann.id, otp, {}, std::move(done)); });
  }

  result<codes> replace_codes(proof p) {
    return answer_of<codes>(
        [&](auto done) { service->replace_recovery_codes(ann.id, p, std::move(done)); });
  }

  result<void> end(proof p) {
    return answer_of<void>(
        [&](auto done) { service->end_second_factor(ann.id, p, std::move(done)); });
  }

  second_factor_state state() {
    return answer_of<second_factor_state>(
               [&](auto done) { service->second_factor(ann.id, std::move(done)); })
        .value();
  }

  /// The authenticator: what it shows now.
  std::string code(const std::string& secret) { return totp_code(raw(secret), now_step()); }

  std::int64_t now_step() const { return totp_step_at(time.wall()); }

  static bytes raw(const std::string& base32) {
    bytes out;
    unsigned bits = 0;
    int have = 0;
    for (const char c : base32) {
      bits = (bits << 5) | static_cast<unsigned>(c >= 'A' ? c - 'A' : c - '2' + 26);
      have += 5;
      if (have >= 8) {
        have -= 8;
        out.push_back(static_cast<std::uint8_t>(bits >> have));
      }
    }
    return out;
  }

  /// Sets a second factor up; its first code is used up.
  std::string enrol() {
    const auto secret = begin().value().secret;
    recovery = confirm(code(secret)).value().recovery_codes;
    return secret;
  }

  codes recovery;
};

}  // namespace

TEST_CASE_METHOD(changes_fixture, "changes: a new password ends every other log-in", "[account]") {
  const auto before = log_in("ann").value();
  CHECK(error_of(change_password("staple the horse", shown("wrong horse"))).reason ==
        "wrong_password");
  CHECK(error_of(change_password("staple the horse", shown("wrong horse"))).code ==
        errc::forbidden);
  CHECK(error_of(change_password("short")).reason == "weak_password");
  CHECK(error_of(change_password("ann@example.org")).reason == "weak_password");
  CHECK(service->verify(before.access_token));

  const auto now = change_password("staple the horse").value();
  CHECK(error_of(service->verify(before.access_token)).reason == "token_expired");
  CHECK(error_of(refresh(before.refresh_token)).reason == "invalid_grant");
  CHECK(service->verify(now.access_token).value().id == ann.id);
  CHECK(refresh(now.refresh_token));
  CHECK_FALSE(log_in("ann"));
  restart();
  CHECK(error_of(service->verify(before.access_token)).reason == "token_expired");
  CHECK(service->verify(now.access_token));
  CHECK(log_in("ann", "staple the horse"));
}

TEST_CASE_METHOD(changes_fixture, "changes: another address, with the password", "[account]") {
  REQUIRE(register_user("bob"));
  CHECK(error_of(change_email("no address")).reason == "invalid_email");
  CHECK(error_of(change_email("new@example.org", shown("wrong horse"))).reason == "wrong_password");
  CHECK(error_of(change_email("BOB@example.org")).reason == "email_taken");
  CHECK(change_email("New@example.org").value().email == "New@example.org");
  CHECK(log_in("new@example.org"));
  CHECK_FALSE(log_in("ann@example.org"));
  CHECK(register_user("carl", "ann@example.org"));
}

TEST_CASE_METHOD(changes_fixture, "changes: log-out everywhere, here, elsewhere, for good",
                 "[account]") {
  const auto other = make().value();
  const auto one = log_in("ann").value();
  const auto two = log_in("ann").value();
  const auto who = service->verify(one.access_token).value();
  CHECK_FALSE(service->has_ended(who));
  REQUIRE(log_out_everywhere());
  CHECK(service->has_ended(who));
  CHECK(error_of(service->verify(one.access_token)).reason == "token_expired");
  CHECK_FALSE(refresh(two.refresh_token));
  const auto asked = [&](const std::string& token) {
    return answer_of<identity>([&](auto done) { service->identify(token, std::move(done)); });
  };
  CHECK_FALSE(asked(two.refresh_token));
  // Another node knows it when it has looked.
  CHECK(other->verify(one.access_token));
  REQUIRE(other->look_after());
  CHECK_FALSE(other->verify(one.access_token));
  CHECK(other->has_ended(who));
  const auto again = log_in("ann").value();
  CHECK(service->verify(again.access_token));
  CHECK(other->verify(again.access_token));
  restart();
  CHECK_FALSE(service->verify(one.access_token));
  CHECK(service->verify(again.access_token));
}

TEST_CASE_METHOD(changes_fixture, "second factor: is set up by its first code", "[account]") {
  CHECK_FALSE(state().is_enabled);
  CHECK(error_of(confirm("123456")).reason == "no_enrolment");
  CHECK(error_of(begin(shown("wrong horse"))).reason == "wrong_password");
  const auto first = begin().value();
  CHECK(first.uri.find("secret=" + first.secret) != std::string::npos);
  const auto second = begin().value();
  CHECK(first.secret != second.secret);
  CHECK_FALSE(state().is_enabled);
  CHECK(log_in("ann"));
  CHECK(error_of(confirm(code(first.secret))).reason == "invalid_otp");
  CHECK(confirm(code(second.secret)).value().recovery_codes.size() == 10);
  CHECK(state().is_enabled);
  CHECK(state().recovery_codes_left == 10);
  CHECK(error_of(begin(shown("correct horse", "000000"))).reason == "invalid_otp");
  CHECK(error_of(confirm(code(second.secret))).reason == "second_factor_enabled");
}

TEST_CASE_METHOD(changes_fixture, "second factor: once it is on, log-ins without it have ended",
                 "[account]") {
  const auto other = make().value();
  const auto thief = log_in("ann").value();
  const auto mine = log_in("ann").value();
  const auto secret = begin().value().secret;
  CHECK_FALSE(confirm("000000"));
  CHECK(service->verify(thief.access_token));
  const auto now = confirm(code(secret)).value().tokens;
  for (const auto& old : {thief, mine}) {
    CHECK(error_of(service->verify(old.access_token)).reason == "token_expired");
    CHECK(error_of(refresh(old.refresh_token)).reason == "invalid_grant");
  }
  CHECK(service->verify(now.access_token).value().id == ann.id);
  CHECK(refresh(now.refresh_token));
  REQUIRE(other->look_after());
  CHECK_FALSE(other->verify(thief.access_token));
  CHECK(other->verify(now.access_token));
  restart();
  CHECK_FALSE(service->verify(thief.access_token));
  CHECK(service->verify(now.access_token));
}

TEST_CASE_METHOD(changes_fixture, "second factor: log-ins need it, each code works once",
                 "[account]") {
  const auto secret = enrol();
  const auto missing = error_of(log_in("ann"));
  CHECK(missing.code == errc::unauthenticated);
  CHECK(missing.reason == "second_factor_required");
  CHECK(error_of(log_in("ann", "wrong horse")).reason == "invalid_credentials");
  CHECK(error_of(log_in("ann", "wrong horse", code(secret))).reason == "invalid_credentials");
  // The code that switched it on is used up, also after a restart.
  CHECK(error_of(log_in("ann", "correct horse", code(secret))).reason == "invalid_otp");
  time.advance(30s);
  const auto next = code(secret);
  CHECK(log_in("ann", "correct horse", next));
  restart();
  CHECK(error_of(log_in("ann", "correct horse", next)).reason == "invalid_otp");
  time.advance(30s);
  CHECK(log_in("ann", "correct horse", code(secret)));
}

TEST_CASE_METHOD(changes_fixture, "second factor: a recovery code stands in, once", "[account]") {
  enrol();
  const auto one = recovery.at(3);
  CHECK(log_in("ann", "correct horse", one));
  CHECK(state().recovery_codes_left == 9);
  restart();
  CHECK(error_of(log_in("ann", "correct horse", one)).reason == "invalid_otp");
  const auto fresh = replace_codes(shown("correct horse", recovery.at(4))).value();
  CHECK(fresh.size() == 10);
  CHECK(error_of(log_in("ann", "correct horse", recovery.at(5))).reason == "invalid_otp");
  CHECK(log_in("ann", "correct horse", fresh.at(0)));
}

TEST_CASE_METHOD(changes_fixture, "second factor: changes need it, and so does its end",
                 "[account]") {
  const auto secret = enrol();
  CHECK(error_of(change_password("staple the horse")).reason == "second_factor_required");
  CHECK(error_of(change_password("staple the horse")).code == errc::forbidden);
  CHECK(error_of(end(shown())).reason == "second_factor_required");
  CHECK(error_of(end(shown("wrong horse", recovery.at(0)))).reason == "wrong_password");
  time.advance(30s);
  REQUIRE(change_email("new@example.org", shown("correct horse", code(secret))));
  REQUIRE(end(shown("correct horse", recovery.at(0))));
  CHECK_FALSE(state().is_enabled);
  CHECK(log_in("ann"));
  CHECK(error_of(end(shown())).reason == "second_factor_disabled");
  CHECK(error_of(replace_codes(shown())).reason == "second_factor_disabled");
}

TEST_CASE_METHOD(changes_fixture, "second factor: an administrator may take it away", "[account]") {
  enrol();
  const auto before = log_in("ann", "correct horse", recovery.at(0)).value();
  const auto remove = [&](user_id id) {
    return answer_of<void>([&](auto done) { service->remove_second_factor(id, std::move(done)); });
  };
  REQUIRE(remove(ann.id));
  CHECK_FALSE(service->verify(before.access_token));
  CHECK(log_in("ann"));
  CHECK(error_of(remove(99)).code == errc::not_found);
}

TEST_CASE_METHOD(changes_fixture, "second factor: guesses of codes are slowed down", "[account]") {
  const auto secret = enrol();
  time.advance(30s);
  std::set<std::string> reasons;
  for (int i = 0; i < 20; ++i) {
    const auto from = client{.network = static_cast<std::uint64_t>(i) + 1};
    reasons.insert(error_of(log_in("ann", "correct horse", "000000", from)).reason);
    // Leaving the code out between guesses does not clear the count.
    reasons.insert(error_of(log_in("ann", "correct horse", "", from)).reason);
  }
  CHECK(reasons ==
        std::set<std::string>{"invalid_otp", "second_factor_required", "too_many_attempts"});
  const auto refused = error_of(log_in("ann", "correct horse", code(secret), {.network = 99}));
  CHECK(refused.reason == "too_many_attempts");
  CHECK(refused.retry_after > 0ms);
  time.advance(5min);
  CHECK(log_in("ann", "correct horse", code(secret), {.network = 99}));
}

TEST_CASE_METHOD(changes_fixture, "second factor: nothing of it stands readable in the database",
                 "[account]") {
  const auto secret = enrol();
  service.reset();
  std::string everything;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path)) {
    if (entry.is_regular_file()) {
      std::ifstream file(entry.path(), std::ios::binary);
      everything.append(std::istreambuf_iterator<char>(file), {});
    }
  }
  REQUIRE(everything.find("Ann@example.org") != std::string::npos);
  CHECK(everything.find(secret) == std::string::npos);
  CHECK(everything.find(std::string(as_text(raw(secret)))) == std::string::npos);
  for (const auto& each : recovery) {
    CHECK(everything.find(each) == std::string::npos);
    CHECK(everything.find(read_recovery_code(each).value()) == std::string::npos);
  }
}

TEST_CASE_METHOD(changes_fixture, "accounts: wrong passwords are slowed down, not locked out",
                 "[account]") {
  const client home{.network = 1};
  const client thief{.network = 2};
  REQUIRE(log_in("ann", "correct horse", "", home));
  std::string last;
  for (int i = 0; i < 10; ++i) {
    last = error_of(log_in("ann", "wrong horse", "", thief)).reason;
  }
  CHECK(last == "too_many_attempts");
  CHECK(error_of(log_in("ann", "correct horse", "", thief)).reason == "too_many_attempts");
  // Names that do not exist are counted alike: nothing tells them apart.
  for (int i = 0; i < 10; ++i) {
    last = error_of(log_in("nobody", "wrong horse", "", client{.network = 3})).reason;
  }
  CHECK(last == "too_many_attempts");
  // A flood from everywhere: who is known gets in, also after a restart.
  for (std::uint64_t i = 0; i < 60; ++i) {
    std::ignore = log_in("ann", "wrong horse", "", client{.network = 100 + i});
  }
  CHECK(error_of(log_in("ann", "correct horse", "", client{.network = 999})).reason ==
        "too_many_attempts");
  CHECK(log_in("ann", "correct horse", "", home));
  CHECK(error_of(change_password("staple the horse", {.password = "no", .from = thief})).reason ==
        "wrong_password");
  time.advance(30s);
  CHECK(log_in("ann", "correct horse", "", client{.network = 999}));
}

TEST_CASE_METHOD(changes_fixture, "accounts: nothing is touched after the last answer",
                 "[account]") {
  for (int i = 0; i < 20; ++i) {
    CHECK(log_in("ann"));
    restart();
  }
}

TEST_CASE_METHOD(changes_fixture, "accounts: a name that looks like another's is taken",
                 "[account]") {
  CHECK(error_of(register_user("_Ann_", "x@example.org")).reason == "username_taken");
  CHECK(error_of(register_user("TroupeSupport", "x@example.org")).reason == "invalid_username");
  REQUIRE(register_user("modern"));
  CHECK(error_of(register_user("modem")).reason == "username_taken");
}

TEST_CASE("accounts: names from before look-alikes were refused are filled in", "[account]") {
  fixture f;
  const storage::user_record old{.id = 5,
                                 .username = "B0b",
                                 .email = "b@example.org",
                                 .password_hash = "x",
                                 .is_administrator = false,
                                 .created_at = f.time.wall()};
  REQUIRE(f.store->users().add(old, {"b0b", "b@example.org", {1}, {1}}));
  f.restart();
  CHECK(f.store->users().names_without_skeleton().value().empty());
  CHECK(error_of(f.register_user("bob")).reason == "username_taken");
}
