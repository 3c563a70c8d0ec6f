// SPDX-License-Identifier: GPL-3.0-or-later
// docs/limits.md is held to what there is: its metrics are those of docs/operating.md, its tests
// are in the sources.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

namespace troupe::http {
namespace {

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string all_tests(const std::filesystem::path& source) {
  std::string text;
  for (const auto& each : std::filesystem::recursive_directory_iterator(source / "tests/unit")) {
    if (each.path().filename().string().ends_with("_test.cpp")) {
      text += read(each.path());
    }
  }
  return text;
}

TEST_CASE("limits: docs/limits.md names a metric and a test for each", "[net][http]") {
  const std::filesystem::path source = TROUPE_SOURCE_DIR;
  const auto page = read(source / "docs/limits.md");
  const auto operating = read(source / "docs/operating.md");
  const auto tests = all_tests(source);
  const std::regex row(R"(\n\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| `([^|`]+)` (?=\|))");
  const std::regex metric("`(troupe_[a-z_]+)[`{]");
  int rows = 0;
  for (std::sregex_iterator each(page.begin(), page.end(), row), end; each != end; ++each, ++rows) {
    const auto what = (*each)[1].str();
    const auto metrics = (*each)[4].str();
    CAPTURE(what, metrics);
    int found = 0;
    for (std::sregex_iterator m(metrics.begin(), metrics.end(), metric); m != end; ++m, ++found) {
      CHECK(operating.find("| `" + (*m)[1].str() + "` |") != std::string::npos);
    }
    CHECK(found > 0);
    CHECK(tests.find("\"" + (*each)[5].str() + "\"") != std::string::npos);
  }
  // Each line of a table is such a row, but its two heads.
  const auto lines = std::count(page.begin(), page.end(), '\n');
  int others = 0;
  std::smatch found;
  for (auto rest = page; std::regex_search(rest, found, std::regex("\n\\|"));
       rest = found.suffix()) {
    ++others;
  }
  CHECK(rows >= 40);
  CHECK(lines > rows);
  CHECK(others == rows + 2 * 4);
}

}  // namespace
}  // namespace troupe::http
