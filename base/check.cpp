// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/check.hpp"

#include <cstdlib>

#include "base/log.hpp"

namespace troupe::detail {

void check_failed(const char* condition, const char* why, std::source_location where) {
  log::critical("{}:{}: {} does not hold: {}", where.file_name(), where.line(), condition, why);
  log::flush();
  std::abort();
}

}  // namespace troupe::detail
