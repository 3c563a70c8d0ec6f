// SPDX-License-Identifier: GPL-3.0-or-later
// Answers kept over restarts and between nodes, on a real database.
#include "app/kept_answers.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <future>
#include <iterator>
#include <optional>

#include "storage/database.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe::app {
namespace {

using test::temporary_folder;
constexpr auto patience = std::chrono::seconds(60);

/// One node on a database that others may have too.
struct node_of {
  metrics counters;
  std::unique_ptr<storage::database> store;
  worker_pool pool{"kept", 2, 100, counters};
  std::shared_ptr<kept_answers> answers;

  node_of(const std::filesystem::path& folder, const clock& time) {
    auto opened =
        storage::database::open("sqlite:" + (folder / "troupe.db").string(), time, counters);
    REQUIRE(opened);
    store = std::move(*opened);
    storage::user_record ann;
    ann.id = 1;
    ann.username = ann.email = "ann";
    ann.created_at = time.wall();
    std::ignore = store->users().add(ann, {"ann", "ann", {}, {1}});  // unless she is there
    auto made = open_kept_answers(store->answers(), pool, time, counters, folder);
    REQUIRE(made);
    answers = *made;
  }

  ~node_of() { pool.close(patience); }

  static http::idempotency_key key(const std::string& text) {
    return {.user = 1, .route = "/api/v1/streams/start", .key = text};
  }

  result<http::begun> begin(const std::string& text, std::uint8_t what = 0) {
    auto told = std::make_shared<std::promise<result<http::begun>>>();
    auto answer = told->get_future();
    answers->begin(key(text), http::fingerprint{what},
                   [told](result<http::begun> b) { told->set_value(std::move(b)); });
    REQUIRE(answer.wait_for(patience) == std::future_status::ready);
    return answer.get();
  }

  std::string code(const result<http::begun>& b) {
    return b ? (b->earlier ? "replay" : "first") : b.error().reason;
  }

  /// Claims it, and answers with that.
  void answer(const std::string& text, const http::response& with) {
    const auto claimed = begin(text);
    REQUIRE(code(claimed) == "first");
    auto told = std::make_shared<std::promise<int>>();
    auto done = told->get_future();
    http::idempotency_claim(answers, key(text), claimed->claim)
        .finish(with, [told](const http::response& r) { told->set_value(r.status); });
    REQUIRE(done.wait_for(patience) == std::future_status::ready);
    CHECK(done.get() == with.status);
  }
};

http::response secret_answer() {
  const std::string body = R"({"stream_id":5,"stream_key":"live_verysecretkey"})";
  return {.status = 200,
          .headers = {{"Content-Type", "application/json"}, {"Location", "/5"}},
          .body = {shared_bytes(bytes(body.begin(), body.end()))}};
}

struct folder_with_key {
  temporary_folder folder;
  manual_clock time;

  folder_with_key() { REQUIRE(account::make_master_key(folder.path / "master.key")); }
};

}  // namespace

TEST_CASE("kept answers: the first answer is given by every node, and after a restart", "[app]") {
  folder_with_key f;
  {
    node_of first(f.folder.path, f.time);
    node_of second(f.folder.path, f.time);
    first.answer("k", secret_answer());
    CHECK(second.code(second.begin("k")) == "replay");
    CHECK(second.code(second.begin("k", 9)) == "idempotency_key_reused");
    CHECK(second.code(second.begin("other")) == "first");
    CHECK(first.code(first.begin("other")) == "idempotency_key_in_use");
  }
  node_of again(f.folder.path, f.time);
  const auto replayed = again.begin("k");
  REQUIRE(replayed);
  REQUIRE(replayed->earlier);
  const auto wanted = secret_answer();
  CHECK(replayed->earlier->status == 200);
  CHECK(replayed->earlier->headers == wanted.headers);
  REQUIRE(replayed->earlier->body.size() == 1);
  CHECK(as_text(replayed->earlier->body[0].view()) == as_text(wanted.body[0].view()));
  f.time.advance(http::idempotency_life);
  CHECK(again.code(again.begin("k")) == "first");
}

TEST_CASE("kept answers: \"later\" and what got lost leave the key free", "[app]") {
  folder_with_key f;
  node_of n(f.folder.path, f.time);
  const int status = GENERATE(429, 503);
  n.answer("k", {.status = status, .headers = {}, .body = {}});
  n.pool.close(patience);  // what was abandoned is let go by a job
  node_of next(f.folder.path, f.time);
  CHECK(next.code(next.begin("k")) == "first");
  CHECK(next.code(next.begin("k")) == "idempotency_key_in_use");  // this one is lost
  f.time.advance(std::chrono::minutes(2));
  CHECK(next.code(next.begin("k")) == "first");
}

TEST_CASE("kept answers: nothing of them stands readable in the database", "[app]") {
  folder_with_key f;
  {
    node_of n(f.folder.path, f.time);
    n.answer("k", secret_answer());
  }
  std::string all;
  for (const auto& each : std::filesystem::directory_iterator(f.folder.path)) {
    std::ifstream file(each.path(), std::ios::binary);
    all.append(std::istreambuf_iterator<char>(file), {});
  }
  CHECK(all.find("/api/v1/streams/start") != std::string::npos);  // the row is there
  CHECK(all.find("verysecret") == std::string::npos);
}

TEST_CASE("kept answers: a pool without room refuses, and still answers", "[app]") {
  folder_with_key f;
  node_of n(f.folder.path, f.time);
  const auto claimed = n.begin("k");
  REQUIRE(n.code(claimed) == "first");
  n.pool.close();
  CHECK(n.code(n.begin("other")) == "queue_full");
  int told = 0;
  http::idempotency_claim(n.answers, node_of::key("k"), claimed->claim)
      .finish(secret_answer(), [&](const http::response& r) { told = r.status; });
  CHECK(told == 200);
}

}  // namespace troupe::app
