// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/byte_range.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

http::response ten_digits() {
  const auto piece = [](std::string_view text) {
    return shared_bytes(bytes(text.begin(), text.end()));
  };
  return {200, {}, {piece("012"), piece("3456"), piece("789")}};
}

std::string asked(std::string_view range) {
  auto r = ten_digits();
  http::apply_range(r, range);
  std::string all = std::to_string(r.status) + " ";
  for (const auto& part : r.body) {
    all += as_text(part.view());
  }
  return r.headers.empty() ? all : all + " " + r.headers.front().second;
}

}  // namespace

TEST_CASE("byte_range: cuts over the borders of buffers", "[net][byte_range]") {
  CHECK(asked("bytes=0-0") == "206 0 bytes 0-0/10");
  CHECK(asked("bytes=2-7") == "206 234567 bytes 2-7/10");
  CHECK(asked("bytes=3-6") == "206 3456 bytes 3-6/10");
  CHECK(asked("bytes=4-") == "206 456789 bytes 4-9/10");
  CHECK(asked("bytes=-3") == "206 789 bytes 7-9/10");
  CHECK(asked("bytes=-99") == "206 0123456789 bytes 0-9/10");
  CHECK(asked("bytes=5-99") == "206 56789 bytes 5-9/10");
}

TEST_CASE("byte_range: says when there is nothing in the range", "[net][byte_range]") {
  CHECK(asked("bytes=10-") == "416  bytes */10");
  CHECK(asked("bytes=-0") == "416  bytes */10");
  CHECK(asked("bytes=18446744073709551615-") == "416  bytes */10");
}

TEST_CASE("byte_range: ignores what is no single range", "[net][byte_range]") {
  for (const auto* other :
       {"", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b",
        "bytes=99999999999999999999-", "bytes=+1-2"}) {
    INFO(other);
    CHECK(asked(other) == "200 0123456789");
  }
}

TEST_CASE("byte_range: has nothing to cut from an empty body", "[net][byte_range]") {
  http::response r;
  http::apply_range(r, "bytes=0-");
  CHECK(r.status == 416);
}
