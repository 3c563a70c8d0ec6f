// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/version.hpp"

namespace troupe::app {

std::string_view version() {
  return TROUPE_VERSION;
}

}  // namespace troupe::app
