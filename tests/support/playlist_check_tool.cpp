// SPDX-License-Identifier: GPL-3.0-or-later
// playlist_check [--standstill] FILE…
//
// Holds successive reloads of one media playlist, in the order given, to RFC 8216bis, and prints
// what is wrong. --standstill: an unchanged reload is allowed (the publisher is away).
// Exit codes: 0 nothing is wrong, 1 something is, 2 wrong usage.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "tests/support/playlist_checker.hpp"

int main(int argc, char** argv) {
  bool may_stand_still = false;
  bool is_wrong = false;
  int files = 0;
  std::string before;
  troupe::test::playlist_watcher watcher;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--standstill") {
      may_stand_still = true;
      continue;
    }
    std::ifstream file(argv[i]);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    ++files;
    for (const auto& complaint : watcher.next(text, may_stand_still && text == before)) {
      std::printf("%s: %s\n", argv[i], complaint.c_str());
      is_wrong = true;
    }
    before = text;
  }
  if (files == 0) {
    std::fputs("usage: playlist_check [--standstill] FILE...\n", stderr);
    return 2;
  }
  return is_wrong ? 1 : 0;
}
