// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/config.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <spdlog/fmt/fmt.h>
#include <catch2/catch.hpp>

namespace troupe::app {
namespace {

config parsed(std::string_view text) {
  auto result = parse_config(text, "cluster.conf", "/etc/troupe");
  if (!result) {
    for (const auto& problem : result.error()) {
      FAIL_CHECK(to_string(problem));
    }
    FAIL("the text above was refused");
  }
  return *result;
}

/// Every problem, one a line.
std::string refusal(std::string_view text) {
  const auto result = parse_config(text, "cluster.conf", "/etc/troupe");
  REQUIRE_FALSE(result.has_value());
  std::string all;
  for (const auto& problem : result.error()) {
    all += to_string(problem) + "\n";
  }
  return all;
}

std::string file_in_source_tree(std::string_view name) {
  std::ifstream in(std::string(TROUPE_SOURCE_DIR) + "/" + std::string(name));
  REQUIRE(in.is_open());
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

/// The sample as an operator has it after taking the '#' away from every option and section.
std::string with_every_option(const std::string& sample) {
  std::string out;
  for (const auto& line : lines_of(sample)) {
    const bool is_option = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    out += is_option ? line.substr(1) : line;
    out += '\n';
  }
  return out;
}

void check_same(const config& a, const config& b) {
  CHECK(a.cluster.name == b.cluster.name);
  CHECK(a.cluster.store == b.cluster.store);
  CHECK(a.cluster.data == b.cluster.data);
  CHECK(a.cluster.objects == b.cluster.objects);
  REQUIRE(a.nodes.size() == b.nodes.size());
  CHECK(a.nodes[0].name == b.nodes[0].name);
  CHECK(a.nodes[0].listen == b.nodes[0].listen);
  CHECK(a.nodes[0].roles == b.nodes[0].roles);
  CHECK(a.nodes[0].http == b.nodes[0].http);
  CHECK(a.nodes[0].rtmp == b.nodes[0].rtmp);
  CHECK(a.nodes[0].cluster == b.nodes[0].cluster);
  CHECK(a.limits.connections_per_address == b.limits.connections_per_address);
  CHECK(a.limits.connections_total == b.limits.connections_total);
  CHECK(a.limits.trusted == b.limits.trusted);
  CHECK(a.stream.grace_period == b.stream.grace_period);
  CHECK(a.log.level == b.log.level);
}

}  // namespace

TEST_CASE("config: nothing written is one node with every role on SQLite", "[app][config]") {
  const auto c = parsed("");
  REQUIRE(c.nodes.size() == 1);
  CHECK(c.nodes[0].name == "a");
  CHECK(c.nodes[0].roles.size() == 5);
  CHECK(c.cluster.engine() == store_engine::sqlite);
  CHECK(c.cluster.store == "sqlite:/etc/troupe/var/troupe.db");
  CHECK(c.cluster.data == "/etc/troupe/var");
  CHECK(c.limits.requests_per_minute_user == 100);
  CHECK(c.limits.requests_per_minute_address == 1000);
  CHECK(c.limits.chat_messages_user == 20);
  CHECK(c.limits.chat_messages_moderator == 300);
  CHECK(c.limits.follows_per_user == 5000);
  CHECK(c.limits.fetched_media_bytes == 256 << 20);
  CHECK(c.stream.grace_period == std::chrono::seconds(90));
  CHECK_FALSE(c.tls.is_set());
  CHECK(c.find_node("") == &c.nodes[0]);
  CHECK(c.find_node("a") == &c.nodes[0]);
  CHECK(c.find_node("b") == nullptr);
}

TEST_CASE("config: reads every section", "[app][config]") {
  const auto c = parsed(R"(
[cluster]
name = "home"
store = "postgresql://troupe@db/troupe"
data = "/srv/troupe"
objects = "s3://bucket?endpoint=https://s3.example"
[cluster.tls]
ca = "ca.pem"
cert = "node.pem"
key = "/secret/node.key"
[[node]]
name = "a"
host = "10.0.0.1"
http_listen = "127.0.0.1"
roles = ["edge", "ingest"]
[[node]]
name = "b"
host = "fd00::2"
listen = "::"
http = 80
rtmp = 0
cluster = 4041
web = "page"
[limits]
streams_total = 0
follows_per_user = 7
fetched_media_bytes = 1000000
trusted = ["10.0.0.0/8", "::1", "fd00::/8"]
[stream]
grace_period_s = 5
[log]
level = "debug"
)");
  CHECK(c.cluster.engine() == store_engine::postgresql);
  CHECK(c.cluster.store == "postgresql://troupe@db/troupe");
  CHECK(c.cluster.data == "/srv/troupe");
  CHECK(c.tls.ca == "/etc/troupe/ca.pem");
  CHECK(c.tls.key == "/secret/node.key");
  REQUIRE(c.nodes.size() == 2);
  CHECK(c.nodes[0].roles == std::set{role::edge, role::ingest});
  CHECK(c.nodes[1].http == 80);
  CHECK(c.nodes[0].http_address() == "127.0.0.1");
  CHECK(c.nodes[1].http_address() == "::");
  CHECK(c.nodes[1].rtmp == 0);
  CHECK(c.nodes[1].web == "/etc/troupe/page");
  CHECK(c.limits.streams_total == 0);
  CHECK(c.limits.follows_per_user == 7);
  CHECK(c.limits.fetched_media_bytes == 1'000'000);
  CHECK(c.limits.trusted.size() == 3);
  CHECK(c.stream.grace_period == std::chrono::seconds(5));
  CHECK(c.log.level == log::level::debug);
  CHECK(c.find_node("") == nullptr);
  CHECK(c.find_node("b") == &c.nodes[1]);
}

TEST_CASE("config: refuses with the line and what was expected", "[app][config]") {
  struct example {
    std::string_view text;
    std::string_view expected;
  };

  const auto e = GENERATE(values<example>({
      {"[cluster", "cluster.conf:1: "},
      {"a = 1\na = 2", "cluster.conf:2: "},
      {"[log]\n\n[.a]\n[stream]\n", "cluster.conf:3: expected a key, a [table]"},
      {"[log]\n[[=]]", "cluster.conf:2: expected a key, a [table]"},
      {"[[\n]]", "cluster.conf:"},
      {"[log]\nlevel = \u00e9", "cluster.conf:2: "},
      {"[log]\n\u00e9 = 1", "cluster.conf:2: "},
      {"nodes = 1", "cluster.conf:1: unknown key \"nodes\"; expected [cluster], [[node]]"},
      {"\n[stream]\ngrace = 1",
       "cluster.conf:3: unknown key \"grace\" in [stream]; expected one of grace_period_s"},
      {"[cluster]\nstore = \"mysql://x\"", "cluster.conf:2: cluster.store: expected \"sqlite:PATH"},
      {"[cluster]\nstore = 3", "cluster.conf:2: cluster.store: expected"},
      {"[cluster]\nname = \"\"", "cluster.conf:2: cluster.name: expected a name"},
      {"[[node]]\nhttp = 65536",
       "cluster.conf:2: node.http: expected a whole number from 0 to 65535, found 65536"},
      {"[[node]]\nhttp = \"80\"", "found \"80\""},
      {"[[node]]\nhttp = 80.5", "found a fraction"},
      {"[[node]]\nname = \"A b\"", "cluster.conf:2: node.name: expected a name of 1 to 32"},
      {"[[node]]\nname = \"../x\"", "cluster.conf:2: node.name: expected"},
      {"[[node]]\nroles = [\"edge\", \"chef\"]", "cluster.conf:2: node.roles: expected a list of"},
      {"[[node]]\nroles = []", "cluster.conf:2: node.roles: expected"},
      {"[[node]]\nroles = [\"edge\", \"edge\"]", "cluster.conf:2: node.roles: expected"},
      {"[[node]]\nhttp = 80\nrtmp = 80", "cluster.conf:1: node: expected different ports"},
      {"[[node]]\nlisten = \"localhost\"", "cluster.conf:2: node.listen: expected an IP address"},
      {"[[node]]\nhost = \"a b\"", "cluster.conf:2: node.host: expected a host name"},
      {"[node]\nname = \"a\"", "cluster.conf:1: node: expected one or more [[node]] blocks"},
      {"node = []", "cluster.conf:1: node: expected one or more [[node]] blocks"},
      {"[limits]\ntrusted = [\"10.0.0.0/33\"]", "cluster.conf:2: limits.trusted: expected a list"},
      {"[limits]\ntrusted = \"10.0.0.1\"", "cluster.conf:2: limits.trusted: expected a list"},
      {"[limits]\nstreams_total = -1", "cluster.conf:2: limits.streams_total: expected a whole"},
      {"limits = 3", "cluster.conf:1: limits: expected a table [limits], found 3"},
      {"[log]\nlevel = \"loud\"", "cluster.conf:2: log.level: expected one of \"trace\""},
      {"[cluster.tls]\nca = \"ca.pem\"", "cluster.tls: expected ca, cert and key together"},
  }));
  CAPTURE(e.text);
  CHECK_THAT(refusal(e.text), Catch::Contains(std::string(e.expected)));
}

TEST_CASE("config: several nodes need names of their own and a store they can share",
          "[app][config]") {
  const auto all = refusal(
      "[cluster]\nstore = \"sqlite:x.db\"\n[[node]]\nname = \"a\"\n"
      "[[node]]\nname = \"a\"\n[[node]]\nhttp = 1\n");
  CHECK_THAT(all, Catch::Contains("cluster.conf:1: cluster.store: expected \"postgresql://…\" for "
                                  "3 nodes"));
  CHECK_THAT(all, Catch::Contains("cluster.conf:6: node.name: expected a name of its own, found "
                                  "\"a\" again (first in line 4)"));
  CHECK_THAT(all, Catch::Contains("cluster.conf:7: node.name: expected a name for each"));
  CHECK_THAT(all, Catch::Contains("cluster.conf:7: node.host: expected a host for each"));
}

TEST_CASE("config: reports every problem, in the order of the file", "[app][config]") {
  const auto all = refusal("[log]\nlevel = 1\n[limits]\nx = 1\nstreams_total = true\n");
  const auto lines = lines_of(all);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].starts_with("cluster.conf:2:"));
  CHECK(lines[1].starts_with("cluster.conf:4:"));
  CHECK(lines[2].starts_with("cluster.conf:5:"));
}

