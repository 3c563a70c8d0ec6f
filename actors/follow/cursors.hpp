// SPDX-License-Identifier: GPL-3.0-or-later
// Where a page of follows ended, as clients carry it: "MICROSECONDS-USER_ID". Pure functions; any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/follow_store.hpp"

namespace troupe::follow {

std::string to_cursor(const storage::follow_place& place);
/// Nothing for what to_cursor() never makes.
std::optional<storage::follow_place> parse_cursor(std::string_view text);

}  // namespace troupe::follow
