// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/certificates.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <catch2/catch.hpp>

#include "app/cli/run.hpp"
#include "base/metrics.hpp"
#include "runtime/link/grpc_link.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

struct outcome {
  int code = 0;
  std::string out;
  std::string err;
};

outcome troupe(const std::vector<std::string>& arguments) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  const int code = run(arguments, [](const app::config&, const app::node_config&) { return 99; },
                       {in, out, err});
  return {code, out.str(), err.str()};
}

mode_t mode_of(const fs::path& file) {
  struct stat found{};
  REQUIRE(stat(file.c_str(), &found) == 0);
  return found.st_mode & 0777;
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("troupe cert: a CA and a node's certificate that the node takes", "[app][cli]") {
  const test::temporary_folder folder;
  const auto ca = folder.path / "ca";
  const auto a = folder.path / "nodes" / "a";
  const auto made_ca = troupe({"cert", "ca", "--out", ca.string()});
  CHECK(made_ca.code == 0);
  CHECK(made_ca.err.empty());
  CHECK_THAT(made_ca.out, Catch::Contains("Keep the key off the nodes"));
  const auto made = troupe({"cert", "node", "a", "--ca", ca.string(), "--out", a.string(), "--host",
                            "a.example.org", "10.0.0.1"});
  CHECK(made.code == 0);
  CHECK_THAT(made.out, Catch::Contains("[cluster.tls]\nca = \"" + (a / "ca.pem").string() + '"'));
  CHECK(mode_of(ca / "ca.key") == 0600);
  CHECK(mode_of(a / "node.key") == 0600);
  CHECK(mode_of(a / "node.pem") == 0644);
  CHECK(mode_of(a) == 0700);
  CHECK(content(a / "ca.pem") == content(ca / "ca.pem"));
  CHECK_FALSE(fs::exists(a / "ca.key"));

  metrics figures;
  runtime::grpc_link_options options;
  options.node = "a";
  options.listen = "127.0.0.1";
  options.certificates = {a / "ca.pem", a / "node.pem", a / "node.key"};
  CHECK(runtime::make_grpc_link(options, figures).has_value());
  options.node = "b";
  CHECK_FALSE(runtime::make_grpc_link(options, figures).has_value());
}

TEST_CASE("troupe cert: writes over nothing", "[app][cli]") {
  const test::temporary_folder folder;
  const auto ca = (folder.path / "ca").string();
  const auto node = (folder.path / "a").string();
  REQUIRE(troupe({"cert", "ca", "--out", ca}).code == 0);
  REQUIRE(troupe({"cert", "node", "a", "--ca", ca, "--out", node}).code == 0);
  const auto ca_key = content(folder.path / "ca" / "ca.key");
  const auto node_key = content(folder.path / "a" / "node.key");
  const auto again = troupe({"cert", "ca", "--out", ca});
  CHECK(again.code == 1);
  CHECK_THAT(again.err, Catch::Contains("exists already"));
  CHECK(
      troupe({"cert", "node", "a", "--ca", ca, "--out", node, "--json"}).out.find("file_exists") !=
      std::string::npos);
  CHECK(content(folder.path / "ca" / "ca.key") == ca_key);
  CHECK(content(folder.path / "a" / "node.key") == node_key);

  // A dangling link is a name that is taken, too.
  fs::remove(folder.path / "a" / "node.key");
  fs::create_symlink(folder.path / "elsewhere", folder.path / "a" / "node.key");
  CHECK(troupe({"cert", "node", "a", "--ca", ca, "--out", node}).code == 1);
  CHECK_FALSE(fs::exists(folder.path / "elsewhere"));

  // Nor is a node's certificate put beside another CA's.
  const auto other = (folder.path / "other").string();
  REQUIRE(troupe({"cert", "ca", "--out", other}).code == 0);
  fs::remove(folder.path / "a" / "node.key");
  fs::remove(folder.path / "a" / "node.pem");
  const auto mixed = troupe({"cert", "node", "a", "--ca", other, "--out", node});
  CHECK(mixed.code == 1);
  CHECK_THAT(mixed.err, Catch::Contains("another CA's"));
  CHECK_FALSE(fs::exists(folder.path / "a" / "node.key"));
}

TEST_CASE("troupe cert: says what is wrong", "[app][cli]") {
  const test::temporary_folder folder;
  const auto ca = (folder.path / "ca").string();
  const auto out = (folder.path / "a").string();
  const auto early = troupe({"cert", "node", "a", "--ca", ca, "--out", out});
  CHECK(early.code == 1);
  CHECK_THAT(early.err, Catch::Contains("troupe cert ca --out"));
  REQUIRE(troupe({"cert", "ca", "--out", ca}).code == 0);
  CHECK_THAT(troupe({"cert", "node", "A node", "--ca", ca, "--out", out}).err,
             Catch::Contains("is no node's name"));
  // It would let node a speak as node b.
  CHECK_THAT(troupe({"cert", "node", "a", "--ca", ca, "--out", out, "--host", "b"}).err,
             Catch::Contains("could be another node's name"));
  CHECK_THAT(troupe({"cert", "node", "a", "--ca", ca, "--out", out, "--host", "x,DNS:b"}).err,
             Catch::Contains("is no host name"));
  CHECK_FALSE(fs::exists(folder.path / "a" / "node.key"));
  CHECK(troupe({"cert"}).code == 2);
  CHECK(troupe({"cert", "ca"}).code == 2);
  CHECK(troupe({"cert", "node", "a"}).code == 2);
}

}  // namespace troupe::cli
