// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/word_filter.hpp"

#include <random>

#include <catch2/catch.hpp>

#include "actors/chat/text_rules.hpp"

namespace troupe::chat {
namespace {

word_filter of(std::initializer_list<word_rule> rules) {
  return word_filter(std::vector<word_rule>(rules));
}

std::string masked(const char* word, const char* text) {
  return of({{word, word_action::mask}}).look(text).text;
}

}  // namespace

TEST_CASE("word filter: matches words, not parts of them", "[actors][chat]") {
  CHECK(masked("ass", "an ass") == "an ***");
  CHECK(masked("ass", "a class") == "a class");
  CHECK(masked("ass", "assume") == "assume");
  CHECK(masked("ass", "ass") == "***");
  CHECK(masked("ass", "(ass), ass!") == "(***), ***!");
  CHECK(masked("ass", "ass1") == "ass1");
  CHECK(masked("ass", "ass_ass") == "***_***");
  CHECK(masked("c++", "I do c++17") == "I do ***17");  // ends with no letter: matches anywhere
  CHECK(masked("two words", "no two words here") == "no ********* here");
  CHECK(masked("cafe", "caf\u00E9") == "caf\u00E9");
  CHECK(masked("caf", "caf\u00E9s") == "caf\u00E9s");
}

TEST_CASE("word filter: scripts without spaces match anywhere", "[actors][chat]") {
  CHECK(masked("馬鹿", "お前は馬鹿だ") == "お前は**だ");
  CHECK(masked("ばか", "ばかり") == "**り");
  CHECK(masked("か", "が") == "が");  // another letter, not a decorated one
  CHECK(masked("บ้า", "คนบ้านะ") == "คน***นะ");
  CHECK(masked("바보", "바보야") == "**야");
}

TEST_CASE("word filter: case, width and invisible characters do not hide a word",
          "[actors][chat]") {
  CHECK(masked("spam", "SPAM Spam") == "**** ****");
  CHECK(masked("SPAM", "spam") == "****");
  CHECK(masked("spam", "ｓｐａｍ") == "****");
  CHECK(masked("spam", "s\u200Bpa\u00ADm") == "*\u200B**\u00AD*");
  CHECK(masked("strasse", "STRASSE stra\u00DFe") == "******* ******");
  CHECK(masked("fin", "\uFB01n") == "**");  // the ligature is two letters
  CHECK(masked("ｶﾞ", "ガ") == "*");
}

TEST_CASE("word filter: refusing goes before holding, holding before masking", "[actors][chat]") {
  const auto filter =
      of({{"mask", word_action::mask}, {"hold", word_action::hold}, {"stop", word_action::refuse}});
  const auto all = filter.look("mask hold stop hold");
  CHECK(all.is_refused);
  CHECK(all.word == "stop");
  const auto some = filter.look("mask hold");
  CHECK_FALSE(some.is_refused);
  CHECK(some.is_held);
  CHECK(some.word == "hold");
  CHECK(some.text == "**** hold");
  const auto none = filter.look("nothing");
  CHECK_FALSE(none.is_held);
  CHECK(none.word.empty());
  CHECK(none.text == "nothing");
  CHECK(word_filter().look("x").text == "x");
}

TEST_CASE("word filter: finds words within and across words", "[actors][chat]") {
  const auto filter = of({{"あい", word_action::mask},
                          {"あいうえ", word_action::mask},
                          {"いう", word_action::hold},
                          {"うえお", word_action::refuse}});
  CHECK(filter.look("あいう").is_held);
  CHECK(filter.look("あいう").text == "**う");
  CHECK(filter.look("あいうえ").text == "****");
  CHECK(filter.look("あいうえお").is_refused);
  CHECK(filter.look("いうえお").is_refused);
}

TEST_CASE("word filter: agrees with looking for each word at each place", "[actors][chat]") {
  std::mt19937 random(7);
  const std::vector<std::string> letters = {"あ", "い", "う"};
  const auto text_of = [&](std::size_t length) {
    std::string out;
    for (std::size_t i = 0; i < length; ++i) {
      out += letters[random() % letters.size()];
    }
    return out;
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<word_rule> rules;
    for (std::size_t i = 0; i < 1 + random() % 6; ++i) {
      rules.push_back({text_of(1 + random() % 4), word_action::mask});
    }
    const auto text = text_of(random() % 15);
    std::vector<bool> hidden(text.size() / 3, false);
    for (const auto& rule : rules) {
      for (auto at = text.find(rule.word); at != std::string::npos;
           at = text.find(rule.word, at + 3)) {
        std::fill_n(hidden.begin() + static_cast<std::ptrdiff_t>(at / 3), rule.word.size() / 3,
                    true);
      }
    }
    std::string expected;
    for (std::size_t i = 0; i < hidden.size(); ++i) {
      expected += hidden[i] ? "*" : text.substr(i * 3, 3);
    }
    REQUIRE(word_filter(rules).look(text).text == expected);
  }
}

TEST_CASE("word filter: a hostile list and text stay cheap", "[actors][chat]") {
  std::vector<word_rule> rules;
  for (std::size_t i = 0; i < 500; ++i) {
    rules.push_back({std::string(1 + i % 64, '*') + std::to_string(i), word_action::mask});
  }
  const word_filter filter(rules);
  const std::string text(500, '*');
  CHECK(filter.look(text).text == text);
  std::string large;
  for (int i = 0; i < 500; ++i) {
    large += "\uFDFA";  // folds into 18 code points each
  }
  CHECK(filter.look(large).text == large);
}

TEST_CASE("word filter: checks a list", "[actors][chat]") {
  const auto checked = checked_words(
      {{"One", word_action::mask}, {"oNE", word_action::refuse}, {"e\u0301", word_action::hold}},
      500, 64);
  REQUIRE(checked);
  REQUIRE(checked->size() == 2);
  CHECK((*checked)[0].word == "One");
  CHECK((*checked)[1].word == "\u00E9");
  for (const auto& wrong :
       {word_rule{"", word_action::mask}, word_rule{"\u200B", word_action::mask},
        word_rule{"a\nb", word_action::mask}, word_rule{std::string(65, 'x'), word_action::mask},
        word_rule{"x", static_cast<word_action>(9)}}) {
    const auto r = checked_words({wrong}, 500, 64);
    REQUIRE_FALSE(r);
    CHECK(r.error().reason == "invalid_words");
  }
  CHECK_FALSE(checked_words({{"a", word_action::mask}, {"b", word_action::mask}}, 1, 64));
}

TEST_CASE("word filter: a mask leaves bidirectional controls balanced", "[actors][chat]") {
  const word_filter filter({{"spam", word_action::mask}});
  const std::string rlo = "\u202E";
  const std::string pdf = "\u202C";
  CHECK(filter.look("a sp" + rlo + "am x" + pdf).text == "a **" + rlo + "** x" + pdf);
  CHECK(filter.look(rlo + "sp" + pdf + "am").text == rlo + "**" + pdf + "**");
  CHECK(filter.look("sp\u200Bam").text == "**\u200B**");
  CHECK(checked_text(filter.look("sp" + rlo + "a" + pdf + "m").text, 500));
}

}  // namespace troupe::chat
