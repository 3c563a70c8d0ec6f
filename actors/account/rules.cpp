// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/rules.hpp"

#include <algorithm>

#include "actors/account/look_alike.hpp"

namespace troupe::account {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_word(char c) {
  return is_digit(c) || is_letter(c) || c == '_';
}

/// RFC 5322, 3.2.3: atext, and the dots between.
bool is_local_part(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-/=?^_`{|}~.";
  return !text.empty() && text.size() <= 64 && text.front() != '.' && text.back() != '.' &&
         text.find("..") == text.npos && std::ranges::all_of(text, [&](char c) {
           return is_digit(c) || is_letter(c) || others.find(c) != others.npos;
         });
}

/// RFC 1035, 2.3.1, with digits in front allowed: labels of letters, digits and inner hyphens.
bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || is_letter(c) || c == '-'; });
}

bool is_domain(std::string_view text) {
  int labels = 0;
  for (;;) {
    const auto dot = text.find('.');
    if (!is_label(text.substr(0, dot))) {
      return false;
    }
    ++labels;
    if (dot == text.npos) {
      return labels >= 2;
    }
    text.remove_prefix(dot + 1);
  }
}

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(
      utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

result<void> check_username(std::string_view username) {
  if (username.size() < 3 || username.size() > 24 || !std::ranges::all_of(username, is_word)) {
    return fail(errc::invalid_argument, "invalid_username",
                "a username has 3 to 24 letters, digits and underscores");
  }
  // All digits would be taken for a user's id.
  if (std::ranges::none_of(username, is_letter)) {
    return fail(errc::invalid_argument, "invalid_username", "a username has at least one letter");
  }
  if (is_reserved_name(username)) {
    return fail(errc::invalid_argument, "invalid_username", "this username is reserved");
  }
  return {};
}

result<void> check_email(std::string_view email) {
  const auto at = email.rfind('@');
  if (email.size() > 254 || at == email.npos || !is_local_part(email.substr(0, at)) ||
      !is_domain(email.substr(at + 1))) {
    return fail(errc::invalid_argument, "invalid_email", "this is not an email address");
  }
  return {};
}

result<void> check_password(std::string_view password, std::string_view username,
                            std::string_view email) {
  const auto length = count_characters(password);
  if (length < 10 || length > 128 || password.size() > largest_password_bytes) {
    return fail(errc::invalid_argument, "weak_password", "a password has 10 to 128 characters");
  }
  const auto plain = canonical(password);
  if (plain == canonical(username) || plain == canonical(email)) {
    return fail(errc::invalid_argument, "weak_password",
                "a password is not the username or the email address");
  }
  return {};
}

std::string canonical(std::string_view name) {
  std::string lower(name);
  for (auto& c : lower) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return lower;
}

}  // namespace troupe::account
