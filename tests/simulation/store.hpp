// SPDX-License-Identifier: GPL-3.0-or-later
// The simulated relational store: the table of nodes with its votes, and who owns which entity.
// Calls take time each way; they fail, hang, are carried out though the answer is lost, or late;
// the store is away for all or for some. Every change of a node's state is checked against what
// design.md section 3 says of verdicts. Thread: one.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/cluster/membership_store.hpp"
#include "world.hpp"

namespace troupe::simulation {

class store {
 public:
  struct weather {
    duration least = std::chrono::microseconds(300);
    duration most = std::chrono::milliseconds(4);
    double fails = 0;                ///< not carried out, and said so
    double loses_answer = 0;         ///< carried out, answered with an error after 2 s
    double is_carried_out_late = 0;  ///< answered with an error after 2 s, carried out before 4.5 s
  };

  /// Bugs that tests plant to see that they are found.
  struct plants {
    bool votes_never_lapse = false;
    bool accusers_are_not_looked_at = false;
  };

  struct owned {
    std::string owner;
    std::uint64_t incarnation = 0;
    std::uint64_t epoch = 0;
  };

  store(world& w, plants p) : world_(w), plants_(p) {}

  void set_weather(weather w) { weather_ = w; }

  void stop();
  void start();

  bool is_away() const { return is_away_; }

  void cut(const std::string& node) { cut_.insert(node); }

  void mend(const std::string& node) { cut_.erase(node); }

  void mend_all() { cut_.clear(); }

  /// Carries do_it out some time later, or not, and then calls answered, or not at all where the
  /// caller is gone. This is how everything reaches the store, also what later steps put into it.
  void call(const std::string& node, const std::function<void()>& do_it,
            const std::function<void(std::optional<error>)>& answered);

  // What is carried out, at one moment.
  runtime::node_table table() const;
  result<runtime::join_answer> join(const runtime::join_request& what);
  void change(const runtime::state_change& what);
  void vote(const runtime::vote_request& what);
  /// The claim of design.md section 3: only from nobody, from oneself or from the dead.
  owned claim(const std::string& entity, const std::string& node, std::uint64_t incarnation,
              std::uint64_t expected_epoch);
  owned owner_of(const std::string& entity) const;

  /// Deaths by votes so far, by node name.
  const std::vector<std::string>& verdicts() const { return verdicts_; }

 private:
  struct cast {
    steady_time when;
    bool refused = false;
  };

  runtime::node_row* row_of(const std::string& node, std::uint64_t incarnation);
  bool lives(const std::string& node, std::uint64_t incarnation) const;
  bool stands(std::uint64_t accuser, std::uint64_t accused) const;
  void check_verdict(const runtime::node_row& row) const;

  world& world_;
  plants plants_;
  weather weather_;
  bool is_away_ = false;
  steady_time away_since_{};
  std::optional<steady_time> back_;  ///< after an outage long enough to be noticed
  std::set<std::string> cut_;
  std::uint64_t number_ = 0;
  std::uint64_t newest_ = 0;
  std::map<std::string, runtime::node_row> rows_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, cast> ballots_;
  std::map<std::string, owned> entities_;
  std::vector<std::string> verdicts_;
};

}  // namespace troupe::simulation
