// SPDX-License-Identifier: GPL-3.0-or-later
// cluster.conf: whatever stands in it, the answer is a configuration or a list of problems.
#include <cstddef>
#include <cstdint>

#include "app/config.hpp"
#include "base/bytes.hpp"
#include "base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto result = troupe::app::parse_config(troupe::as_text({data, size}), "fuzz", "/");
  if (result) {
    TROUPE_CHECK(!result->nodes.empty(), "an accepted configuration has a node");
  } else {
    TROUPE_CHECK(!result.error().empty(), "a refusal says why");
  }
  return 0;
}
