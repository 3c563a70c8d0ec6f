// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/media_wiring.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <optional>

#include "runtime/testing/cluster_bench.hpp"
#include "tests/unit/net/http/fakes.hpp"

using namespace troupe;
using namespace troupe::app;
using runtime::entity_owner;
using runtime::member_state;

namespace {

struct nudge {
  static constexpr std::string_view type = "sample.nudge";
  static constexpr std::uint32_t version = 1;
  using answer = runtime::accepted;
};

template <class Inspector>
auto inspect(Inspector& f, nudge&) {
  return f();
}

struct sample_stream {
  static constexpr std::string_view kind = "stream";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<nudge>;

  struct state {};

  result<runtime::accepted> on(runtime::context&, const nudge&) { return {}; }

  state data;
};

template <class Inspector>
auto inspect(Inspector& f, sample_stream::state&) {
  return f();
}

const runtime::entity_name sample{"stream", "42"};

struct three_nodes final : runtime::view_source {
  std::shared_ptr<const runtime::view> view() const override { return now; }

  bool may_serve(steady_time) const override { return true; }

  bool may_take_from(std::string_view, std::uint64_t, steady_time) const override { return true; }

  std::shared_ptr<const runtime::view> now = std::make_shared<const runtime::view>(
      runtime::view{7, {{"a", 1, member_state::draining}, {"b", 2, member_state::dead}}});
};

struct fixed_log final : runtime::entity_log {
  void claim(runtime::claim_request, callback<runtime::claim_answer> done) override {
    done(fail(errc::internal, "nobody is to claim"));
  }

  void owner_of(runtime::entity_name name, callback<std::optional<entity_owner>> done) override {
    CHECK(name == sample);
    done(row);
  }

  void commit(std::vector<runtime::commit_entry>,
              callback<std::vector<runtime::commit_outcome>> done) override {
    done(fail(errc::internal, "nobody is to commit"));
  }

  result<std::optional<entity_owner>> row{std::nullopt};
};

}  // namespace

TEST_CASE("media wiring: a stream is here when its activation is ready here", "[app][cluster]") {
  runtime::testing::cluster_bench cluster;
  cluster.add_kind<sample_stream>(
      [](const runtime::entity_name&) { return std::make_unique<sample_stream>(); },
      {.placed = runtime::placement::near_sender});
  CHECK(standing_of(cluster.node("a"), 42) == hls::standing::elsewhere);
  cluster.log().hold(true);
  const auto begun = cluster.begin("a", sample, nudge{});
  cluster.run();
  CHECK(standing_of(cluster.node("a"), 42) == hls::standing::coming);
  cluster.log().hold(false);
  while (cluster.log().release()) {
  }
  cluster.run();
  REQUIRE(begun->has_value());
  CHECK(standing_of(cluster.node("a"), 42) == hls::standing::here);
  CHECK(standing_of(cluster.node("b"), 42) == hls::standing::elsewhere);
  REQUIRE(cluster.move(sample, "b"));
  CHECK(standing_of(cluster.node("a"), 42) == hls::standing::elsewhere);
  CHECK(standing_of(cluster.node("b"), 42) == hls::standing::here);
}

TEST_CASE("media wiring: a stream whose node is gone is looked for while it is unfinished",
          "[app][cluster]") {
  fixed_log log;
  three_nodes members;
  http::testing::fake_streams streams;
  const auto locate = make_stream_locator(log, members, streams);
  const auto found = [&] {
    std::optional<result<std::optional<entity_owner>>> answer;
    locate(42, [&](result<std::optional<entity_owner>> x) { answer = std::move(x); });
    REQUIRE(answer);
    return *answer;
  };
  SECTION("nobody ever had it") {
    CHECK(found() == result<std::optional<entity_owner>>(std::nullopt));
    CHECK(streams.calls == 0);
  }
  SECTION("its node lives, and no more is asked") {
    log.row = entity_owner{"a", 1, 9};
    CHECK(found().value() == log.row.value());
    CHECK(streams.calls == 0);
  }
  SECTION("the store is away") {
    log.row = fail(errc::unavailable, "away");
    CHECK_FALSE(found());
  }
  SECTION("its node is dead, or an earlier start of it was") {
    for (const auto& gone : {entity_owner{"b", 2, 9}, entity_owner{"a", 0, 9}}) {
      log.row = gone;
      for (const auto status : {stream::status::live, stream::status::reconnecting}) {
        streams.all.at(42).status = status;
        CHECK(found().value() == gone);
      }
      for (const auto status : {stream::status::waiting, stream::status::ended}) {
        streams.all.at(42).status = status;
        CHECK_FALSE(found().value());
      }
    }
    streams.failure = make_error(errc::not_found, "no such stream");
    CHECK_FALSE(found().value());
    streams.failure = make_error(errc::unavailable, "away");
    CHECK_FALSE(found());
  }
}
