// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/stored_entity_log.hpp"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <mutex>
#include <set>

using namespace troupe;
using namespace troupe::app;

namespace {

/// Answers claims when it is let; remembers the statements it was asked for.
class gated_store final : public storage::entity_store {
 public:
  result<storage::entity_record> claim(const storage::entity_claim&) override { return unused(); }

  result<std::vector<storage::claim_outcome>> claim_batch(
      std::span<const storage::entity_claim> wanted) override {
    std::unique_lock lock(mutex_);
    statements_.emplace_back();
    std::vector<storage::claim_outcome> out;
    for (const auto& w : wanted) {
      statements_.back().push_back(w.name);
      storage::claim_outcome o;
      o.verdict = verdict_;
      o.entity.owner = "b";
      o.entity.incarnation = 7;
      o.entity.epoch = 3;
      o.before = {w.name, "c", 5, 2};
      out.push_back(std::move(o));
    }
    changed_.notify_all();
    changed_.wait(lock, [this] { return is_open_; });
    if (fails_) {
      return fail(errc::unavailable, "the store is away");
    }
    return out;
  }

  result<storage::entity_record> load(std::string_view) override { return unused(); }

  result<std::vector<storage::commit_outcome>> commit_batch(
      std::span<const storage::entity_write>) override {
    return unused();
  }

  result<std::vector<storage::entity_owner>> owner_of(std::span<const std::string> names) override {
    if (names.front() == "poll/none") {
      return {};
    }
    return std::vector{storage::entity_owner{names.front(), "b", 7, 3}};
  }

  result<std::vector<storage::entity_owner>> owned_by(std::string_view, std::int64_t,
                                                      std::string_view, int) override {
    return unused();
  }

  result<std::int64_t> count_owned(std::string_view, std::int64_t) override { return unused(); }

  void open(bool fails = false) {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    fails_ = fails;
    changed_.notify_all();
  }

  void answer_with(storage::claim_verdict v) {
    const std::lock_guard lock(mutex_);
    verdict_ = v;
  }

  void wait_for_statements(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return statements_.size() >= count; });
  }

  std::vector<std::vector<std::string>> statements() {
    const std::lock_guard lock(mutex_);
    return statements_;
  }

 private:
  static std::unexpected<error> unused() { return fail(errc::unsupported, "not asked for here"); }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::vector<std::string>> statements_;
  storage::claim_verdict verdict_ = storage::claim_verdict::claimed;
  bool is_open_ = false;
  bool fails_ = false;
};

struct fixture {
  metrics figures;
  gated_store store;
  std::mutex mutex;
  std::condition_variable answered;
  std::vector<result<runtime::claim_answer>> answers;
  worker_pool pool{"test", 3, 1000, figures};
  stored_entity_log log{store, pool};

  void claim(const std::string& id) {
    log.claim({{"poll", id}, "a", 1, 1, {}}, [this](result<runtime::claim_answer> got) {
      const std::lock_guard lock(mutex);
      answers.push_back(std::move(got));
      answered.notify_all();
    });
  }

  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    REQUIRE(
        answered.wait_for(lock, std::chrono::seconds(30), [&] { return answers.size() >= count; }));
  }
};

}  // namespace

TEST_CASE("stored_entity_log: claims gather while others are with the store", "[app]") {
  fixture f;
  f.claim("x");
  f.claim("y");
  f.store.wait_for_statements(2);  // nobody waits for company
  for (int i = 0; i < 300; ++i) {
    f.claim(std::to_string(i));
  }
  f.claim("0");  // the same again, of a later attempt
  f.store.open();
  f.wait_for(303);
  const auto statements = f.store.statements();
  CHECK(statements.size() == 4);
  std::size_t names = 0;
  for (const auto& s : statements) {
    CHECK(s.size() <= storage::most_claims);
    CHECK(std::set(s.begin(), s.end()).size() == s.size());
    names += s.size();
  }
  CHECK(names == 303);
  for (const auto& a : f.answers) {
    CHECK(a);
  }
}

TEST_CASE("stored_entity_log: an error is everybody's, and the next are asked again", "[app]") {
  fixture f;
  f.claim("x");
  f.store.open(true);
  f.wait_for(1);
  CHECK(f.answers[0].error().code == errc::unavailable);
  f.store.open(false);
  f.claim("x");
  f.wait_for(2);
  CHECK(f.answers[1]);
}

TEST_CASE("stored_entity_log: verdicts become what the runtime knows", "[app]") {
  using storage::claim_verdict;
  fixture f;
  f.store.open();
  const runtime::entity_owner owner{"b", 7, 3};
  std::size_t asked = 0;
  const auto answer = [&](claim_verdict v) {
    f.store.answer_with(v);
    f.claim("x");
    f.wait_for(++asked);
    return f.answers.back();
  };
  const auto claimed = std::get<runtime::stored_entity>(answer(claim_verdict::claimed).value());
  CHECK(claimed.epoch == 3);
  CHECK(claimed.before == runtime::entity_owner{"c", 5, 2});
  CHECK(std::get<runtime::entity_owner>(answer(claim_verdict::owned_elsewhere).value()) == owner);
  CHECK(std::get<runtime::entity_owner>(answer(claim_verdict::moved).value()) == owner);
  CHECK(answer(claim_verdict::newer_version).error().reason == "newer_version");
  CHECK(answer(claim_verdict::not_a_member).error().reason == "not_a_member");
  CHECK(answer(claim_verdict::contended).error().reason == "store_busy");

  std::optional<result<std::optional<runtime::entity_owner>>> got;
  for (const auto* id : {"x", "none"}) {
    f.log.owner_of({"poll", id}, [&](result<std::optional<runtime::entity_owner>> o) {
      const std::lock_guard lock(f.mutex);
      got = std::move(o);
      f.answered.notify_all();
    });
    std::unique_lock lock(f.mutex);
    REQUIRE(f.answered.wait_for(lock, std::chrono::seconds(30), [&] { return got.has_value(); }));
    CHECK(got->value().has_value() == (std::string_view(id) == "x"));
    got.reset();
  }
}
