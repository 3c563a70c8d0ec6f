// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace troupe::net {
namespace {

constexpr std::size_t v4_offset = 12;  // ::ffff:a.b.c.d
constexpr unsigned v4_prefix_bits = 96;

bool same_network(const ip_address& a, const ip_address& b, unsigned bits) {
  const auto whole = bits / 8;
  if (!std::equal(a.octets().begin(), a.octets().begin() + whole, b.octets().begin())) {
    return false;
  }
  const auto rest = bits % 8;
  const auto mask = static_cast<std::uint8_t>(0xFF00U >> rest);
  return rest == 0 || (a.octets()[whole] & mask) == (b.octets()[whole] & mask);
}

}  // namespace

std::optional<ip_address> ip_address::parse(std::string_view text) {
  // inet_pton wants a terminator; the longest address has 45 characters.
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (text.empty() || text.size() >= buffer.size() || text.find('\0') != text.npos) {
    return std::nullopt;
  }
  std::ranges::copy(text, buffer.begin());
  std::array<std::uint8_t, 16> octets{};
  if (inet_pton(AF_INET6, buffer.data(), octets.data()) == 1) {
    return ip_address(octets);
  }
  octets[10] = octets[11] = 0xFF;
  if (inet_pton(AF_INET, buffer.data(), octets.data() + v4_offset) == 1) {
    return ip_address(octets);
  }
  return std::nullopt;
}

bool ip_address::is_v4() const {
  constexpr std::array<std::uint8_t, v4_offset> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return std::equal(prefix.begin(), prefix.end(), octets_.begin());
}

bool ip_address::is_loopback() const {
  if (is_v4()) {
    return octets_[v4_offset] == 127;
  }
  constexpr std::array<std::uint8_t, 16> one{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return octets_ == one;
}

std::string ip_address::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto* from = octets_.data() + (is_v4() ? v4_offset : 0);
  inet_ntop(is_v4() ? AF_INET : AF_INET6, from, text.data(), text.size());
  return text.data();
}

ip_address ip_address::limit_key() const {
  if (is_v4()) {
    return *this;
  }
  auto network = octets_;
  std::fill(network.begin() + 8, network.end(), std::uint8_t{0});
  return ip_address(network);
}

result<trusted_addresses> trusted_addresses::parse(const std::vector<std::string>& entries) {
  trusted_addresses all;
  for (const auto& entry : entries) {
    const std::string_view text = entry;
    const auto slash = text.find('/');
    const auto address = ip_address::parse(text.substr(0, slash));
    if (!address) {
      return fail(errc::invalid_argument, "'" + entry + "' is not an IP address or network");
    }
    unsigned bits = 128;
    if (slash != text.npos) {
      const auto digits = text.substr(slash + 1);
      const auto* end = digits.data() + digits.size();
      const auto [stop, problem] = std::from_chars(digits.data(), end, bits);
      const bool is_v4_form = text.find(':') == text.npos;
      const unsigned offset = is_v4_form ? v4_prefix_bits : 0;
      if (problem != std::errc{} || stop != end || bits > 128 - offset) {
        return fail(errc::invalid_argument, "'" + entry + "' has no valid prefix length");
      }
      bits += offset;
    }
    all.networks_.push_back({*address, bits});
  }
  return all;
}

bool trusted_addresses::contains(const ip_address& address) const {
  return address.is_loopback() || std::ranges::any_of(networks_, [&](const network& n) {
           return same_network(address, n.address, n.prefix_bits);
         });
}

}  // namespace troupe::net
