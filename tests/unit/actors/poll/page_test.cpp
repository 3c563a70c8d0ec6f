// SPDX-License-Identifier: GPL-3.0-or-later
// docs/writing-a-behaviour.md cannot rot: each of its code blocks stands in the file it names.
#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>
#include <string>

namespace {

std::string text_of(const std::string& path) {
  std::ifstream in(std::string(TROUPE_SOURCE_DIR) + "/" + path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("page: each block of writing-a-behaviour stands in the sources", "[actors][poll]") {
  const auto page = text_of("docs/writing-a-behaviour.md");
  const std::string mark = "<!-- from: ";
  const std::string fence = "```";
  int blocks = 0;
  for (auto at = page.find(mark); at != std::string::npos; at = page.find(mark, at + 1)) {
    const auto path_begin = at + mark.size();
    const auto path = page.substr(path_begin, page.find(" -->", path_begin) - path_begin);
    const auto begin = page.find('\n', page.find(fence, at)) + 1;
    const auto block = page.substr(begin, page.find(fence, begin) - begin);
    CAPTURE(path, block);
    CHECK(block.size() > 20);
    CHECK(text_of(path).find(block) != std::string::npos);
    ++blocks;
  }
  CHECK(blocks >= 10);

  // Code without a mark would escape the comparison.
  int fences = 0;
  for (auto at = page.find(fence); at != std::string::npos; at = page.find(fence, at + 3)) {
    ++fences;
  }
  CHECK(fences == 2 * blocks);
}
