// SPDX-License-Identifier: GPL-3.0-or-later
#include <memory>
#include <optional>
#include <span>

#include "media/segment_cache.hpp"
#include "tests/unit/media/package_fixture.hpp"

using namespace troupe;
using namespace troupe::media;
using namespace troupe::media::test;

namespace {

using holding = segment_cache::holding;

struct fixture {
  manual_clock time;
  metrics numbers;
  cache_options options;
  segment_cache cache{options, time, numbers};
  packaged made = [] {
    synthetic s;
    s.add(0, 10'000, {});
    return package(s.frames);
  }();

  void publish(std::size_t from, std::size_t to) {
    cache.publish(7, "source", std::span(made.outputs).subspan(from, to - from));
  }

  std::shared_ptr<std::optional<cached_answer>> ask(std::string_view file,
                                                    const delivery_directives& d = {}) {
    auto answer = std::make_shared<std::optional<cached_answer>>();
    cache.get(7, file, d, {}, [answer](cached_answer a) { *answer = std::move(a); });
    return answer;
  }
};

}  // namespace

TEST_CASE("segment_cache: says what it holds of a stream", "[media][cache]") {
  fixture f;
  CHECK(f.cache.holds(7) == holding::nothing);
  CHECK(f.cache.live_streams().empty());
  f.publish(0, f.made.outputs.size());
  CHECK(f.cache.holds(7) == holding::live);
  CHECK(f.cache.live_streams() == std::vector<stream_id>{7});
  f.cache.end(7);
  CHECK(f.cache.holds(7) == holding::ended);
  CHECK(f.cache.live_streams().empty());
}

TEST_CASE("segment_cache: finds media that is here, and waits for nothing", "[media][cache]") {
  fixture f;
  CHECK_FALSE(f.cache.find_media(7, "source/0.0.m4s"));
  f.publish(0, f.made.outputs.size());
  const auto part = f.cache.find_media(7, "source/0.0.m4s");
  REQUIRE(part);
  CHECK(part->status == 200);
  CHECK(part->body.at(0).view().data() ==
        f.ask("source/0.0.m4s")->value().body.at(0).view().data());
  CHECK(f.cache.find_media(7, "source/0.m4s"));
  CHECK(f.cache.find_media(7, "source/init-1.mp4"));
  CHECK_FALSE(f.cache.find_media(7, "source/media.m3u8"));
  CHECK_FALSE(f.cache.find_media(7, "master.m3u8"));
  CHECK_FALSE(f.cache.find_media(7, "source/900.m4s"));
  CHECK_FALSE(f.cache.find_media(7, "low/0.m4s"));
}

TEST_CASE("segment_cache: what goes on elsewhere is waited for no longer, and goes later",
          "[media][cache]") {
  fixture f;
  f.publish(0, f.made.outputs.size() / 2);
  const auto blocked = f.ask("source/media.m3u8", {"3", "0", std::nullopt});
  REQUIRE_FALSE(*blocked);
  f.cache.release(7);
  REQUIRE(*blocked);
  CHECK((*blocked)->status == elsewhere_status);
  CHECK(f.cache.find_media(7, "source/0.0.m4s"));  // what was, stays what it was
  f.time.advance(f.options.keep_ended - std::chrono::seconds(1));
  f.cache.release(7);  // again: its time goes on
  SECTION("and is removed when its time is over") {
    f.time.advance(std::chrono::seconds(1));
    f.cache.expire(f.time.now());
    CHECK(f.cache.holds(7) == holding::nothing);
  }
  SECTION("unless it came back") {
    f.publish(f.made.outputs.size() / 2, f.made.outputs.size());
    f.time.advance(f.options.keep_ended);
    f.cache.expire(f.time.now());
    CHECK(f.cache.holds(7) == holding::live);
  }
}

TEST_CASE("segment_cache: an ended stream goes on nowhere", "[media][cache]") {
  fixture f;
  f.publish(0, f.made.outputs.size());
  f.cache.end(7);
  f.cache.release(7);
  f.cache.release(8);
  CHECK(f.cache.holds(7) == holding::ended);
  CHECK(f.ask("source/media.m3u8")->value().status == 200);
}
