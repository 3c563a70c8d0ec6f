// SPDX-License-Identifier: GPL-3.0-or-later
// Text from requests: UTF-8, percent-encoding, hosts, cookies. Pure functions; const and
// thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/message.hpp"

namespace troupe::http {

/// How many code points; nothing when it is not UTF-8 (RFC 3629: no surrogates, no overlong forms).
std::optional<std::size_t> count_code_points(std::string_view text);

/// Unicode's category Cc, in text that is UTF-8.
bool has_control_characters(std::string_view text);

/// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);

bool equals_ignoring_case(std::string_view a, std::string_view b);

/// Whether Accept-Encoding, such as "br;q=1.0, gzip;q=0, *" (RFC 9110, 12.5.3), allows a coding by
/// name.
bool accepts_coding(std::string_view list, std::string_view coding);

/// application/x-www-form-urlencoded: '+' is a space; nothing for a broken escape.
std::optional<std::string> decode_form_value(std::string_view text);

/// The host of "host", "host:port" or "[v6]:port", as it can stand in an address; nothing when it
/// is not one (RFC 9110 7.2, with names kept to letters, digits, '-', '.' and '_').
std::optional<std::string_view> host_name(std::string_view host_header);

/// The values of all cookies of the name, from any of the Cookie headers.
std::vector<std::string_view> cookies(const request& r, std::string_view name);

}  // namespace troupe::http
