// SPDX-License-Identifier: GPL-3.0-or-later
// R1 to R4 over three nodes and any schedule: nodes that die and come back, ways that break, a
// store that fails or is slow, names that change hands, in an order drawn from a seed that is
// printed when it fails. More seeds than in a normal run: TROUPE_SEEDS=1000 test_runtime
// "[routing_random]".
#include <catch2/catch.hpp>

#include <cstdlib>
#include <random>

#include "runtime/testing/cluster_bench.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace std::chrono_literals;

namespace {

struct noted {
  std::uint32_t position = 0;
};

template <class Inspector>
auto inspect(Inspector& f, noted& x) {
  return f(x.position);
}

struct note {
  static constexpr std::string_view type = "test.note";
  static constexpr std::uint32_t version = 1;
  using answer = noted;
  std::uint32_t id = 0;
};

template <class Inspector>
auto inspect(Inspector& f, note& x) {
  return f(x.id);
}

struct noted_ids {
  std::vector<std::uint32_t> ids;
};

template <class Inspector>
auto inspect(Inspector& f, noted_ids& x) {
  return f(x.ids);
}

struct read_notes {
  static constexpr std::string_view type = "test.read_notes";
  static constexpr std::uint32_t version = 1;
  using answer = noted_ids;
};

template <class Inspector>
auto inspect(Inspector& f, read_notes&) {
  return f();
}

using record = std::shared_ptr<std::vector<std::uint32_t>>;

template <enum keep Keep>
constexpr std::string_view book_kind = Keep == keep::none ? "sand" : "stone";

/// Keeps the ids it was given; those of a book without a store are recorded outside as well.
template <enum keep Keep>
class book {
 public:
  static constexpr std::string_view kind = book_kind<Keep>;
  static constexpr auto keep = Keep;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<note, read_notes>;

  struct state {
    std::vector<std::uint32_t> ids;

    template <class Inspector>
    friend auto inspect(Inspector& f, state& x) {
      return f(x.ids);
    }
  };

  state data;

  explicit book(record all) : all_(std::move(all)) {}

  result<noted> on(context&, const note& m) {
    data.ids.push_back(m.id);
    all_->push_back(m.id);
    return noted{static_cast<std::uint32_t>(data.ids.size())};
  }

  result<noted_ids> on(context&, const read_notes&) const { return noted_ids{data.ids}; }

 private:
  record all_;
};

using stone = book<keep::snapshot>;
using sand = book<keep::none>;

struct sent_note {
  std::uint32_t id = 0;
  entity_name to;
  session_id from;
  testing::pending<noted> answer;
};

class schedule {
 public:
  explicit schedule(std::uint32_t seed) : chance_(seed) {
    cluster_.add_kind<stone>(
        [all = in_stone_](const entity_name&) { return std::make_unique<stone>(all); });
    cluster_.add_kind<sand>(
        [all = in_sand_](const entity_name&) { return std::make_unique<sand>(all); });
    for (const auto* node : {"a", "b", "c"}) {
      open_sessions(node);
    }
  }

  ~schedule() { sessions_.clear(); }

