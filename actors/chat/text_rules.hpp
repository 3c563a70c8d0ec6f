// SPDX-License-Identifier: GPL-3.0-or-later
// What a chat message may be made of: valid UTF-8, brought into Unicode's form NFC, without control
// characters, without bidirectional controls that reach beyond the message. Thread: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace troupe::chat {

/// The text as it is stored and shown. Errors: invalid_argument (invalid_message): empty or without
/// anything visible, over longest code points after NFC, not UTF-8, or with what is named above.
result<std::string> checked_text(std::string_view raw, std::size_t longest);

/// As checked_text(), but may be empty: reasons of moderators.
result<std::string> checked_remark(std::string_view raw, std::size_t longest);

/// How many code points valid UTF-8 has.
std::size_t count_code_points(std::string_view utf8);

/// The first `count` code points of valid UTF-8, all of it when it has fewer.
std::string_view first_code_points(std::string_view utf8, std::size_t count);

/// Without bidirectional controls that nothing closes, or that close nothing: what was cut or
/// masked must not reach beyond itself either.
std::string balanced(std::string_view utf8);

/// The first `count` code points, balanced.
std::string cut_text(std::string_view utf8, std::size_t count);

/// One code point as words are compared: without case, width and invisible characters. May be none,
/// or several.
void append_folded(std::vector<char32_t>& out, char32_t point);

/// The code point that valid UTF-8 begins with; removes it.
char32_t take_code_point(std::string_view& utf8);

}  // namespace troupe::chat
