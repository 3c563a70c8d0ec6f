// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/peer_calls.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <map>
#include <optional>

#include "runtime/testing/memory_network.hpp"

using namespace troupe;
using app::peer_calls;

namespace {

struct add {
  static constexpr std::string_view type = "admin.add";
  static constexpr std::uint32_t version = 1;
  using answer = std::string;
  std::string what;
};

struct unheard_of {
  static constexpr std::string_view type = "admin.unheard_of";
  static constexpr std::uint32_t version = 1;
  using answer = std::string;
};

/// As a later version of the program asks it.
struct later_add {
  static constexpr std::string_view type = "admin.add";
  static constexpr std::uint32_t version = 2;
  using answer = std::string;
};

template <class Inspector>
auto inspect(Inspector& f, later_add&) {
  return f();
}

template <class Inspector>
auto inspect(Inspector& f, add& x) {
  return f(x.what);
}

template <class Inspector>
auto inspect(Inspector& f, unheard_of&) {
  return f();
}

/// Keeps what is to run later until the test says that it is due.
class hand_executor final : public runtime::detail::executor {
 public:
  class hand_strand final : public runtime::detail::strand {
   public:
    explicit hand_strand(hand_executor& owner) : owner_(owner) {}

    void deliver(runtime::detail::command_ptr) override {}

    void post(runtime::detail::task what) override { what(); }

    void post_after(duration, runtime::detail::task what) override {
      owner_.later.push_back(std::move(what));
    }

    void close() override { owner_.later.clear(); }

   private:
    hand_executor& owner_;
  };

  runtime::detail::strand_ptr make_strand(runtime::detail::command_handler) override {
    return std::make_shared<hand_strand>(*this);
  }

  void all_is_due() {
    auto due = std::exchange(later, {});
    for (auto& what : due) {
      what();
    }
  }

  std::deque<runtime::detail::task> later;
};

class three_members final : public runtime::view_source {
 public:
  std::shared_ptr<const runtime::view> view() const override {
    return std::make_shared<const runtime::view>(
        runtime::view{3,
                      {{"a", 1, runtime::member_state::active, "a:1", {}},
                       {"b", 2, runtime::member_state::active, "b:1", {}},
                       {"c", 3, runtime::member_state::dead, "c:1", {}}}});
  }

  bool may_serve(steady_time) const override { return true; }

  bool may_take_from(std::string_view, std::uint64_t, steady_time) const override { return false; }
};

struct one_node {
  one_node(runtime::testing::memory_network& net, const std::string& name, std::uint64_t i,
           const std::string& other)
      : incarnation(i),
        way(net.make_link(name)),
        calls(*way, members, [this] { return incarnation; }, threads) {
    way->start(
        {[this](std::string_view from, runtime::link_stream on, const runtime::envelope& what) {
           was_for_calls = calls.received(from, on, what);
         },
         [](std::string_view, runtime::peer_state) {}});
    way->set_peers({{other, other + ":1"}});
  }

  std::uint64_t incarnation;
  three_members members;
  hand_executor threads;
  std::unique_ptr<runtime::link> way;
  peer_calls calls;
  bool was_for_calls = false;
};

struct two_nodes {
  two_nodes() { net.run(); }

  std::optional<result<std::string>> ask(const std::string& node, const std::string& what) {
    a.calls.ask(node, add{what}, std::chrono::seconds(1),
                [this](result<std::string> got) { answer = std::move(got); });
    net.run();
    return answer;
  }

  std::optional<result<std::string>> answer;  // outlives the nodes, whose end answers too
  runtime::testing::memory_network net;
  one_node a{net, "a", 1, "b"};
  one_node b{net, "b", 2, "a"};
};

}  // namespace

TEST_CASE("peer calls: a question is answered by the node it is for", "[app][cluster]") {
  two_nodes n;
  n.b.calls.serve<add>([](const add& q, callback<std::string> done) { done(q.what + "!"); });
  const auto got = n.ask("b", "hello");
  REQUIRE(got.has_value());
  CHECK(*got == "hello!");
}

TEST_CASE("peer calls: an error comes back as what it was", "[app][cluster]") {
  two_nodes n;
  n.b.calls.serve<add>([](const add&, callback<std::string> done) {
    done(fail(errc::conflict, "is_there", "it is there already"));
  });
  const auto got = n.ask("b", "x");
  REQUIRE(got.has_value());
  REQUIRE_FALSE(got->has_value());
  CHECK(got->error() == make_error(errc::conflict, "is_there", "it is there already"));
}

TEST_CASE("peer calls: what a node does not know it says so", "[app][cluster]") {
  two_nodes n;
  std::optional<result<std::string>> got;
  n.a.calls.ask(std::string("b"), unheard_of{}, std::chrono::seconds(1),
                [&](result<std::string> x) { got = std::move(x); });
  n.net.run();
  REQUIRE(got.has_value());
  CHECK(got->error().reason == "unknown_question");

  n.b.calls.serve<add>([](const add& q, callback<std::string> done) { done(q.what); });
  got.reset();
  n.a.calls.ask(std::string("b"), later_add{}, std::chrono::seconds(1),
                [&](result<std::string> x) { got = std::move(x); });
  n.net.run();
  REQUIRE(got.has_value());
  CHECK(got->error().reason == "unknown_question");
}

TEST_CASE("peer calls: who does not live is not asked", "[app][cluster]") {
  two_nodes n;
  REQUIRE(n.ask("c", "x").has_value());
  CHECK(n.answer->error().reason == "no_such_node");
  n.answer.reset();
  REQUIRE(n.ask("z", "x").has_value());
  CHECK(n.answer->error().reason == "no_such_node");
}

TEST_CASE("peer calls: silence ends with the deadline, and a late answer is nobody's",
          "[app][cluster]") {
  two_nodes n;
  std::vector<callback<std::string>> waiting;
  n.b.calls.serve<add>(
      [&](const add&, callback<std::string> done) { waiting.push_back(std::move(done)); });
  CHECK_FALSE(n.ask("b", "x").has_value());
  n.a.threads.all_is_due();
  REQUIRE(n.answer.has_value());
  CHECK(n.answer->error().code == errc::deadline_exceeded);
  n.answer.reset();
  REQUIRE(waiting.size() == 1);
  waiting.front()(std::string("late"));
  n.net.run();
  CHECK_FALSE(n.answer.has_value());
}

TEST_CASE("peer calls: a question for another start of the node is not answered",
          "[app][cluster]") {
  two_nodes n;
  bool was_asked = false;
  n.b.calls.serve<add>([&](const add&, callback<std::string> done) {
    was_asked = true;
    done(std::string());
  });
  n.b.incarnation = 9;
  CHECK_FALSE(n.ask("b", "x").has_value());
  CHECK(n.b.was_for_calls);
  CHECK_FALSE(was_asked);
}

TEST_CASE("peer calls: other envelopes are others'", "[app][cluster]") {
  two_nodes n;
  runtime::envelope e;
  e.kind = runtime::envelope_kind::control;
  e.type = "entity.locate";
  e.to_incarnation = 2;
  const bool sent = n.a.way->send("b", runtime::link_stream::commands, std::move(e));
  CHECK(sent);
  n.net.run();
  CHECK_FALSE(n.b.was_for_calls);
}

TEST_CASE("peer calls: the end answers what is open", "[app][cluster]") {
  two_nodes n;
  n.b.calls.serve<add>([](const add&, callback<std::string>) {});
  CHECK_FALSE(n.ask("b", "x").has_value());
  n.a.calls.stop();
  REQUIRE(n.answer.has_value());
  CHECK(n.answer->error().reason == "node_stopping");
}
