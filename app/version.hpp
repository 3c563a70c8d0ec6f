// SPDX-License-Identifier: GPL-3.0-or-later
// Which version of Troupe this is; the number stands in CMakeLists.txt alone.
#pragma once

#include <string_view>

namespace troupe::app {

std::string_view version();

}  // namespace troupe::app
