// SPDX-License-Identifier: GPL-3.0-or-later
// net/http/openapi.json, put into the program by troupe_embed().
#pragma once

#include <string_view>

namespace troupe::http {

extern const std::string_view openapi_json;

}  // namespace troupe::http
