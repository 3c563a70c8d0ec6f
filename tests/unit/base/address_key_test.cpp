// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/address_key.hpp"

#include <string>

#include <catch2/catch.hpp>

using namespace troupe;

TEST_CASE("block_key: the /48 of an IPv6 address, and nothing for IPv4", "[base]") {
  const auto block = [](const char* address) { return block_key(address_key(address)); };
  CHECK(block("2001:db8:1:2::1") == block("2001:db8:1:ffff::1"));
  CHECK(block("2001:db8:1:2::1") != block("2001:db8:2:2::1"));
  CHECK(block("2001:db8:1:2::1").has_value());
  CHECK_FALSE(block("203.0.113.9"));
  CHECK_FALSE(block("::ffff:203.0.113.9"));
  CHECK_FALSE(block("unknown"));
}

TEST_CASE("address_key: one key per IPv4 address and per IPv6 /64", "[base]") {
  CHECK(address_key("203.0.113.9") == address_key("203.0.113.9"));
  CHECK(address_key("203.0.113.9") != address_key("203.0.113.10"));
  CHECK(address_key("::ffff:203.0.113.9") == address_key("203.0.113.9"));
  CHECK(address_key("2001:db8:1:2::1") == address_key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  CHECK(address_key("2001:db8:1:2::1") != address_key("2001:db8:1:3::1"));
  CHECK(address_key("") == address_key("what?"));
  CHECK(address_key(std::string(10'000, '1')) == address_key(""));
}
