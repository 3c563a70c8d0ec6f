// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/address.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using net::ip_address;
using net::trusted_addresses;

TEST_CASE("ip_address: reads and writes both families", "[net][address]") {
  CHECK(ip_address::parse("10.0.0.1")->to_string() == "10.0.0.1");
  CHECK(ip_address::parse("2001:DB8::1")->to_string() == "2001:db8::1");
  CHECK(ip_address::parse("::ffff:10.0.0.1") == ip_address::parse("10.0.0.1"));
  CHECK(ip_address::parse("10.0.0.1")->is_v4());
  CHECK_FALSE(ip_address::parse("::1")->is_v4());
  for (const auto* bad : {"", "localhost", "10.0.0", "10.0.0.256", "10.0.0.1:80", "[::1]", "::1%lo",
                          "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"}) {
    CHECK_FALSE(ip_address::parse(bad));
  }
  CHECK_FALSE(ip_address::parse(std::string_view("10.0.0.1\0", 9)));
}

TEST_CASE("ip_address: knows loopback", "[net][address]") {
  CHECK(ip_address::parse("127.0.0.1")->is_loopback());
  CHECK(ip_address::parse("127.8.9.1")->is_loopback());
  CHECK(ip_address::parse("::1")->is_loopback());
  CHECK(ip_address::parse("::ffff:127.0.0.1")->is_loopback());
  CHECK_FALSE(ip_address::parse("128.0.0.1")->is_loopback());
  CHECK_FALSE(ip_address::parse("::2")->is_loopback());
}

TEST_CASE("ip_address: limits count a customer's IPv6 network as one", "[net][address]") {
  const auto key = [](const char* text) { return ip_address::parse(text)->limit_key(); };
  CHECK(key("2001:db8:1:2::1") == key("2001:db8:1:2:ffff::9"));
  CHECK_FALSE(key("2001:db8:1:2::1") == key("2001:db8:1:3::1"));
  CHECK_FALSE(key("10.0.0.1") == key("10.0.0.2"));
}

TEST_CASE("trusted_addresses: contains its networks and loopback", "[net][address]") {
  const auto t =
      *trusted_addresses::parse({"10.0.0.0/8", "192.0.2.7", "2001:db8::/33", "172.16.0.0/12"});
  for (const auto* in : {"10.255.0.1", "192.0.2.7", "2001:db8:7fff::1", "172.31.0.1", "127.0.0.1",
                         "::1", "::ffff:10.0.0.1"}) {
    INFO(in);
    CHECK(t.contains(*ip_address::parse(in)));
  }
  for (const auto* out : {"11.0.0.1", "192.0.2.8", "2001:db8:8000::1", "172.32.0.1", "::"}) {
    INFO(out);
    CHECK_FALSE(t.contains(*ip_address::parse(out)));
  }
  CHECK(trusted_addresses::parse({"0.0.0.0/0"})->contains(*ip_address::parse("8.8.8.8")));
  CHECK_FALSE(trusted_addresses::parse({"0.0.0.0/0"})->contains(*ip_address::parse("2001:db8::1")));
}

TEST_CASE("trusted_addresses: names the entry that is wrong", "[net][address]") {
  for (const auto* bad :
       {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "proxy.local", "/8", "10.0.0.0/-1"}) {
    INFO(bad);
    const auto r = trusted_addresses::parse({"10.0.0.1", bad});
    REQUIRE_FALSE(r);
    CHECK(r.error().code == errc::invalid_argument);
    CHECK(r.error().message.contains(bad));
  }
}
