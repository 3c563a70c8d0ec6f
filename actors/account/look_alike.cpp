// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/look_alike.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "actors/account/rules.hpp"

namespace troupe::account {

namespace {

/// The one list of names nobody can have. Sorted. Roots of addresses that this or a later version
/// serves, and words that mean everyone or nobody.
constexpr auto reserved = std::to_array<std::string_view>(
    {"about",     "account",    "accounts",  "all",       "anonymous", "api",      "app",
     "assets",    "auth",       "bot",       "bots",      "broadcast", "channel",  "channels",
     "chat",      "clips",      "deleted",   "everybody", "everyone",  "explore",  "favicon",
     "followers", "following",  "go_live",   "guest",     "healthz",   "help",     "here",
     "home",      "hostmaster", "index",     "live",      "login",     "logout",   "me",
     "metrics",   "news",       "nobody",    "null",      "operators", "owner",    "postmaster",
     "privacy",   "readyz",     "register",  "robots",    "room",      "rooms",    "search",
     "settings",  "signup",     "static",    "status",    "stream",    "streamer", "streams",
     "system",    "terms",      "undefined", "user",      "username",  "users",    "videos",
     "viewer",    "viewers",    "vod",       "watch",     "webmaster", "www"});
static_assert(std::ranges::is_sorted(reserved));

/// What an imposter's name is put together from.
constexpr auto official = std::to_array<std::string_view>(
    {"abuse",    "admin",    "administrator", "administrators", "admins",     "billing",
     "helpdesk", "mod",      "moderation",    "moderator",      "moderators", "mods",
     "official", "operator", "root",          "safety",         "security",   "staff",
     "support",  "sysop",    "system",        "troupe",         "webmaster"});

/// Words that go with those, and by themselves are anybody's.
constexpr auto fillers =
    std::to_array<std::string_view>({"global", "help", "service", "team", "the", "trust"});

/// Nobody's as one word of several either: "real_admin", "TroupeBot".
constexpr auto titles = std::to_array<std::string_view>({"admin", "administrator", "administrators",
                                                         "admins", "moderator", "moderators",
                                                         "official", "staff", "support", "troupe"});

char plain(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The letter that a character looks like as it is written. A capital I is a bar, a small i has its
/// dot: so "tail" and "tall" are two names, and "taIl" is one of them.
char seen_as(char c) {
  switch (c) {
    case '0':
    case 'O':
      return 'o';
    case '1':
    case 'I':
      return 'l';
    case 'L':
      return 'L';  // has its foot; of two names that differ in case alone one exists anyway
    default:
      return plain(c);
  }
}

/// What somebody means who writes letters as digits.
char meant_by(char c) {
  switch (c) {
    case '0':
      return 'o';
    case '1':
    case 'l':
      return 'i';
    case '3':
      return 'e';
    case '4':
      return 'a';
    case '5':
      return 's';
    case '7':
      return 't';
    default:
      return c;
  }
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

std::string meaning_of(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c != '_') {
      text += meant_by(plain(c));
    }
  }
  replace_all(text, "rn", "m");
  replace_all(text, "vv", "w");
  return text;
}

template <std::size_t Size>
std::vector<std::string> meanings_of(const std::array<std::string_view, Size>& words) {
  std::vector<std::string> all;
  std::ranges::transform(words, std::back_inserter(all), meaning_of);
  return all;
}

/// Whether the text is words of the list, one after another, and nothing else.
bool is_made_of(std::string_view text, const std::vector<std::string>& words) {
  std::vector<bool> reached(text.size() + 1, false);
  reached[0] = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const auto& word : words) {
      if (reached[at] && text.substr(at).starts_with(word)) {
        reached[at + word.size()] = true;
      }
    }
  }
  return reached[text.size()];
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// "admin_42" is "admin".
std::string_view without_number(std::string_view name) {
  while (!name.empty() && (is_digit(name.back()) || name.back() == '_')) {
    name.remove_suffix(1);
  }
  return name;
}

bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}

bool is_small(char c) {
  return c >= 'a' && c <= 'z';
}

/// The words that underscores make, and those that capitals make of them: "TheRealAdmin".
std::vector<std::string_view> words_of(std::string_view name) {
  std::vector<std::string_view> all;
  std::size_t word = 0;
  std::size_t part = 0;
  for (std::size_t at = 0; at <= name.size(); ++at) {
    const bool ends = at == name.size() || name[at] == '_';
    const bool begins_part =
        !ends && at > part && is_capital(name[at]) &&
        (!is_capital(name[at - 1]) || (at + 1 < name.size() && is_small(name[at + 1])));
    if (ends || begins_part) {
      all.push_back(name.substr(part, at - part));
      part = ends ? at + 1 : at;
    }
    if (ends) {
      all.push_back(name.substr(word, at - word));
      word = at + 1;
    }
  }
  return all;
}

}  // namespace

std::string look_alike_skeleton(std::string_view username) {
  std::string text;
  for (const char c : username) {
    if (c != '_' || (!text.empty() && text.back() != '_')) {
      text += seen_as(c);
    }
  }
  if (text.ends_with('_')) {
    text.pop_back();
  }
  replace_all(text, "rn", "m");
  replace_all(text, "vv", "w");
  return text;
}

bool passes_for_operator(std::string_view username) {
  static const auto all = [] {
    auto words = meanings_of(official);
    std::ranges::move(meanings_of(fillers), std::back_inserter(words));
    return words;
  }();
  static const auto harmless = meanings_of(fillers);
  static const auto forbidden = meanings_of(titles);
  const auto says_so = [](std::string_view name) {
    const auto text = meaning_of(name);
    return !text.empty() && is_made_of(text, all) && !is_made_of(text, harmless);
  };
  const auto is_title = [](std::string_view word) {
    return std::ranges::find(forbidden, meaning_of(word)) != forbidden.end() ||
           std::ranges::find(forbidden, meaning_of(without_number(word))) != forbidden.end();
  };
  return says_so(username) || says_so(without_number(username)) ||
         std::ranges::any_of(words_of(username), is_title);
}

bool is_reserved_name(std::string_view username) {
  static const auto words = meanings_of(reserved);
  return std::ranges::find(words, meaning_of(username)) != words.end() ||
         passes_for_operator(username);
}

}  // namespace troupe::account
