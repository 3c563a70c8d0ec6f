// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/command.hpp"

#include <catch2/catch.hpp>

namespace troupe::cli {
namespace {

invocation parsed(std::vector<std::string> arguments) {
  auto result = parse_command_line(std::move(arguments));
  REQUIRE(result.has_value());
  return *result;
}

no_invocation refused(std::vector<std::string> arguments) {
  auto result = parse_command_line(std::move(arguments));
  REQUIRE_FALSE(result.has_value());
  return result.error();
}

}  // namespace

TEST_CASE("command line: every command is understood", "[app][cli]") {
  CHECK(std::holds_alternative<serve>(parsed({"serve"}).what));
  CHECK(std::holds_alternative<check_config>(parsed({"check-config"}).what));
  CHECK(std::holds_alternative<status>(parsed({"status"}).what));
  CHECK(std::holds_alternative<tree>(parsed({"tree"}).what));
  CHECK(std::holds_alternative<version>(parsed({"version"}).what));
  CHECK(std::get<where>(parsed({"where", "stream/48213"}).what).name == "stream/48213");
  const auto moved = std::get<cli::move>(parsed({"move", "room/977", "b"}).what);
  CHECK(moved.name == "room/977");
  CHECK(moved.to == "b");
  CHECK(std::get<drain>(parsed({"drain", "b", "--node", "a"}).what).node == "b");
  const auto asked = parsed({"user", "create", "ann", "--email", "ann@example.org",
                             "--password-stdin", "--administrator"});
  const auto& user = std::get<create_user>(asked.what);
  CHECK(user.username == "ann");
  CHECK(user.email == "ann@example.org");
  CHECK(user.is_administrator);
  CHECK(std::get<set_password>(parsed({"user", "set-password", "ann", "--password-stdin"}).what)
            .username == "ann");
  CHECK_FALSE(std::get<rotate_token_key>(parsed({"rotate-token-key"}).what).ends_older);
  CHECK(std::get<rotate_token_key>(parsed({"rotate-token-key", "--end-older"}).what).ends_older);
}

TEST_CASE("command line: each command takes --config, --node and --json", "[app][cli]") {
  const auto plain = parsed({"status"});
  CHECK_FALSE(plain.config.has_value());
  CHECK(plain.node.empty());
  CHECK_FALSE(plain.json);
  const std::vector<std::vector<std::string>> commands = {
      {"serve"},      {"check-config"},     {"status"},
      {"tree"},       {"where", "a/1"},     {"user", "set-password", "x", "--password-stdin"},
      {"version"},    {"rotate-token-key"}, {"move", "a/1", "c"},
      {"drain", "c"},
  };
  for (auto arguments : commands) {
    CAPTURE(arguments);
    arguments.insert(arguments.end(), {"--config", "x.conf", "--node", "b", "--json"});
    const auto full = parsed(arguments);
    CHECK(full.config == "x.conf");
    CHECK(full.node == "b");
    CHECK(full.json);
  }
}

TEST_CASE("command line: what is wrong is answered with 2 and help with 0", "[app][cli]") {
  CHECK(refused({}).exit_code == 2);
  CHECK(refused({"dance"}).exit_code == 2);
  CHECK(refused({"serve", "--fast"}).exit_code == 2);
  CHECK(refused({"where"}).exit_code == 2);
  CHECK(refused({"user"}).exit_code == 2);
  CHECK(refused({"user", "create", "ann", "--email", "a@b.c"}).exit_code == 2);
  const auto help = refused({"--help"});
  CHECK(help.exit_code == 0);
  for (const auto* name : {"serve", "check-config", "status", "tree", "where", "user", "version"}) {
    CHECK_THAT(help.text, Catch::Contains(name));
  }
  CHECK(refused({"serve", "--help"}).exit_code == 0);
}

}  // namespace troupe::cli
