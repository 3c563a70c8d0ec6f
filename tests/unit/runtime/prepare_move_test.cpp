// SPDX-License-Identifier: GPL-3.0-or-later
// A behaviour that has something to do before another node has it, and kinds whose commands are
// large.
#include <optional>

#include <catch2/catch.hpp>

#include "runtime/testing/cluster_bench.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace std::chrono_literals;

namespace {

struct step {
  static constexpr std::string_view type = "careful.step";
  static constexpr std::uint32_t version = 1;
  using answer = int;
  bool is_ready = false;  // what is prepared is done
};

template <class Inspector>
auto inspect(Inspector& f, step& x) {
  return f(x.is_ready);
}

struct seen {
  std::vector<std::string> prepared_for;
  std::vector<bool> left;  // each passivation: was it a move?
};

struct careful {
  static constexpr std::string_view kind = "careful";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<step>;

  struct state {
    int steps = 0;
  };

  explicit careful(seen& s) : seen_(s) {}

  result<int> on(context&, const step& m) {
    if (m.is_ready && preparing_) {
      std::exchange(preparing_, std::nullopt)->set({});
    }
    return ++data.steps;
  }

  later<void> prepare_move(context&, const std::string& node) {
    seen_.prepared_for.push_back(node);
    preparing_.emplace();
    return preparing_->answer();
  }

  void passivate(context& ctx) { seen_.left.push_back(ctx.is_leaving()); }

  state data;

 private:
  seen& seen_;
  std::optional<promise<void>> preparing_;
};

template <class Inspector>
auto inspect(Inspector& f, careful::state& x) {
  return f(x.steps);
}

struct careful_cluster {
  explicit careful_cluster(const kind_options& options = {.idle = 1min,
                                                          .placed = placement::near_sender}) {
    cluster.add_kind<careful>([this](const entity_name&) { return std::make_unique<careful>(all); },
                              options);
    REQUIRE(cluster.ask("a", name, step{}) == 1);
    REQUIRE(cluster.home_of(name) == "a");
  }

  seen all;
  const entity_name name{"careful", "1"};
  testing::cluster_bench cluster;
};

}  // namespace

TEST_CASE("prepare_move: it serves until it is prepared, and moves then", "[runtime][move]") {
  careful_cluster c;
  const auto moves = c.cluster.begin_move(c.name, "b");
  c.cluster.advance(1s);
  CHECK(c.all.prepared_for == std::vector<std::string>{"b"});
  CHECK_FALSE(moves->has_value());
  CHECK(c.cluster.ask("c", c.name, step{}) == 2);
  CHECK(c.cluster.home_of(c.name) == "a");
  CHECK(c.cluster.move(c.name, "c").error().reason == "busy");
  CHECK(c.cluster.ask("c", c.name, step{.is_ready = true}) == 3);
  c.cluster.run();
  REQUIRE(moves->has_value());
  REQUIRE(moves->value());
  CHECK(moves->value().value() < 50ms);  // the preparation is no pause
  CHECK(c.all.left == std::vector{true});
  CHECK(c.cluster.home_of(c.name) == "b");
  CHECK(c.cluster.ask("c", c.name, step{}) == 4);
}

TEST_CASE("prepare_move: a preparation without an end does not keep it", "[runtime][move]") {
  careful_cluster c;
  const auto moves = c.cluster.begin_move(c.name, "b");
  c.cluster.advance(11s);
  REQUIRE(moves->has_value());
  CHECK(moves->value());
  CHECK(c.cluster.home_of(c.name) == "b");
}

TEST_CASE("prepare_move: who waits for a move is told when the entity ends before",
          "[runtime][move]") {
  careful_cluster c;
  const auto moves = c.cluster.begin_move(c.name, "b");
  c.cluster.run();
  SECTION("because its node stops") {
    c.cluster.node("a").stop(1s, [](const result<void>&) {});
    c.cluster.advance(2s);
    CHECK(c.all.left == std::vector{false});
  }
  SECTION("because its node is dead to the others") {
    c.cluster.declare_dead("a");
    c.cluster.advance(1s);
  }
  REQUIRE(moves->has_value());
  CHECK_FALSE(moves->value());
}

TEST_CASE("router: commands to a kind travel on its own stream, and in order", "[runtime][move]") {
  careful_cluster c({.idle = 1min, .placed = placement::near_sender, .way = link_stream::media});
  auto& network = c.cluster.network();
  REQUIRE(c.cluster.ask("b", c.name, step{}) == 2);
  const auto from = c.cluster.node("b").open_session();
  std::vector<testing::pending<int>> answers;
  for (int i = 0; i < 5; ++i) {
    answers.push_back(c.cluster.begin("b", from, c.name, step{}));
  }
  REQUIRE(network.peek("b", "a", link_stream::media) != nullptr);
  CHECK(network.peek("b", "a", link_stream::media)->type == step::type);
  CHECK(network.peek("b", "a", link_stream::commands) == nullptr);
  SECTION("whatever is lost") {
    network.drop("b", "a", link_stream::media);
    network.deliver_next();
    network.drop("b", "a", link_stream::media);
  }
  c.cluster.advance(3s);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(answers[static_cast<std::size_t>(i)]->has_value());
    CHECK(answers[static_cast<std::size_t>(i)]->value() == 3 + i);
  }
}