TEST_CASE("config: a message never repeats a store's password", "[app][config]") {
  CHECK_THAT(refusal("[cluster]\nstore = \"mysql://user:hunter2@db\""),
             !Catch::Contains("hunter2"));
}

TEST_CASE("config: broken UTF-8 is refused with its line", "[app][config]") {
  CHECK_THAT(refusal("[log]\nlevel\x97\x98 = 1\n"), Catch::Contains("cluster.conf:2: "));
  CHECK_THAT(refusal("# \xff\n"), Catch::Contains("cluster.conf:1: "));
}

TEST_CASE("config: a byte order mark in front is no matter", "[app][config]") {
  CHECK(parsed("\xEF\xBB\xBF[stream]\ngrace_period_s = 5\n").stream.grace_period ==
        std::chrono::seconds(5));
}

TEST_CASE("config: a path that cannot be read is refused", "[app][config]") {
  CHECK_FALSE(load_config("/nonexistent/cluster.conf").has_value());
  CHECK_FALSE(load_config("/tmp").has_value());
  const auto sample = load_config(std::string(TROUPE_SOURCE_DIR) + "/cluster.conf");
  REQUIRE(sample.has_value());
  CHECK(sample->cluster.data == std::string(TROUPE_SOURCE_DIR) + "/var");
}

