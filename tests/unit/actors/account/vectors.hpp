// SPDX-License-Identifier: GPL-3.0-or-later
// Published vectors as tests/data/crypto has them: a line each, its words apart, "-" an empty one.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/bytes.hpp"

namespace troupe::account::testing {

inline std::vector<std::vector<std::string>> read_table(const std::string& name) {
  std::ifstream file(TROUPE_SOURCE_DIR "/tests/data/crypto/" + name);
  REQUIRE(file);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) {
      continue;
    }
    std::istringstream words(line);
    auto& row = rows.emplace_back();
    for (std::string word; words >> word;) {
      row.push_back(word == "-" ? "" : word);
    }
  }
  return rows;
}

inline bytes unhex(const std::string& text) {
  bytes data;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    data.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return data;
}

}  // namespace troupe::account::testing
