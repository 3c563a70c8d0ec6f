// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/kept_answers.hpp"

#include <string>
#include <utility>

#include <boost/json.hpp>

#include "base/log.hpp"

namespace troupe::app {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// Longer than any request may take.
constexpr auto lease = 2min;
constexpr auto sweep_period = 60s;
constexpr int swept_at_once = 500;

storage::answer_key row_of(const http::idempotency_key& key) {
  return {.user = key.user, .route = key.route, .key = key.key};
}

/// What is sealed for one key does not open under another.
std::string purpose_of(const http::idempotency_key& key) {
  return "kept answer " + std::to_string(key.user) + " " + key.route + " " + key.key;
}

wall_time time_of(std::int64_t claim) {
  return wall_time(wall_time::duration(claim));
}

/// Bodies of the API are JSON or nothing.
std::string text_of(const http::response& r) {
  json::array headers;
  for (const auto& [name, value] : r.headers) {
    headers.push_back(json::array{name, value});
  }
  std::string body;
  for (const auto& part : r.body) {
    body += as_text(part.view());
  }
  return json::serialize(
      json::object{{"status", r.status}, {"headers", std::move(headers)}, {"body", body}});
}

result<http::response> response_of(std::string_view text) {
  boost::system::error_code failure;
  const auto value = json::parse(text, failure);
  const auto* o = failure ? nullptr : value.if_object();
  if (o == nullptr || !o->contains("status") || !o->contains("headers") || !o->contains("body")) {
    return fail(errc::data_corrupt, "a kept answer does not parse");
  }
  http::response r{
      .status = static_cast<int>(o->at("status").as_int64()), .headers = {}, .body = {}};
  for (const auto& each : o->at("headers").as_array()) {
    r.headers.emplace_back(each.at(0).as_string(), each.at(1).as_string());
  }
  if (const auto& body = o->at("body").as_string(); !body.empty()) {
    r.body.push_back(shared_bytes(bytes(body.begin(), body.end())));
  }
  return r;
}

}  // namespace

kept_answers::kept_answers(kept_answers_needs n)
    : needs_(std::move(n)),
      evicted_(needs_.counters.make_counter(
          "troupe_http_idempotency_keys_evicted_total",
          "Idempotency keys forgotten before their 24 hours, at a bound")) {}

void kept_answers::begin(http::idempotency_key key, http::fingerprint what,
                         callback<http::begun> done) {
  run_on<http::begun>(
      needs_.pool,
      [self = shared_from_this(), key = std::move(key), what] { return self->claim(key, what); },
      std::move(done));
}

result<http::begun> kept_answers::claim(const http::idempotency_key& key,
                                        const http::fingerprint& what) {
  sweep_if_due();
  const auto claimed = needs_.store.claim(
      row_of(key), what,
      {.life = http::idempotency_life, .lease = lease, .most_of_user = needs_.most_of_user},
      needs_.time.wall());
  if (!claimed) {
    return fail(claimed.error());
  }
  evicted_.add(static_cast<double>(claimed->dropped));
  switch (claimed->what) {
    case storage::answer_claim::first:
      return http::begun{.claim = claimed->since.time_since_epoch().count()};
    case storage::answer_claim::in_use:
      return fail(errc::conflict, "idempotency_key_in_use",
                  "the first request with this Idempotency-Key is not answered yet");
    case storage::answer_claim::reused:
      return fail(errc::conflict, "idempotency_key_reused",
                  "this Idempotency-Key was used for another request");
    case storage::answer_claim::answered:
      break;
  }
  const auto opened = needs_.seal.open(purpose_of(key), claimed->answer);
  if (!opened) {
    return fail(opened.error().with("opening a kept answer"));
  }
  auto earlier = response_of(as_text(*opened));
  if (!earlier) {
    return fail(std::move(earlier.error()));
  }
  return http::begun{.earlier = *std::move(earlier)};
}

void kept_answers::finish(const http::idempotency_key& key, std::int64_t claim,
                          const http::response& answer, std::move_only_function<void()> kept) {
  const auto then = std::make_shared<std::move_only_function<void()>>(std::move(kept));
  needs_.pool.submit(
      [self = shared_from_this(), key, claim, text = text_of(answer), then] {
        const auto sealed = self->needs_.seal.seal(purpose_of(key), as_bytes(text));
        if (auto stored = self->needs_.store.keep(row_of(key), time_of(claim), sealed); !stored) {
          log::warn("an answer is not kept under its Idempotency-Key: {}", stored.error().message);
        }
        (*then)();
      },
      [then] { (*then)(); });
}

void kept_answers::abandon(const http::idempotency_key& key, std::int64_t claim) {
  needs_.pool.submit(
      [self = shared_from_this(), key, claim] {
        if (auto gone = self->needs_.store.release(row_of(key), time_of(claim)); !gone) {
          log::warn("an Idempotency-Key stays in use for a while: {}", gone.error().message);
        }
      },
      [] {});
}

/// By who comes when it is due: without requests there is nothing to sweep soon.
void kept_answers::sweep_if_due() {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(needs_.time.now().time_since_epoch())
          .count();
  auto last = swept_at_s_.load();
  if (now - last < std::chrono::seconds(sweep_period).count() ||
      !swept_at_s_.compare_exchange_strong(last, now)) {
    return;
  }
  const auto removed =
      needs_.store.remove_old(needs_.time.wall() - http::idempotency_life, swept_at_once);
  if (!removed) {
    log::warn("old kept answers not removed: {}", removed.error().message);
  }
}

result<std::shared_ptr<kept_answers>> open_kept_answers(storage::answer_store& store,
                                                        worker_pool& pool, const clock& time,
                                                        metrics& counters,
                                                        const std::filesystem::path& data) {
  auto master = account::read_master_key(data / "master.key");
  if (!master) {
    return fail(master.error().with("sealing kept answers"));
  }
  return std::make_shared<kept_answers>(kept_answers_needs{.store = store,
                                                           .pool = pool,
                                                           .time = time,
                                                           .counters = counters,
                                                           .seal = *std::move(master)});
}

}  // namespace troupe::app