TEST_CASE("config: the sample file is the defaults, with and without its comment marks",
          "[app][config][lint]") {
  const auto sample = file_in_source_tree("cluster.conf");
  const auto defaults = parsed("");
  check_same(parsed(sample), defaults);
  check_same(parsed(with_every_option(sample)), defaults);
}

TEST_CASE("config: every option stands in the sample and in the guide, with its default",
          "[app][config][lint]") {
  const auto sample = lines_of(file_in_source_tree("cluster.conf"));
  const auto guide = file_in_source_tree("docs/operating.md");
  for (const auto& option : describe_options()) {
    CAPTURE(option.section, option.key);
    const auto starts = fmt::format("#{} = ", option.key);
    const auto count = std::ranges::count_if(
        sample, [&](const std::string& line) { return line.starts_with(starts); });
    // "name" is an option of [cluster] and of [[node]].
    CHECK(count == (option.key == "name" ? 2 : 1));
    if (!option.default_text.empty()) {
      CHECK(std::ranges::count(sample, starts + option.default_text) == 1);
    }
    const auto row = fmt::format("| `{}.{}` |", option.section, option.key);
    CHECK_THAT(guide, Catch::Contains(row));
    CHECK_FALSE(option.expected.empty());
  }
}

TEST_CASE("config: the sample names no option that does not exist", "[app][config][lint]") {
  const auto all = describe_options();
  for (const auto& line : lines_of(file_in_source_tree("cluster.conf"))) {
    if (line.size() < 2 || line[0] != '#' || line[1] == ' ' || line[1] == '[') {
      continue;
    }
    const auto key = line.substr(1, line.find(' ') - 1);
    CAPTURE(line);
    CHECK(std::ranges::count(all, key, &option_description::key) >= 1);
  }
}

}  // namespace troupe::app
