// SPDX-License-Identifier: GPL-3.0-or-later
// Strands as CAF actors: the one place where the runtime touches CAF. Policy "sharing" and
// max-throughput 50 as measured (design.md section 2); "testing" gives the deterministic scheduler.
// Thread: as executor.hpp says.
#pragma once

#include <cstddef>
#include <memory>

#include "runtime/detail/executor.hpp"

namespace caf {
class actor_system;
class actor_system_config;
}  // namespace caf

namespace troupe::runtime::detail {

class caf_executor final : public executor {
 public:
  enum class policy : std::uint8_t { sharing, testing };

  /// threads: 0 for as many as there are cores.
  caf_executor(policy p, std::size_t threads);
  ~caf_executor() override;

  strand_ptr make_strand(command_handler on_command) override;

  caf::actor_system& system() { return *system_; }

 private:
  std::unique_ptr<caf::actor_system_config> config_;
  std::unique_ptr<caf::actor_system> system_;
};

}  // namespace troupe::runtime::detail
