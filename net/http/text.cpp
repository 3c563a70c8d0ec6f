// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace troupe::http {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The size of the sequence at the front, 0 when it is none. RFC 3629, section 4.
std::size_t sequence_size(std::string_view text) {
  const auto octet = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto is_tail = [&](std::size_t i) { return (octet(i) & 0xC0U) == 0x80U; };
  const unsigned first = octet(0);
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xC2 && first <= 0xDF) {
    return is_tail(1) ? 2 : 0;
  }
  if (first >= 0xE0 && first <= 0xEF) {
    const bool is_overlong = first == 0xE0 && octet(1) < 0xA0;
    const bool is_surrogate = first == 0xED && octet(1) > 0x9F;
    return is_tail(1) && is_tail(2) && !is_overlong && !is_surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool is_overlong = first == 0xF0 && octet(1) < 0x90;
    const bool is_too_large = first == 0xF4 && octet(1) > 0x8F;
    return is_tail(1) && is_tail(2) && is_tail(3) && !is_overlong && !is_too_large ? 4 : 0;
  }
  return 0;
}

bool is_ipv6(std::string_view text) {
  std::array<unsigned char, 16> address{};
  return text.find('\0') == std::string_view::npos &&  // where inet_pton would stop reading
         inet_pton(AF_INET6, std::string(text).c_str(), address.data()) == 1;
}

bool is_port(std::string_view text) {
  return text.empty() || (text.size() <= 5 &&
                          std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }));
}

}  // namespace

std::optional<std::size_t> count_code_points(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    const auto size = sequence_size(text);
    if (size == 0) {
      return std::nullopt;
    }
    text.remove_prefix(size);
    ++count;
  }
  return count;
}

bool has_control_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    const bool is_c1 = octet == 0xC2 && i + 1 < text.size() &&
                       static_cast<unsigned char>(text[i + 1]) < 0xA0;  // U+0080 to U+009F
    if (octet < 0x20 || octet == 0x7F || is_c1) {
      return true;
    }
  }
  return false;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool accepts_coding(std::string_view list, std::string_view coding) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    const auto entry = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    const auto semicolon = std::min(entry.find(';'), entry.size());
    if (!equals_ignoring_case(trimmed(entry.substr(0, semicolon)), coding)) {
      continue;
    }
    const auto equals = entry.find('=', semicolon);
    const auto weight = equals == entry.npos ? "1" : trimmed(entry.substr(equals + 1));
    return weight.find_first_not_of("0.") != weight.npos;
  }
  return false;
}

std::optional<std::string> decode_form_value(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    const auto digits = text.substr(i + 1, 2);
    unsigned char octet = 0;
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), octet, 16);
    if (digits.size() != 2 || failure != std::errc() || end != digits.data() + 2) {
      return std::nullopt;
    }
    decoded.push_back(static_cast<char>(octet));
    i += 2;
  }
  return decoded;
}

std::optional<std::string_view> host_name(std::string_view host_header) {
  std::string_view name;
  std::string_view port;
  if (host_header.starts_with('[')) {
    const auto end = host_header.find(']');
    if (end == std::string_view::npos || end > INET6_ADDRSTRLEN) {
      return std::nullopt;
    }
    name = host_header.substr(0, end + 1);
    port = host_header.substr(end + 1);
    if (!is_ipv6(name.substr(1, end - 1))) {
      return std::nullopt;
    }
  } else {
    name = host_header.substr(0, host_header.find(':'));
    port = host_header.substr(name.size());
    const bool is_name =
        !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
          return is_alphanumeric(c) || c == '-' || c == '.' || c == '_';
        });
    if (!is_name) {
      return std::nullopt;
    }
  }
  const bool is_whole = port.empty() || (port.front() == ':' && is_port(port.substr(1)));
  return is_whole ? std::optional(name) : std::nullopt;
}

std::vector<std::string_view> cookies(const request& r, std::string_view name) {
  std::vector<std::string_view> all;
  for (const auto& [header, value] : r.headers) {
    if (header != "cookie") {
      continue;
    }
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto pair = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
      const auto equals = pair.find('=');
      if (equals != std::string_view::npos && trimmed(pair.substr(0, equals)) == name) {
        all.push_back(trimmed(pair.substr(equals + 1)));
      }
    }
  }
  return all;
}

}  // namespace troupe::http
