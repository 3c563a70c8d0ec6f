// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/push_answers.hpp"

#include <catch2/catch.hpp>

namespace troupe::rtmp {
namespace {

stream::resume_point at(std::uint64_t video) {
  stream::resume_point p;
  p.next_video = video;
  return p;
}

}  // namespace

TEST_CASE("push_answers: wakes once for as many as may wait", "[net][rtmp]") {
  push_answers answers(3);
  CHECK_FALSE(answers.put(1, at(1)));
  CHECK_FALSE(answers.put(1, at(2)));
  CHECK(answers.put(1, at(3)));
  CHECK_FALSE(answers.put(1, at(4)));  // the thread is on its way
  const auto all = answers.take();
  CHECK(all.opening == 1);
  CHECK(all.count == 4);
  REQUIRE(all.reached);
  CHECK(all.reached->next_video == 4);
  CHECK_FALSE(all.failure);
  CHECK(answers.take().count == 0);
  CHECK_FALSE(answers.put(1, at(5)));
  CHECK_FALSE(answers.put(1, at(6)));
  CHECK(answers.put(1, at(7)));
}

TEST_CASE("push_answers: wakes at once for an error, and keeps the first", "[net][rtmp]") {
  push_answers answers(8);
  CHECK_FALSE(answers.put(1, at(1)));
  CHECK(answers.put(1, fail(errc::unavailable, "gone")));
  CHECK_FALSE(answers.put(1, fail(errc::deadline_exceeded, "late")));
  const auto all = answers.take();
  CHECK(all.count == 3);
  REQUIRE(all.reached);
  CHECK(all.reached->next_video == 1);
  REQUIRE(all.failure);
  CHECK(all.failure->message == "gone");
}

TEST_CASE("push_answers: forgets what an older opening answers", "[net][rtmp]") {
  push_answers answers(2);
  CHECK(answers.put(1, fail(errc::unavailable, "gone")));
  CHECK_FALSE(answers.put(2, at(1)));  // on its way for the error
  CHECK_FALSE(answers.put(1, fail(errc::unavailable, "gone, said late")));
  const auto all = answers.take();
  CHECK(all.opening == 2);
  CHECK(all.count == 1);
  CHECK_FALSE(all.failure);
  CHECK_FALSE(answers.put(1, fail(errc::unavailable, "later still")));
  CHECK(answers.take().count == 0);
}

}  // namespace troupe::rtmp
