// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/look_alike.hpp"

#include <utility>

#include <catch2/catch.hpp>

using namespace troupe::account;

TEST_CASE("look_alike: names that a reader takes for each other share a skeleton", "[account]") {
  using pair = std::pair<const char*, const char*>;
  const auto [a, b] = GENERATE(
      as<pair>{}, pair{"bob", "B0b"}, pair{"bob", "_bob_"}, pair{"bob", "bob__"},
      pair{"a_b", "a___b"}, pair{"lisa", "Iisa"}, pair{"lisa", "1isa"}, pair{"tall", "taIl"},
      pair{"tall", "ta1l"}, pair{"modem", "modern"}, pair{"water", "vvater"},
      pair{"Wagner", "VVagner"}, pair{"d00m", "doom"}, pair{"corner", "comer"}, pair{"RNA", "rna"},
      pair{"ann", "ANN"}, pair{"rrn_m", "rm_rn"});
  INFO(a << " " << b);
  CHECK(look_alike_skeleton(a) == look_alike_skeleton(b));
}

TEST_CASE("look_alike: names that can be told apart stay apart", "[account]") {
  using pair = std::pair<const char*, const char*>;
  const auto [a, b] =
      GENERATE(as<pair>{}, pair{"tail", "tall"}, pair{"ali", "all"}, pair{"clan", "dan"},
               pair{"anna_b", "annab"}, pair{"mia5", "mias"}, pair{"zoe2", "zoez"},
               pair{"bob", "bob2"}, pair{"b8", "bb"}, pair{"sammy", "samny"}, pair{"TAIL", "tall"});
  INFO(a << " " << b);
  CHECK(look_alike_skeleton(a) != look_alike_skeleton(b));
}

TEST_CASE("look_alike: nobody passes for the operators", "[account]") {
  for (const char* name :
       {"admin",          "Admin",         "ADMIN_",       "adm1n",       "admln",
        "4dmin",          "a_d_m_i_n",     "admin1",       "admin_007",   "moderator",
        "m0derat0r",      "rnoderator",    "troupe",       "Tr0upe",      "troupe_support",
        "OfficialTroupe", "TheTroupeTeam", "support_team", "5upport",     "staff99",
        "sysop",          "globalmod",     "root",         "security",    "helpdesk",
        "adrnin",         "troupe_live",   "TroupeBot",    "real_admin",  "admin_jp",
        "TheRealAdm1n",   "live_support2", "bob_Official", "xADMIN_admin"}) {
    INFO(name);
    CHECK(passes_for_operator(name));
    CHECK(is_reserved_name(name));
  }
  for (const char* name :
       {"nomad",     "modern",         "administrata", "teammate", "the_rapist", "helper",
        "steamer",   "rooted",         "thea",         "mody",     "supporter",  "troupers",
        "the",       "team",           "trust",        "Global",   "TheTeam",    "badminton",
        "mod_squad", "supportive_bob", "Admira"}) {
    INFO(name);
    CHECK_FALSE(is_reserved_name(name));
  }
}

TEST_CASE("look_alike: addresses and the program's own words are nobody's", "[account]") {
  for (const char* name : {"api", "API", "ap1", "live", "l1ve", "me", "_me_", "m_e", "streams",
                           "www", "vvww", "go_live", "everyone", "nul1", "undefined", "channel"}) {
    INFO(name);
    CHECK(is_reserved_name(name));
  }
  for (const char* name : {"apis", "alive", "mel", "live_bob", "channels9x"}) {
    INFO(name);
    CHECK_FALSE(is_reserved_name(name));
  }
}

TEST_CASE("look_alike: skeletons are skeletons of themselves", "[account]") {
  for (const char* name : {"bob", "__B0b__", "rrnnvvv", "IlL1", "a_b__c", "____", "vvvvrn"}) {
    const auto once = look_alike_skeleton(name);
    INFO(name << " " << once);
    CHECK(look_alike_skeleton(once) == once);
  }
}
