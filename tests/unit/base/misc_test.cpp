// SPDX-License-Identifier: GPL-3.0-or-later
#include <catch2/catch.hpp>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"

namespace troupe {

TEST_CASE("to_iso8601: writes milliseconds in UTC", "[base][clock]") {
  CHECK(to_iso8601(from_unix_ms(1'768'473'000'123)) == "2026-01-15T10:30:00.123Z");
}

TEST_CASE("error: context goes in front, the reason stays", "[base][error]") {
  const auto e =
      make_error(errc::conflict, "username_taken", "the name is taken").with("registering ada");
  CHECK(e.code == errc::conflict);
  CHECK(e.reason == "username_taken");
  CHECK(e.message == "registering ada: the name is taken");
  CHECK(make_error(errc::not_found, "no stream 1").reason == "not_found");
}

TEST_CASE("metrics: the same name and labels are one series", "[base][metrics]") {
  metrics m;
  m.make_counter("troupe_things_total", "Things", {{"kind", "a"}}).add(2);
  m.make_counter("troupe_things_total", "Things", {{"kind", "a"}}).add(3);
  m.make_gauge("troupe_depth_jobs", "Depth").set(7);
  m.make_histogram("troupe_wait_seconds", "Wait", {0.1, 1}).observe(0.5);
  const auto text = m.text();
  CHECK(text.find("troupe_things_total{kind=\"a\"} 5") != std::string::npos);
  CHECK(text.find("troupe_depth_jobs 7") != std::string::npos);
  CHECK(text.find("troupe_wait_seconds_bucket{le=\"1\"} 1") != std::string::npos);
}

}  // namespace troupe
