// SPDX-License-Identifier: GPL-3.0-or-later
// A few threads for work that is dear and that strangers ask for: password hashes. Who waits is
// served by turns, not in the order of coming: each network has its share, each wide block of
// networks (IPv4 /16, IPv6 /48) that of four. Networks a user has logged in from before wait in a
// line of their own, of which every second job is taken: a flood from any number of addresses
// leaves them half of the threads. Source: start-time fair queueing (Goyal, Vin, Cheng, 1996).
// Thread: submit() and close() from any thread. Jobs run on the pool's threads; a dropped one is
// told on the thread that caused it.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.hpp"

namespace troupe::account {

class fair_pool {
 public:
  struct options {
    std::size_t threads = 2;
    std::size_t queue = 64;       ///< jobs waiting in each of the two lines
    std::size_t per_network = 8;  ///< of one network, in the strangers' line
  };

  struct share {
    std::uint64_t network = 0;
    bool is_known = false;
  };

  struct job {
    std::move_only_function<void()> run;
    std::move_only_function<void()> dropped;  ///< called instead of run
  };

  /// name: a metric label.
  fair_pool(std::string name, options o, metrics& m);
  /// Drops what waits, finishes what runs.
  ~fair_pool();
  fair_pool(const fair_pool&) = delete;
  fair_pool& operator=(const fair_pool&) = delete;

  /// Exactly one of the job's functions is called, perhaps before this returns. A full line makes
  /// room for a network that waits for no more than the one furthest back.
  void submit(share whose, job j);
  /// Drops what waits and all that comes.
  void close();

 private:
  struct waiting {
    share whose;
    std::uint64_t tag = 0;  // the turn it is served at
    std::uint64_t order = 0;
    job what;
  };

  struct line {
    std::vector<waiting> jobs;  // few: looked through as a whole
    std::uint64_t turn = 0;     // the tag of what was served last
  };

  std::optional<job> enqueue(share whose, job& j);
  static std::uint64_t tag_of(const line& l, share whose);
  job take_next();
  bool is_idle() const;
  void work();

  const std::string name_;
  const options options_;
  metrics::gauge& waiting_;
  metrics::counter& refused_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::array<line, 2> lines_;  // strangers, known
  std::size_t next_line_ = 0;
  std::uint64_t order_ = 0;
  std::minstd_rand random_{std::random_device{}()};
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace troupe::account
