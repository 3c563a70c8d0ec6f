// SPDX-License-Identifier: GPL-3.0-or-later
// What people write: the first line a list of words (each begins with its action, a digit, and ends
// with a comma), the rest a message.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "actors/chat/text_rules.hpp"
#include "actors/chat/word_filter.hpp"
#include "base/check.hpp"

namespace {

using namespace troupe::chat;

std::vector<word_rule> rules_of(std::string_view line) {
  std::vector<word_rule> rules;
  while (!line.empty() && rules.size() < 600) {
    const auto end = line.find(',');
    const auto word = line.substr(0, end);
    line.remove_prefix(end == line.npos ? line.size() : end + 1);
    if (!word.empty()) {
      rules.push_back({std::string(word.substr(1)), static_cast<word_action>(word.front() - '0')});
    }
  }
  return rules;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto line = all.find('\n');
  const auto words = checked_words(rules_of(all.substr(0, line)), 500, 64);
  const auto text = checked_text(line == all.npos ? all : all.substr(line + 1), 500);
  if (words) {
    TROUPE_CHECK(checked_words(*words, 500, 64).has_value(), "a checked list is a good list");
  }
  if (!text) {
    return 0;
  }
  const auto points = count_code_points(*text);
  TROUPE_CHECK(points >= 1 && points <= 500, "an accepted message has 1 to 500 code points");
  const auto again = checked_text(*text, 500);
  TROUPE_CHECK(again && *again == *text, "NFC of NFC is itself");
  TROUPE_CHECK(first_code_points(*text, 500) == *text, "it has no more than 500");
  if (words) {
    const auto found = word_filter(*words).look(*text);
    TROUPE_CHECK(count_code_points(found.text) == points, "masking keeps the number of points");
    TROUPE_CHECK(checked_text(found.text, 500).has_value(), "a masked message is a good message");
    TROUPE_CHECK((found.is_refused || found.is_held) != found.word.empty(),
                 "what acts is named, and nothing else");
  }
  return 0;
}
