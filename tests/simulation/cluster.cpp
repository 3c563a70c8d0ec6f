// SPDX-License-Identifier: GPL-3.0-or-later
#include "cluster.hpp"

#include <algorithm>

namespace troupe::simulation {

using namespace std::chrono_literals;

namespace {

/// Quartz is within 0.005 %, and a hypervisor's correction within 0.05 %; this is far more.
constexpr std::uint64_t rate_spread_ppm = 4000;

}  // namespace

cluster::cluster(std::uint64_t seed, std::size_t nodes, plants p, bool traced)
    : time(seed, traced), net(time), data(time, p.in_store), planted(p) {
  for (std::size_t i = 0; i < nodes; ++i) {
    add();
  }
}

process& cluster::add() {
  const auto rate = 0.998 + static_cast<double>(time.number_below(rate_spread_ppm)) / 1e6;
  const std::string name(1, static_cast<char>('a' + processes_.size()));
  return processes_.emplace_back(*this, name,
                                 process::clock{.offset = time.between(0s, 100000s), .rate = rate});
}

process* cluster::find(const std::string& name) {
  const auto found = std::ranges::find(processes_, name, &process::name);
  return found == processes_.end() ? nullptr : &*found;
}

void cluster::start_all() {
  for (auto& p : processes_) {
    p.start();
  }
}

void cluster::check() {
  for (const auto& entity : entities_) {
    const process* owner = nullptr;
    for (const auto& p : processes_) {
      if (!p.serves(entity)) {
        continue;
      }
      if (owner != nullptr) {
        time.violated("{} and {} both serve room/{}", owner->name(), p.name(), entity);
      }
      owner = &p;
    }
  }
}

bool cluster::is_well() const {
  const auto table = data.table();
  std::size_t running = 0;
  for (const auto& p : processes_) {
    if (!p.is_running()) {
      continue;
    }
    ++running;
    if (!p.is_active() || !p.may_serve() || p.core().view().number != table.number) {
      return false;
    }
  }
  return running == static_cast<std::size_t>(std::ranges::count_if(table.rows, [](const auto& row) {
           return runtime::is_live(row.who.state);
         }));
}

void cluster::must_get_well(duration within) {
  const auto end = time.now() + within;
  while (time.now() < end && !is_well()) {
    time.run_for(50ms);
  }
  if (is_well()) {
    return;
  }
  std::string who;
  for (const auto& p : processes_) {
    if (p.is_running()) {
      who += fmt::format(" {}: {};", p.name(), p.core().report(p.local()).sentence);
    }
  }
  time.violated("the cluster did not get well in {} s:{}",
                std::chrono::duration_cast<std::chrono::seconds>(within).count(), who);
}

void cluster::right_changed(const process& who, bool may_serve) {
  if (!may_serve && !who.is_leaving()) {
    ++rights_lost[who.name()];
    if (nobody_may_falter) {
      time.violated("{} lost its right to own", who.name());
    }
  }
}

}  // namespace troupe::simulation
