// SPDX-License-Identifier: GPL-3.0-or-later
#include <catch2/catch.hpp>

#include "actors/viewer/resume_token.hpp"

namespace troupe::viewer {
namespace {

using namespace std::chrono_literals;

account::digest key_of(std::uint8_t fill) {
  account::digest key{};
  key.fill(fill);
  return key;
}

}  // namespace

TEST_CASE("resume_token: tells what it was made of", "[actors][viewer]") {
  manual_clock time;
  const resume_tokens tokens(key_of(1), time);
  const resume_point point{48213, 7, (std::int64_t{1} << 53) - 1, random_session()};
  const auto text = tokens.make(point);
  CHECK(text.size() < 160);
  const auto read = tokens.read(text);
  REQUIRE(read);
  CHECK(read->room == point.room);
  CHECK(read->user == point.user);
  CHECK(read->last_seq == point.last_seq);
  CHECK(read->session == point.session);
  CHECK(random_session() != random_session());
  CHECK(session_of(text_of(point.session)) == point.session);
  CHECK_FALSE(session_of("0123"));
  CHECK_FALSE(session_of(std::string(32, 'g')));
}

TEST_CASE("resume_token: ends after an hour", "[actors][viewer]") {
  manual_clock time;
  const resume_tokens tokens(key_of(1), time);
  const auto text = tokens.make({1, 2, 3, {}});
  time.advance(1h);
  CHECK(tokens.read(text));
  time.advance(1s);
  CHECK_FALSE(tokens.read(text));
  // From a node whose clock is far ahead.
  manual_clock behind;
  behind.advance(1h - 2min);
  CHECK_FALSE(resume_tokens(key_of(1), behind).read(tokens.make({1, 2, 3, {}})));
}

TEST_CASE("resume_token: no bit of it can be another", "[actors][viewer]") {
  manual_clock time;
  const resume_tokens tokens(key_of(1), time);
  const auto text = tokens.make({1, 2, 3, random_session()});
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char c : {'A', 'b', '0', '-', '=', ' '}) {
      auto other = text;
      other[i] = c;
      CHECK((other == text || !tokens.read(other)));
    }
    CHECK_FALSE(tokens.read(text.substr(0, i)));
  }
  CHECK_FALSE(tokens.read(text + "A"));
  CHECK_FALSE(resume_tokens(key_of(2), time).read(text));
}

}  // namespace troupe::viewer
