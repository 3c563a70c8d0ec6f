// SPDX-License-Identifier: GPL-3.0-or-later
// IP addresses as limits and trust see them. No sockets here.
// Thread: plain data.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace troupe::net {

/// IPv4 stands as IPv4-mapped IPv6, so that "::ffff:10.0.0.1" and "10.0.0.1" are the same.
class ip_address {
 public:
  ip_address() = default;

  explicit ip_address(const std::array<std::uint8_t, 16>& octets) : octets_(octets) {}

  /// Without port, brackets or zone.
  static std::optional<ip_address> parse(std::string_view text);

  bool is_v4() const;
  bool is_loopback() const;
  /// "10.0.0.1", "2001:db8::1".
  std::string to_string() const;
  /// What a limit per address counts: the address itself, of IPv6 the /64 that one customer has.
  ip_address limit_key() const;

  const std::array<std::uint8_t, 16>& octets() const { return octets_; }

  friend bool operator==(const ip_address&, const ip_address&) = default;

 private:
  std::array<std::uint8_t, 16> octets_{};
};

/// The addresses of `limits.trusted`; loopback always belongs to it.
class trusted_addresses {
 public:
  /// Each entry: "10.0.0.7", "10.0.0.0/8" or "2001:db8::/32".
  static result<trusted_addresses> parse(const std::vector<std::string>& entries);

  bool contains(const ip_address& address) const;

 private:
  struct network {
    ip_address address;
    unsigned prefix_bits;  // of 128
  };

  std::vector<network> networks_;
};

}  // namespace troupe::net
