// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/word_filter.hpp"

#include <algorithm>
#include <deque>
#include <set>

#include <utf8proc.h>

#include "actors/chat/text_rules.hpp"

namespace troupe::chat {
namespace {

/// Scripts that put no spaces, or endings right behind a word: Thai, Lao, Burmese, Hangul (folded
/// into its parts), Khmer, and all from CJK radicals on (Unicode 15 blocks).
bool is_written_without_spaces(char32_t p) {
  return (p >= 0x0E00 && p <= 0x0EFF) || (p >= 0x1000 && p <= 0x109F) ||
         (p >= 0x1100 && p <= 0x11FF) || (p >= 0x1780 && p <= 0x17FF) ||
         (p >= 0x2E80 && p <= 0xD7FF) || (p >= 0xF900 && p <= 0xFAFF) ||
         (p >= 0x20000 && p <= 0x3FFFF);
}

/// Part of a word that spaces set apart.
bool is_word_point(char32_t p) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(p))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
      return !is_written_without_spaces(p);
    default:
      return false;
  }
}

/// Belongs to the letter before it: marks, and what follows the first part of a Hangul syllable. A
/// match that ends before one has found another letter.
bool continues_letter(char32_t p) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(p));
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
         (p >= 0x1160 && p <= 0x11FF);
}

struct folded_text {
  std::vector<char32_t> points;
  std::vector<std::size_t> from;  // by folded point: which code point of the text it is of
  std::size_t length = 0;         // of the text, in code points
};

folded_text fold(std::string_view text) {
  folded_text out;
  for (; !text.empty(); ++out.length) {
    append_folded(out.points, take_code_point(text));
    out.from.resize(out.points.size(), out.length);
  }
  return out;
}

/// Invisible characters stay, or a bidirectional control could lose what closes it.
std::string masked(std::string_view text, const std::vector<bool>& hidden) {
  std::string out;
  std::vector<char32_t> folded;
  for (std::size_t i = 0; !text.empty(); ++i) {
    const auto before = text;
    folded.clear();
    append_folded(folded, take_code_point(text));
    if (hidden[i] && !folded.empty()) {
      out += '*';
    } else {
      out += before.substr(0, before.size() - text.size());
    }
  }
  return out;
}

}  // namespace

word_filter::word_filter(const std::vector<word_rule>& rules) {
  nodes_.emplace_back();
  for (const auto& rule : rules) {
    add(rule);
  }
  link();
}

void word_filter::add(const word_rule& rule) {
  const auto folded = fold(rule.word);
  if (folded.points.empty()) {
    return;
  }
  std::uint32_t at = 0;
  for (const auto point : folded.points) {
    auto next = child(at, point);
    if (next == 0) {
      next = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();
      auto& children = nodes_[at].next;
      children.insert(std::ranges::lower_bound(children, std::pair(point, 0U)), {point, next});
    }
    at = next;
  }
  if (nodes_[at].word == 0) {
    words_.push_back({rule, folded.points.size(), is_word_point(folded.points.front()),
                      is_word_point(folded.points.back())});
    nodes_[at].word = static_cast<std::uint32_t>(words_.size());
  }
}

void word_filter::link() {
  std::deque<std::uint32_t> open{0};
  while (!open.empty()) {
    const auto at = open.front();
    open.pop_front();
    for (const auto& [point, to] : nodes_[at].next) {
      const auto back = at == 0 ? 0 : step(nodes_[at].fallback, point);
      nodes_[to].fallback = back;
      nodes_[to].shorter = nodes_[back].word != 0 ? back : nodes_[back].shorter;
      open.push_back(to);
    }
  }
}

std::uint32_t word_filter::child(std::uint32_t from, char32_t by) const {
  const auto& children = nodes_[from].next;
  const auto found =
      std::ranges::lower_bound(children, by, {}, [](const auto& c) { return c.first; });
  return found != children.end() && found->first == by ? found->second : 0;
}

std::uint32_t word_filter::step(std::uint32_t from, char32_t by) const {
  while (true) {
    if (const auto next = child(from, by); next != 0 || from == 0) {
      return next;
    }
    from = nodes_[from].fallback;
  }
}

word_filter::finding word_filter::look(std::string_view text) const {
  finding out;
  if (words_.empty()) {
    out.text = text;
    return out;
  }
  const auto folded = fold(text);
  const auto& points = folded.points;
  std::vector<bool> hidden(folded.length, false);
  const auto found = [&](const entry& w, std::size_t end) {  // end: of its last folded point
    const auto begin = end + 1 - w.length;
    if ((end + 1 < points.size() && continues_letter(points[end + 1])) ||
        (w.begins_word && begin > 0 && is_word_point(points[begin - 1])) ||
        (w.ends_word && end + 1 < points.size() && is_word_point(points[end + 1]))) {
      return;
    }
    const bool refuses = w.rule.action == word_action::refuse;
    if (refuses ? !out.is_refused
                : w.rule.action == word_action::hold && !out.is_held && !out.is_refused) {
      out.word = w.rule.word;
    }
    out.is_refused = out.is_refused || refuses;
    out.is_held = out.is_held || w.rule.action == word_action::hold;
    if (w.rule.action == word_action::mask) {
      std::fill(hidden.begin() + static_cast<std::ptrdiff_t>(folded.from[begin]),
                hidden.begin() + static_cast<std::ptrdiff_t>(folded.from[end]) + 1, true);
    }
  };
  std::uint32_t at = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    at = step(at, points[i]);
    for (auto end = nodes_[at].word != 0 ? at : nodes_[at].shorter; end != 0;
         end = nodes_[end].shorter) {
      found(words_[nodes_[end].word - 1], i);
    }
  }
  out.text = balanced(masked(text, hidden));
  return out;
}

result<std::vector<word_rule>> checked_words(const std::vector<word_rule>& rules, std::size_t most,
                                             std::size_t longest) {
  if (rules.size() > most) {
    return fail(errc::invalid_argument, "invalid_words", "the list has too many words");
  }
  std::vector<word_rule> out;
  std::set<std::vector<char32_t>> seen;
  for (const auto& rule : rules) {
    auto text = checked_text(rule.word, longest);
    if (!text) {
      return fail(errc::invalid_argument, "invalid_words",
                  "a word is empty, too long or has characters that messages cannot have");
    }
    auto folded = fold(*text).points;
    if (rule.action > word_action::hold || folded.empty()) {
      return fail(errc::invalid_argument, "invalid_words", "a word would match nothing");
    }
    if (seen.insert(std::move(folded)).second) {
      out.push_back({std::move(*text), rule.action});
    }
  }
  return out;
}

}  // namespace troupe::chat
