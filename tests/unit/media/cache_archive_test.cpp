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

struct fixture {
  manual_clock time;
  metrics numbers;
  segment_cache from{{}, time, numbers};
  segment_cache to{{.labels = {{"of", "replicas"}}}, time, numbers};
  packaged made = [] {
    synthetic s;
    s.add(0, 21'000, {});
    return package(s.frames);
  }();

  static std::string text(segment_cache& cache, std::string_view file) {
    std::string got;
    cache.get(7, file, {}, {}, [&got](const cached_answer& a) {
      for (const auto& piece : a.body) {
        got += as_text(piece.view());
      }
    });
    return got;
  }
};

}  // namespace

TEST_CASE("cache_archive: a copy makes the same playlists, at every point of a stream",
          "[media][cache]") {
  fixture f;
  for (std::size_t i = 0; i < f.made.outputs.size(); ++i) {
    f.from.publish(7, source_rendition, std::span(f.made.outputs).subspan(i, 1));
    const auto here = f.from.position(7, source_rendition);
    const auto there = f.to.position(7, source_rendition);
    // As a copy that lags is brought up to date: whole segments from the one that was running.
    const auto more = f.from.copy(7, source_rendition, there ? there->next_msn : 0);
    f.to.publish(7, source_rendition, more);
    REQUIRE(f.to.position(7, source_rendition).has_value() == here.has_value());
    if (here) {
      CHECK_FALSE(here->is_beyond(*f.to.position(7, source_rendition)));
      CHECK(f.to.position(7, source_rendition)->reached == here->reached);
      CHECK(fixture::text(f.to, "source/media.m3u8") == fixture::text(f.from, "source/media.m3u8"));
    }
  }
  REQUIRE(f.from.position(7, source_rendition)->next_msn > 5);
  segment_cache whole({.labels = {{"of", "others"}}}, f.time, f.numbers);
  whole.publish(7, source_rendition, f.from.copy(7, source_rendition, 0));
  for (const auto* file : {"source/media.m3u8", "source/init-1.mp4", "source/3.m4s",
                           "source/5.1.m4s", "master.m3u8"}) {
    CAPTURE(file);
    CHECK(fixture::text(whole, file) == fixture::text(f.from, file));
    CHECK_FALSE(fixture::text(whole, file).empty());
  }
}

TEST_CASE("cache_archive: nothing is held of what is not there", "[media][cache]") {
  fixture f;
  CHECK_FALSE(f.from.position(7, source_rendition));
  CHECK(f.from.copy(7, source_rendition, 0).empty());
  f.from.publish(7, source_rendition, f.made.outputs);
  CHECK_FALSE(f.from.position(7, "small"));
  CHECK(f.from.copy(7, source_rendition, 1'000).size() < 4);  // what every copy begins with
}
