// SPDX-License-Identifier: GPL-3.0-or-later
// A channel's list of words, and what each does to a message that has one. Case, width and
// invisible characters make no difference. A word that begins or ends with a letter or digit of a
// script that puts spaces between words matches only where a word begins or ends ("ass" is not in
// "class"); others, like Japanese, match anywhere.
// All words are looked for at once (Aho-Corasick), in time linear in the message. Thread: const
// members from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/chat/messages.hpp"
#include "base/result.hpp"

namespace troupe::chat {

class word_filter {
 public:
  word_filter() = default;
  /// Rules as checked_words() gives them.
  explicit word_filter(const std::vector<word_rule>& rules);

  struct finding {
    bool is_refused = false;
    bool is_held = false;
    std::string word;  ///< the rule that refused or held it; refuse goes before hold
    std::string text;  ///< with what is to be masked as one * a code point
  };

  /// text: valid UTF-8.
  finding look(std::string_view text) const;

 private:
  struct node {
    std::vector<std::pair<char32_t, std::uint32_t>> next;  // sorted by code point
    std::uint32_t fallback = 0;
    std::uint32_t shorter = 0;  // nearest node on the way of fallbacks where a word ends; 0: none
    std::uint32_t word = 0;     // the one that ends here, from 1; 0: none
  };

  struct entry {
    word_rule rule;
    std::size_t length = 0;  // folded code points
    bool begins_word = false;
    bool ends_word = false;
  };

  void add(const word_rule& rule);
  void link();
  std::uint32_t child(std::uint32_t from, char32_t by) const;
  std::uint32_t step(std::uint32_t from, char32_t by) const;

  std::vector<node> nodes_;
  std::vector<entry> words_;
};

/// Normalised, without doubles (the first stays). Errors: invalid_argument (invalid_words): over
/// most words, a word empty or over longest code points, or not of what messages are made of.
result<std::vector<word_rule>> checked_words(const std::vector<word_rule>& rules, std::size_t most,
                                             std::size_t longest);

}  // namespace troupe::chat
