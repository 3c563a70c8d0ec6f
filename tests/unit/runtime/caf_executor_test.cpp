// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/caf/caf_executor.hpp"

#include <future>
#include <memory>
#include <thread>

#include <catch2/catch.hpp>

namespace troupe::runtime::detail {

TEST_CASE("caf_executor: ends while a thread that made a strand lives on", "[runtime][threads]") {
  // A worker of the store's pool often is the first to reach an entity, and outlives the runtime.
  std::promise<void> made;
  std::promise<void> ended;
  auto executor = std::make_unique<caf_executor>(caf_executor::policy::sharing, 1);
  std::thread worker([&, gate = ended.get_future()] {
    executor->make_strand({})->close();
    made.set_value();
    gate.wait();
  });
  made.get_future().wait();
  executor.reset();  // waited for ever before
  ended.set_value();
  worker.join();
  SUCCEED();
}

}  // namespace troupe::runtime::detail
