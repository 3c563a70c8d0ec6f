// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/text_rules.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <ranges>

#include <utf8proc.h>

namespace troupe::chat {
namespace {

// NFC joins at most a handful of code points into one, so what is longer than this cannot come down
// to the limit and is not worth normalising: 4 bytes a code point, 4 of them.
constexpr std::size_t most_bytes_per_point = 16;

std::unexpected<error> refuse(const char* why) {
  return fail(errc::invalid_argument, "invalid_message", why);
}

const std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

utf8proc_ssize_t size_of(std::string_view text) {
  return static_cast<utf8proc_ssize_t>(text.size());
}

/// Line and paragraph separators end a line as control characters do.
bool is_control(utf8proc_int32_t point) {
  const auto category = utf8proc_category(point);
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

/// Letters and symbols that are drawn as nothing: Hangul fillers, the empty Braille pattern.
constexpr std::array<utf8proc_int32_t, 5> blanks = {0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0};

bool is_visible(utf8proc_int32_t point) {
  switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return false;
    default:
      return std::ranges::find(blanks, point) == blanks.end();
  }
}

/// UAX #9, 3.1: embeddings and overrides end with PDF, isolates with PDI. Those that are closed
/// within the message, and in their order, leave what stands beside it alone.
class bidi_balance {
 public:
  /// False: it closes nothing. at: to name it by.
  bool take(utf8proc_int32_t point, std::size_t at) {
    switch (utf8proc_get_property(point)->bidi_class) {
      case UTF8PROC_BIDI_CLASS_LRE:
      case UTF8PROC_BIDI_CLASS_RLE:
      case UTF8PROC_BIDI_CLASS_LRO:
      case UTF8PROC_BIDI_CLASS_RLO:
        open_.push_back({UTF8PROC_BIDI_CLASS_PDF, at});
        return true;
      case UTF8PROC_BIDI_CLASS_LRI:
      case UTF8PROC_BIDI_CLASS_RLI:
      case UTF8PROC_BIDI_CLASS_FSI:
        open_.push_back({UTF8PROC_BIDI_CLASS_PDI, at});
        return true;
      case UTF8PROC_BIDI_CLASS_PDF:
        return close(UTF8PROC_BIDI_CLASS_PDF);
      case UTF8PROC_BIDI_CLASS_PDI:
        return close(UTF8PROC_BIDI_CLASS_PDI);
      default:
        return true;
    }
  }

  struct opened {
    int closed_by = 0;
    std::size_t at = 0;
  };

  const std::vector<opened>& open() const { return open_; }

 private:
  bool close(int by) {
    if (open_.empty() || open_.back().closed_by != by) {
      return false;
    }
    open_.pop_back();
    return true;
  }

  std::vector<opened> open_;
};

struct c_free {
  void operator()(std::uint8_t* p) const { std::free(p); }  // NOLINT: allocated by a C library
};

result<std::string> to_nfc(std::string_view raw) {
  if (std::ranges::all_of(raw, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
    return std::string(raw);
  }
  std::uint8_t* made = nullptr;
  const auto length =
      utf8proc_map(bytes_of(raw), size_of(raw), &made,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<std::uint8_t, c_free> owner(made);
  if (length < 0) {
    return refuse("the message is not valid UTF-8");
  }
  return std::string(reinterpret_cast<const char*>(made), static_cast<std::size_t>(length));
}

result<std::string> checked(std::string_view raw, std::size_t longest, bool may_be_empty) {
  if (raw.size() > longest * most_bytes_per_point) {
    return refuse("the message is too long");
  }
  auto text = to_nfc(raw);
  if (!text) {
    return text;
  }
  bidi_balance bidi;
  std::size_t points = 0;
  bool anything_visible = false;
  for (std::string_view rest = *text; !rest.empty(); ++points) {
    const auto point = static_cast<utf8proc_int32_t>(take_code_point(rest));
    if (is_control(point)) {
      return refuse("the message has control characters");
    }
    if (!bidi.take(point, points)) {
      return refuse("the message's bidirectional controls do not match");
    }
    anything_visible = anything_visible || is_visible(point);
  }
  if (!bidi.open().empty()) {
    return refuse("the message's bidirectional controls do not match");
  }
  if (points > longest) {
    return refuse("the message is too long");
  }
  if (!anything_visible && !may_be_empty) {
    return refuse("the message is empty");
  }
  return text;
}

}  // namespace

result<std::string> checked_text(std::string_view raw, std::size_t longest) {
  return checked(raw, longest, false);
}

result<std::string> checked_remark(std::string_view raw, std::size_t longest) {
  return checked(raw, longest, true);
}

char32_t take_code_point(std::string_view& utf8) {
  utf8proc_int32_t point = -1;
  const auto taken = utf8proc_iterate(bytes_of(utf8), size_of(utf8), &point);
  if (taken <= 0) {  // not what was promised: as the replacement character, byte by byte
    utf8.remove_prefix(1);
    return U'\uFFFD';
  }
  utf8.remove_prefix(static_cast<std::size_t>(taken));
  return static_cast<char32_t>(point);
}

std::size_t count_code_points(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(
      utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

std::string_view first_code_points(std::string_view utf8, std::size_t count) {
  auto rest = utf8;
  while (count > 0 && !rest.empty()) {
    take_code_point(rest);
    --count;
  }
  return utf8.substr(0, utf8.size() - rest.size());
}

std::string balanced(std::string_view utf8) {
  bidi_balance bidi;
  std::string out;
  for (auto rest = utf8; !rest.empty();) {
    const auto before = rest;
    if (bidi.take(static_cast<utf8proc_int32_t>(take_code_point(rest)), out.size())) {
      out += before.substr(0, before.size() - rest.size());
    }
  }
  for (const auto& opened : std::views::reverse(bidi.open())) {
    auto rest = std::string_view(out).substr(opened.at);
    const auto after = rest;
    take_code_point(rest);
    out.erase(opened.at, after.size() - rest.size());
  }
  return out;
}

std::string cut_text(std::string_view utf8, std::size_t count) {
  return balanced(first_code_points(utf8, count));
}

void append_folded(std::vector<char32_t>& out, char32_t point) {
  constexpr auto how = static_cast<utf8proc_option_t>(UTF8PROC_CASEFOLD | UTF8PROC_COMPAT |
                                                      UTF8PROC_DECOMPOSE | UTF8PROC_IGNORE);
  std::array<utf8proc_int32_t, 32> folded{};  // the longest, U+FDFA, has 18
  int boundary = 0;
  const auto count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(point), folded.data(),
                              static_cast<utf8proc_ssize_t>(folded.size()), how, &boundary);
  if (count < 0 || count > static_cast<utf8proc_ssize_t>(folded.size())) {
    out.push_back(point);
    return;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    out.push_back(static_cast<char32_t>(folded[i]));
  }
}

}  // namespace troupe::chat
