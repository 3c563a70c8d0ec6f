// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/text_rules.hpp"

#include <set>

#include <catch2/catch.hpp>

namespace troupe::chat {
namespace {

constexpr std::size_t longest = 500;

void append_utf8(std::string& out, char32_t p) {
  const auto put = [&](char32_t b) { out.push_back(static_cast<char>(b)); };
  if (p < 0x80) {
    put(p);
  } else if (p < 0x800) {
    put(0xC0 | (p >> 6));
    put(0x80 | (p & 0x3F));
  } else if (p < 0x10000) {
    put(0xE0 | (p >> 12));
    put(0x80 | ((p >> 6) & 0x3F));
    put(0x80 | (p & 0x3F));
  } else {
    put(0xF0 | (p >> 18));
    put(0x80 | ((p >> 12) & 0x3F));
    put(0x80 | ((p >> 6) & 0x3F));
    put(0x80 | (p & 0x3F));
  }
}

std::string utf8(std::u32string_view points) {
  std::string out;
  for (const auto p : points) {
    append_utf8(out, p);
  }
  return out;
}

bool is_accepted(std::u32string_view points) {
  return checked_text(utf8(points), longest).has_value();
}

}  // namespace

TEST_CASE("text rules: every code point between two letters", "[actors][chat]") {
  // Unicode 15: Cc, Zl, Zp; what opens or closes a bidirectional run; surrogates.
  const std::set<char32_t> bidi = {0x202A, 0x202B, 0x202C, 0x202D, 0x202E,
                                   0x2066, 0x2067, 0x2068, 0x2069};
  std::size_t wrong = 0;
  for (char32_t p = 0; p <= 0x10FFFF; ++p) {
    const bool is_control = p < 0x20 || (p >= 0x7F && p < 0xA0) || p == 0x2028 || p == 0x2029;
    const bool is_surrogate = p >= 0xD800 && p <= 0xDFFF;
    const bool is_wanted = !is_control && !is_surrogate && !bidi.contains(p);
    std::string text = "a";
    append_utf8(text, p);
    text += 'b';
    const auto checked = checked_text(text, longest);
    if (checked.has_value() != is_wanted) {
      ++wrong;
      UNSCOPED_INFO("code point " << static_cast<std::uint32_t>(p));
    }
    if (checked && checked_text(*checked, longest) != checked) {
      ++wrong;  // NFC of NFC is itself
      UNSCOPED_INFO("not stable: " << static_cast<std::uint32_t>(p));
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("text rules: brings text into NFC", "[actors][chat]") {
  const auto nfc = [](std::u32string_view from) { return *checked_text(utf8(from), longest); };
  CHECK(nfc(U"e\u0301") == utf8(U"\u00E9"));
  CHECK(nfc(U"\u212B") == utf8(U"\u00C5"));               // the Angstrom sign
  CHECK(nfc(U"\u1100\u1161\u11A8") == utf8(U"\uAC01"));   // Hangul
  CHECK(nfc(U"\u304B\u3099") == utf8(U"\u304C"));         // ka and a voicing mark: ga
  CHECK(nfc(U"a\u0315\u0300") == utf8(U"\u00E0\u0315"));  // marks in their order
  CHECK(nfc(U"\u0958") == utf8(U"\u0915\u093C"));         // excluded from composition
  CHECK(nfc(U"\uFB01") == utf8(U"\uFB01"));               // not NFKC
  CHECK(nfc(U"plain <b>ASCII</b>") == "plain <b>ASCII</b>");
  CHECK(nfc(U"\U0001F468\u200D\U0001F469\u200D\U0001F467") ==
        utf8(U"\U0001F468\u200D\U0001F469\u200D\U0001F467"));  // one family
}

TEST_CASE("text rules: counts code points after NFC", "[actors][chat]") {
  CHECK(checked_text(std::string(500, 'x'), longest));
  CHECK_FALSE(checked_text(std::string(501, 'x'), longest));
  std::u32string text;
  for (int i = 0; i < 500; ++i) {
    text += U"e\u0301";
  }
  CHECK(count_code_points(*checked_text(utf8(text), longest)) == 500);
  text += U"e";
  CHECK_FALSE(is_accepted(text));
  CHECK(is_accepted(std::u32string(500, U'\U0001F600')));
  CHECK_FALSE(is_accepted(std::u32string(501, U'\U0001F600')));
  std::u32string growing(400, U'\u0958');  // becomes two each
  CHECK_FALSE(is_accepted(growing));
  std::string huge;
  huge.resize(10'000'000, 'x');
  CHECK_FALSE(checked_text(huge, longest));
}

TEST_CASE("text rules: something must be visible", "[actors][chat]") {
  for (const auto* blank : {U"", U" ", U"   ", U"\u00A0", U"\u3000", U"\u200B", U"\u200D\uFE0F",
                            U"\uFEFF", U"\u3164", U"\u2800", U"\u00AD \u034F", U"\u2066\u2069"}) {
    CHECK_FALSE(is_accepted(blank));
  }
  CHECK(checked_remark("", longest) == "");
  CHECK(checked_remark(" ", longest) == " ");
  CHECK_FALSE(checked_remark("\n", longest));
  CHECK(is_accepted(U"."));
  CHECK(is_accepted(U" x "));
}

TEST_CASE("text rules: bidirectional controls end where they began", "[actors][chat]") {
  const std::u32string embeddings = U"\u202A\u202B\u202D\u202E";
  const std::u32string isolates = U"\u2066\u2067\u2068";
  const char32_t pdf = U'\u202C';
  const char32_t pdi = U'\u2069';
  const auto with = [](const std::u32string& s) { return U"a" + s + U"b"; };
  for (const auto e : embeddings) {
    CHECK_FALSE(is_accepted(with({e})));
    CHECK(is_accepted(with({e, U'x', pdf})));
    CHECK_FALSE(is_accepted(with({e, U'x', pdi})));
    CHECK_FALSE(is_accepted(with({pdf, e})));
    CHECK_FALSE(is_accepted(with({e, pdf, pdf})));
    CHECK_FALSE(is_accepted(with({e, e, pdf})));
    for (const auto i : isolates) {
      CHECK(is_accepted(with({i, e, U'x', pdf, pdi})));
      CHECK(is_accepted(with({e, i, U'x', pdi, pdf})));
      CHECK_FALSE(is_accepted(with({i, e, pdi, pdf})));
      CHECK_FALSE(is_accepted(with({i, e, pdi})));
    }
  }
  for (const auto i : isolates) {
    CHECK_FALSE(is_accepted(with({i})));
    CHECK(is_accepted(with({i, U'x', pdi})));
    CHECK_FALSE(is_accepted(with({i, U'x', pdf})));
    CHECK_FALSE(is_accepted(with({pdi, i})));
  }
  CHECK(is_accepted(U"\u200F\u0645\u0631\u062D\u0628\u0627\u200E!"));  // marks reach nowhere
}

TEST_CASE("text rules: refuses what is not UTF-8", "[actors][chat]") {
  for (const auto* text :
       {"\x80", "a\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3(", "x\xFE"}) {
    const auto r = checked_text(text, longest);
    REQUIRE_FALSE(r);
    CHECK(r.error().reason == "invalid_message");
  }
  // Every pair of bytes: valid ones are ASCII, or a two-byte sequence.
  std::size_t wrong = 0;
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text = {'x', static_cast<char>(a), static_cast<char>(b), 'x'};
      const bool is_ascii = a >= 0x20 && a < 0x7F && b >= 0x20 && b < 0x7F;
      const bool is_pair =
          a >= 0xC2 && a <= 0xDF && b >= 0x80 && b <= 0xBF && !(a == 0xC2 && b < 0xA0);
      wrong += checked_text(text, longest).has_value() == (is_ascii || is_pair) ? 0U : 1U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("text rules: takes the first code points", "[actors][chat]") {
  const auto text = utf8(U"a\u00E9\U0001F600b");
  CHECK(first_code_points(text, 0).empty());
  CHECK(first_code_points(text, 2) == utf8(U"a\u00E9"));
  CHECK(first_code_points(text, 3) == utf8(U"a\u00E9\U0001F600"));
  CHECK(first_code_points(text, 9) == text);
}

TEST_CASE("text rules: what is cut has no open bidirectional control", "[actors][chat]") {
  const std::string lre = "\u202A";
  const std::string rlo = "\u202E";
  const std::string pdf = "\u202C";
  const std::string rli = "\u2067";
  const std::string pdi = "\u2069";
  const auto text = "ab" + rlo + "cd" + pdf + "ef";
  CHECK(cut_text(text, 100) == text);
  CHECK(cut_text(text, 6) == "ab" + rlo + "cd" + pdf);
  CHECK(cut_text(text, 5) == "abcd");
  CHECK(cut_text(rli + lre + "a" + pdf + "b" + pdi, 5) == lre + "a" + pdf + "b");
  CHECK(balanced("a" + pdf + "b" + pdi) == "ab");
  CHECK(balanced(rli + lre + pdi + pdf) == lre + pdf);
  CHECK(cut_text("caf\u00E9", 4) == "caf\u00E9");
  CHECK(cut_text("", 4).empty());
}

}  // namespace troupe::chat