  schedule(const schedule&) = delete;
  schedule& operator=(const schedule&) = delete;

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      act();
      for (auto left = draw(12); left > 0; --left) {
        (void)cluster_.run_one(chance_);
      }
    }
    calm();
  }

  void check() {
    for (const auto& s : sent_) {
      CAPTURE(s.id);
      REQUIRE(s.answer->has_value());
    }
    for (const auto* id : {"1", "2"}) {
      check_stone({"stone", id});
    }
    // Without a store nothing is done twice either, whoever died.
    auto once = *in_sand_;
    std::ranges::sort(once);
    CHECK(std::ranges::adjacent_find(once) == once.end());
    check_order(*in_sand_, {"sand", "1"});
    CHECK(answered_ > 0);
  }

  std::size_t answered() const { return answered_; }

 private:
  std::uint32_t draw(std::uint32_t below) { return static_cast<std::uint32_t>(chance_() % below); }

  std::string any_node() { return std::string(1, static_cast<char>('a' + draw(3))); }

  void open_sessions(const std::string& node) {
    auto& of_node = sessions_[node];
    of_node.clear();
    for (int i = 0; i < 2; ++i) {
      of_node.push_back(cluster_.node(node).open_session());
    }
  }

  void act() {
    const auto what = draw(100);
    const auto node = any_node();
    if (what < 55) {
      send(node);
    } else if (what < 80) {
      cluster_.pass(std::chrono::milliseconds(1 + draw(30)));
    } else if (what < 86) {
      break_way(node);
    } else if (what < 90) {
      die_or_return(node);
    } else if (what < 92) {
      hand_over(node);
    } else if (what < 94) {
      move(node);
    } else if (what < 96) {
      trouble_store();
    } else if (what < 97) {
      serve_or_not(node);
    } else {
      (void)cluster_.network().drop(node, any_node(), link_stream::commands);
    }
  }

  void send(const std::string& node) {
    if (!cluster_.is_running(node) || sent_.size() >= 400) {
      return;
    }
    static const entity_name names[] = {{"stone", "1"}, {"stone", "2"}, {"sand", "1"}};
    const auto& s = sessions_.at(node)[draw(2)];
    sent_note n{++last_id_, names[draw(3)], s.id(), {}};
    n.answer = cluster_.begin(node, s, n.to, note{n.id}, 5s);
    sent_.push_back(std::move(n));
  }

  void break_way(const std::string& node) {
    const auto other = any_node();
    if (draw(2) == 0) {
      cluster_.network().cut(node, other);
      cluster_.network().lose_contact(node, other);
    } else {
      cluster_.network().mend(node, other);
    }
  }

  void die_or_return(const std::string& node) {
    if (cluster_.is_running(node)) {
      const auto running = std::ranges::count_if(
          sessions_, [&](const auto& s) { return cluster_.is_running(s.first); });
      if (running > 1) {
        sessions_.at(node).clear();
        cluster_.kill(node);
        cluster_.declare_dead(node, std::chrono::milliseconds(draw(1500)));
      }
    } else {
      cluster_.start(node);
      holds_[node] = false;
      open_sessions(node);
    }
  }

  /// As a move, whether the owner is ready or not: its writes are fenced.
  void hand_over(const std::string& node) {
    const entity_name name{"stone", draw(2) == 0 ? "1" : "2"};
    const auto row = cluster_.log().stored(name);
    if (row && cluster_.is_running(node)) {
      cluster_.log().claim({name, node, cluster_.incarnation(node), 1, row->epoch},
                           [](const result<claim_answer>&) {});
    }
  }

  void serve_or_not(const std::string& node) {
    if (cluster_.is_running(node)) {
      auto& holds = holds_[node];
      holds = !holds;
      cluster_.may_serve(node, !holds);
    }
  }

  void move(const std::string& to) {
    static const entity_name names[] = {{"stone", "1"}, {"stone", "2"}, {"sand", "1"}};
    (void)cluster_.begin_move(names[draw(3)], to);
  }

  void trouble_store() {
    auto& log = cluster_.log();
    switch (draw(4)) {
      case 0:
        log.fail_commits(1, draw(2) == 0);
        break;
      case 1:
        log.fail_claims(1);
        break;
      case 2:
        log.hold(true);
        break;
      default:
        log.hold(false);
        while (log.release()) {
        }
    }
  }

  void calm() {
    auto& log = cluster_.log();
    log.hold(false);
    while (log.release()) {
    }
    log.fail_commits(0);
    log.fail_claims(0);
    cluster_.network().mend_all();
    for (const auto* node : {"a", "b", "c"}) {
      if (cluster_.is_running(node)) {
        cluster_.may_serve(node, true);
      }
    }
    cluster_.advance(12s);
  }

  void check_stone(const entity_name& name) {
    const auto* reader = cluster_.is_running("a") ? "a" : cluster_.is_running("b") ? "b" : "c";
    // A write first: whom hand_over() robbed notices only then, and would show what it had.
    sent_.push_back({++last_id_, name, cluster_.session_on(reader).id(), {}});
    sent_.back().answer = cluster_.begin(reader, name, note{last_id_});
    cluster_.advance(5s);
    REQUIRE(sent_.back().answer->has_value());
    const auto read = cluster_.ask(reader, name, read_notes{});
    REQUIRE(read);
    const auto& ids = read->ids;
    auto once = ids;
    std::ranges::sort(once);
    CHECK(std::ranges::adjacent_find(once) == once.end());  // R3
    check_order(ids, name);
    for (const auto& s : sent_) {
      if (s.to != name || !s.answer->value()) {
        continue;
      }
      ++answered_;
      const auto position = (*s.answer)->value().position;
      CAPTURE(s.id, position);
      REQUIRE(position <= ids.size());   // R2
      CHECK(ids[position - 1] == s.id);  // R1: nobody else wrote there
    }
  }

  void check_order(const std::vector<std::uint32_t>& ids, const entity_name& name) {
    std::map<session_id, std::uint32_t> last;
    for (const auto id : ids) {
      const auto& s = sent_.at(id - 1);
      if (s.to != name) {
        continue;
      }
      CAPTURE(id);
      CHECK(id > last[s.from]);  // R4
      last[s.from] = id;
    }
  }

  std::mt19937 chance_;
  record in_stone_ = std::make_shared<std::vector<std::uint32_t>>();
  record in_sand_ = std::make_shared<std::vector<std::uint32_t>>();
  testing::cluster_bench cluster_;
  std::map<std::string, std::vector<session>> sessions_;
  std::map<std::string, bool> holds_;
  std::vector<sent_note> sent_;
  std::uint32_t last_id_ = 0;
  std::size_t answered_ = 0;
};

}  // namespace

TEST_CASE("routing: R1 to R4 over any schedule of faults", "[runtime][routing][routing_random]") {
  const char* wanted = std::getenv("TROUPE_SEEDS");
  const auto seeds = wanted == nullptr ? 40U : static_cast<unsigned>(std::atoi(wanted));
  const char* first = std::getenv("TROUPE_SEED");
  const auto from = first == nullptr ? 1U : static_cast<unsigned>(std::atoi(first));
  std::size_t answered = 0;
  for (unsigned seed = from; seed < from + seeds; ++seed) {
    CAPTURE(seed);
    schedule s(seed);
    s.run(600);
    s.check();
    answered += s.answered();
  }
  CHECK(answered > std::size_t{20} * seeds);
}
