// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/archive.hpp"

#include <catch2/catch.hpp>

#include "runtime/entity_name.hpp"
#include "runtime/testing/round_trip.hpp"
#include "sample_behaviours.hpp"

using namespace troupe;
using namespace troupe::runtime;
using runtime::testing::round_trip;

namespace {

enum class colour : std::uint8_t { red, green };

struct everything {
  bool yes = false;
  std::int8_t small = 0;
  std::uint64_t large = 0;
  double real = 0;
  colour tint = colour::red;
  std::string text;
  bytes raw;
  shared_bytes shared;
  std::vector<bool> flags;
  std::vector<entity_name> names;
  std::map<std::string, std::vector<int>> lists;
  std::set<std::int64_t> ids;
  std::optional<std::string> maybe;
  std::shared_ptr<const entity_name> pointed;
  std::variant<int, std::string> either;
  std::array<std::uint16_t, 3> three{};
  std::pair<int, std::string> two;
  std::chrono::seconds period{};
  wall_time at;
  error wrong;
};

template <class Inspector>
auto inspect(Inspector& f, everything& x) {
  return f(x.yes, x.small, x.large, x.real, x.tint, x.text, x.raw, x.shared, x.flags, x.names,
           x.lists, x.ids, x.maybe, x.pointed, x.either, x.three, x.two, x.period, x.at, x.wrong);
}

everything full() {
  everything x;
  x.yes = true;
  x.small = -3;
  x.large = 0xFEDCBA9876543210;
  x.real = -0.125;
  x.tint = colour::green;
  x.text = std::string("a\0b", 3);
  x.raw = {1, 2, 3};
  x.shared = shared_bytes(bytes{9, 8});
  x.flags = {true, false, true};
  x.names = {{"room", "1"}, {"room", "2"}};
  x.lists = {{"one", {1}}, {"none", {}}};
  x.ids = {-1, 5};
  x.maybe = "here";
  x.pointed = std::make_shared<const entity_name>(entity_name{"poll", "p"});
  x.either = std::string("second");
  x.three = {1, 2, 65535};
  x.two = {-7, "seven"};
  x.period = std::chrono::seconds(-90);
  x.at = from_unix_ms(1768471800123);
  x.wrong = make_error(errc::conflict, "taken", "it is taken");
  return x;
}

}  // namespace

TEST_CASE("archive: every type comes out as it went in", "[runtime][archive]") {
  CHECK(round_trip(everything{}));
  CHECK(round_trip(full()));
  const auto back = decode<everything>(encode(full()));
  REQUIRE(back);
  CHECK(back->small == -3);
  CHECK(back->large == 0xFEDCBA9876543210);
  CHECK(back->real == -0.125);
  CHECK(back->text == std::string("a\0b", 3));
  CHECK(back->flags == std::vector<bool>{true, false, true});
  CHECK(*back->pointed == entity_name{"poll", "p"});
  CHECK(std::get<std::string>(back->either) == "second");
  CHECK(back->period == std::chrono::seconds(-90));
  CHECK(back->wrong.reason == "taken");
}

TEST_CASE("archive: the layout is fixed", "[runtime][archive]") {
  // Snapshots of older programs must stay readable: these bytes never change.
  CHECK(encode(std::pair<std::uint16_t, std::string>{258, "hi"}) ==
        bytes{1, 2, 0, 0, 0, 2, 'h', 'i'});
  CHECK(encode(std::optional<bool>(true)) == bytes{1, 1});
  CHECK(encode(std::int32_t{-2}) == bytes{0xFF, 0xFF, 0xFF, 0xFE});
}

TEST_CASE("archive: a lie about a length is refused before it costs memory", "[runtime][archive]") {
  const bytes four_billion{0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3};
  CHECK_FALSE(decode<std::string>(four_billion));
  CHECK_FALSE(decode<std::vector<std::uint64_t>>(four_billion));
  CHECK_FALSE(decode<std::map<int, int>>(four_billion));
  CHECK_FALSE(decode<shared_bytes>(four_billion));
  CHECK(decode<bool>(bytes{2}).error().code == errc::data_corrupt);
  CHECK_FALSE(decode<std::variant<int, bool>>(bytes{2, 0}));
  CHECK_FALSE(decode<error>(bytes{200, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST_CASE("archive: every cut of a message and any flipped byte is survived",
          "[runtime][archive]") {
  const auto good = encode(full());
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const auto flip : {0x01, 0x80, 0xFF}) {
      auto bad = good;
      bad[i] = static_cast<std::uint8_t>(bad[i] ^ flip);
      const auto back = decode<everything>(bad);
      CHECK((!back || encode(*back).size() <= good.size() + 8));
    }
  }
}

TEST_CASE("message_registry: every sample message goes by name", "[runtime][message]") {
  using namespace runtime::sample;
  message_registry registry;
  registry.add(kept::messages{});
  registry.add(brief::messages{});  // the same types again: no harm
  using runtime::testing::round_trip_by_name;
  CHECK(round_trip_by_name(registry, add{5}));
  CHECK(round_trip_by_name(registry, work{3, 1}));
  CHECK(round_trip_by_name(registry, pass_on{{"kept", "b"}, 2, true}));
  CHECK(round_trip_by_name(registry, add_later{1, 5s}));
  CHECK(round_trip_by_name(registry, crash{2}));
  CHECK(round_trip_by_name(registry, grow{9}));
  CHECK(round_trip(total{1, 2}));
  CHECK(round_trip(kept::state{4, "ballast"}));
  CHECK(registry.all().size() == 10);
  CHECK(registry.find("sample.not_understood") == nullptr);
  CHECK_FALSE(round_trip_by_name(registry, not_understood{}));
}

TEST_CASE("entity_name: reads what it writes and refuses the rest", "[runtime][name]") {
  CHECK(to_string(entity_name_of("stream", 48213)) == "stream/48213");
  CHECK(parse_entity_name("viewer/b.7/812") == entity_name{"viewer", "b.7/812"});
  for (const auto* bad : {"", "room", "room/", "/7", "Room/7", "7room/1", "room/a b", "room/\n",
                          "room/\xC3\xA9", "ro-om/1"}) {
    CHECK_FALSE(parse_entity_name(bad));
  }
  CHECK_FALSE(is_valid({"room", std::string(129, 'a')}));
  CHECK_FALSE(is_valid({std::string(33, 'a'), "1"}));
  CHECK(is_valid({std::string(32, 'a'), std::string(128, 'a')}));
}
