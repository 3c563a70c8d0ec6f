// SPDX-License-Identifier: GPL-3.0-or-later
// The admin service and the command line's side of it, over a real Unix socket in a folder of their
// own, and the commands on top.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "app/admin/client.hpp"
#include "app/admin/server.hpp"
#include "app/cli/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe::admin {
namespace {

namespace json = boost::json;

member_status other_node() {
  member_status m;
  m.node = "b";
  m.state = "draining";
  m.incarnation = 78;
  m.address = "10.0.0.2:4040";
  m.roles = {"edge", "rooms"};
  m.heard_ago = std::chrono::milliseconds(40);
  m.is_suspected = true;
  m.answers = true;
  m.version = "1.2.2";
  m.uptime = std::chrono::seconds(9);
  m.http_port = 8081;
  m.rtmp_port = 1936;
  m.counts = {{"room entities", 4}};
  return m;
}

/// A node that knows one user, one stream and another node.
calls small_node() {
  calls c;
  c.status = [](callback<node_status> done) {
    done(node_status{"a",
                     "active",
                     "1.2.3",
                     std::chrono::seconds(7),
                     "host",
                     8080,
                     1935,
                     {{"entities", 3}, {"streams_live", 1}},
                     12,
                     77,
                     "10.0.0.1:4040",
                     {"ingest"},
                     "may serve",
                     {other_node()}});
  };
  c.move = [](const std::string& name, const std::string& node, callback<moved> done) {
    if (node == "x") {
      done(fail(errc::invalid_argument, "no_such_node", "no other active node is x"));
      return;
    }
    done(moved{name, "a", node, std::chrono::microseconds(12'340)});
  };
  c.drain = [](const std::string& node, callback<drained> done) {
    done(drained{node, node == "c" ? 2U : 0U, std::chrono::milliseconds(1500)});
  };
  c.tree = [](callback<runtime::tree_node> done) {
    done(runtime::tree_node{
        "troupe", "supervisor", "running", 0, 0, {{"stream/5", "entity", "active", 2, 7, {}}}});
  };
  c.where = [](const std::string& name, callback<location> done) {
    if (name != "stream/5") {
      done(fail(errc::not_found, "no_such_kind", "there is no kind \"x\""));
      return;
    }
    done(location{name, "a", "active", 9});
  };
  c.create_user = [](const wanted_user& wanted, callback<created_user> done) {
    if (wanted.username == "taken") {
      done(fail(errc::conflict, "username_taken", "the name is taken"));
      return;
    }
    done(created_user{largest_id,
                      wanted.username + (wanted.is_administrator ? "+" : "") + wanted.password});
  };
  c.set_password = [](const std::string&, const std::string& password, callback<void> done) {
    if (password == "weak") {
      done(fail(errc::invalid_argument, "weak_password", "too weak"));
      return;
    }
    done({});
  };
  c.rotate_token_key = [](bool ends_older, callback<signing_key> done) {
    done(signing_key{ends_older ? "alone" : "next", from_unix_ms(1'768'471'200'123)});
  };
  return c;
}

std::unique_ptr<server> started(const std::filesystem::path& socket, calls c = small_node()) {
  auto made = start_server(socket, std::move(c));
  REQUIRE(made.has_value());
  return std::move(*made);
}

/// A socket as a process that was killed leaves it.
void leave_stale_socket(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  close(fd);
}

struct finished {
  int code = 0;
  std::string out;
  std::string err;
};

finished run_command(std::vector<std::string> arguments, const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const auto serve = [](const app::config&, const app::node_config&) { return 42; };
  const int code = cli::run(std::move(arguments), serve, {in, out, err});
  return {code, out.str(), err.str()};
}

}  // namespace

TEST_CASE("admin: what the node answers arrives whole", "[app][admin]") {
  const test::temporary_folder data;
  const auto node = started(data.path / "a.sock");
  const auto c = make_client(data.path / "a.sock");

  const auto status = c->status();
  REQUIRE(status.has_value());
  CHECK(status->node == "a");
  CHECK(status->state == "active");
  CHECK(status->version == "1.2.3");
  CHECK(status->uptime == std::chrono::seconds(7));
  CHECK(status->host == "host");
  CHECK(status->http_port == 8080);
  CHECK(status->rtmp_port == 1935);
  REQUIRE(status->counts.size() == 2);
  CHECK(status->counts[1] == std::pair<std::string, std::int64_t>("streams_live", 1));

  CHECK(status->view == 12);
  CHECK(status->incarnation == 77);
  CHECK(status->address == "10.0.0.1:4040");
  CHECK(status->roles == std::vector<std::string>{"ingest"});
  CHECK(status->sentence == "may serve");
  REQUIRE(status->members.size() == 1);
  const auto& other = status->members.front();
  const auto expected = other_node();
  CHECK(other.node == expected.node);
  CHECK(other.state == expected.state);
  CHECK(other.incarnation == expected.incarnation);
  CHECK(other.address == expected.address);
  CHECK(other.roles == expected.roles);
  CHECK(other.heard_ago == expected.heard_ago);
  CHECK(other.is_suspected);
  CHECK(other.answers);
  CHECK(other.version == expected.version);
  CHECK(other.uptime == expected.uptime);
  CHECK(other.http_port == expected.http_port);
  CHECK(other.rtmp_port == expected.rtmp_port);
  CHECK(other.counts == expected.counts);

  const auto moved = c->move("room/977", "b");
  REQUIRE(moved.has_value());
  CHECK(moved->name == "room/977");
  CHECK(moved->from == "a");
  CHECK(moved->to == "b");
  CHECK(moved->pause == std::chrono::microseconds(12'340));
  CHECK(c->move("room/977", "x").error().reason == "no_such_node");
  const auto drained = c->drain("c");
  REQUIRE(drained.has_value());
  CHECK(drained->node == "c");
  CHECK(drained->stayed == 2);
  CHECK(drained->took == std::chrono::milliseconds(1500));

  const auto tree = c->tree();
  REQUIRE(tree.has_value());
  REQUIRE(tree->size() == 2);
  CHECK((*tree)[1].depth == 1);
  CHECK((*tree)[1].name == "stream/5");
  CHECK((*tree)[1].state == "active");
  CHECK((*tree)[1].kind == "entity");
  CHECK((*tree)[1].restarts == 2);
  CHECK((*tree)[1].mailbox == 7);

  const auto found = c->where("stream/5");
  REQUIRE(found.has_value());
  CHECK(found->node == "a");
  CHECK(found->epoch == 9);

  const auto user = c->create_user({"ann", "ann@example.org", "secret", true});
  REQUIRE(user.has_value());
  CHECK(user->id == largest_id);
  CHECK(user->username == "ann+secret");
  CHECK(c->set_password("ann", "better").has_value());

  const auto key = c->rotate_token_key(false);
  REQUIRE(key.has_value());
  CHECK(key->name == "next");
  CHECK(key->signs_from == from_unix_ms(1'768'471'200'123));
  CHECK(c->rotate_token_key(true)->name == "alone");
}

TEST_CASE("admin: errors come back as what they were", "[app][admin]") {
  const test::temporary_folder data;
  const auto node = started(data.path / "a.sock");
  const auto c = make_client(data.path / "a.sock");
  CHECK(c->where("x/1").error() ==
        make_error(errc::not_found, "no_such_kind", "there is no kind \"x\""));
  CHECK(c->create_user({"taken", "", "", false}).error() ==
        make_error(errc::conflict, "username_taken", "the name is taken"));
  CHECK(c->set_password("ann", "weak").error() ==
        make_error(errc::invalid_argument, "weak_password", "too weak"));
}

TEST_CASE("admin: a tree too long for one answer is cut and says so", "[app][admin]") {
  const test::temporary_folder data;
  auto many = small_node();
  many.tree = [](callback<runtime::tree_node> done) {
    runtime::tree_node root{"troupe", "supervisor", "running", 0, 0, {}};
    root.children.assign(30'000, {"stream/1", "entity", "active", 0, 0, {}});
    done(std::move(root));
  };
  const auto node = started(data.path / "a.sock", std::move(many));
  const auto tree = make_client(data.path / "a.sock")->tree();
  REQUIRE(tree.has_value());
  CHECK(tree->size() == 20'001);
  CHECK(tree->back().state == "cut here");
}

TEST_CASE("admin: a node that never answers is given up on", "[app][admin]") {
  const test::temporary_folder data;
  auto silent = small_node();
  callback<node_status> kept;
  silent.status = [&kept](callback<node_status> done) { kept = std::move(done); };
  const auto node = started(data.path / "a.sock", std::move(silent));
  const auto c = make_client(data.path / "a.sock", std::chrono::milliseconds(50));
  CHECK(c->status().error().code == errc::deadline_exceeded);
  if (kept) {
    kept(fail(errc::unavailable, "too late"));
  }
}

TEST_CASE("admin: without a node the answer is clear and quick", "[app][admin]") {
  const test::temporary_folder data;
  const auto c = make_client(data.path / "a.sock");
  CHECK(c->status().error().reason == "no_node");
  leave_stale_socket(data.path / "a.sock");
  CHECK(c->status().error().reason == "no_node");
}

TEST_CASE("admin: the socket belongs to one node and one user", "[app][admin]") {
  const test::temporary_folder data;
  const auto socket = data.path / "a.sock";
  SECTION("mode 0600, gone after stop") {
    auto node = started(socket);
    struct stat found{};
    REQUIRE(stat(socket.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
    node->stop();
    CHECK_FALSE(std::filesystem::exists(socket));
  }
  SECTION("one that was left behind is replaced") {
    leave_stale_socket(socket);
    const auto node = started(socket);
    CHECK(make_client(socket)->status().has_value());
  }
  SECTION("one that is answered is not") {
    const auto node = started(socket);
    const auto second = start_server(socket, small_node());
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().reason == "node_is_running");
    CHECK(make_client(socket)->status().has_value());
  }
  SECTION("a file in its place is left alone") {
    std::ofstream(socket) << "precious";
    CHECK(start_server(socket, small_node()).error().code == errc::conflict);
    CHECK(std::filesystem::file_size(socket) == 8);
  }
  SECTION("a folder that is not there, a path that is too long") {
    CHECK_FALSE(start_server(data.path / "none" / "a.sock", small_node()).has_value());
    const auto too_long = start_server(data.path / std::string(120, 'x'), small_node());
    CHECK(too_long.error().code == errc::invalid_argument);
  }
}

TEST_CASE("commands: the exit code says what happened", "[app][cli]") {
  const test::temporary_folder data;
  const auto file = (data.path / "cluster.conf").string();
  std::ofstream(file) << "[cluster]\ndata = \".\"\n[[node]]\nname = \"n\"\n";
  const auto ask = [&](std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.end(), {"--config", file});
    return run_command(std::move(arguments), input);
  };

  CHECK(ask({"serve"}).code == 42);
  CHECK(ask({"serve", "--node", "n"}).code == 42);
  CHECK(ask({"serve", "--node", "m"}).code == 2);
  CHECK_THAT(ask({"check-config"}).out, Catch::Contains("fine"));
  const auto nobody = ask({"status"});
  CHECK(nobody.code == 3);
  CHECK_THAT(nobody.err, Catch::Contains("no node runs"));

  const auto node = started(data.path / "n.sock");
  CHECK_THAT(ask({"status"}).out, Catch::Contains("node a is active"));
  CHECK_THAT(ask({"tree"}).out,
             Catch::Contains("\n  stream/5 active, restarted 2 times, 7 messages waiting"));
  CHECK(json::parse(ask({"where", "stream/5", "--json"}).out).at("node") == "a");
  const auto unknown = ask({"where", "x/1", "--json"});
  CHECK(unknown.code == 1);
  CHECK(json::parse(unknown.out).at("error").at("code") == "no_such_kind");
  const auto user = ask({"user", "create", "ann", "--email", "e", "--password-stdin", "--json"},
                        "pass word\r\nnext line\n");
  CHECK(json::parse(user.out).at("username") == "annpass word");
  CHECK(json::parse(user.out).at("user_id") == largest_id);
  CHECK(ask({"user", "set-password", "ann", "--password-stdin"}, "").code == 1);
  CHECK(ask({"user", "set-password", "ann", "--password-stdin"}, std::string(5000, 'x')).code == 1);
  CHECK(ask({"user", "set-password", "ann", "--password-stdin"}, "good").code == 0);
  CHECK_THAT(ask({"rotate-token-key"}).out,
             Catch::Equals("key next signs access tokens from 2026-01-15T10:00:00.123Z on\n"));
  const auto rotated = json::parse(ask({"rotate-token-key", "--end-older", "--json"}).out);
  CHECK(rotated.at("kid") == "alone");
  CHECK(rotated.at("ends_older") == true);
}

TEST_CASE("commands: a wrong configuration is told with its lines", "[app][cli]") {
  const test::temporary_folder data;
  const auto file = (data.path / "c.conf").string();
  std::ofstream(file) << "[log]\nlevel = 1\n[stream]\nx = 1\n";
  for (const auto* name : {"check-config", "serve", "status"}) {
    const auto end = run_command({name, "--config", file});
    CHECK(end.code == 2);
    CHECK_THAT(end.err, Catch::Contains(file + ":2: log.level"));
    CHECK_THAT(end.err, Catch::Contains(file + ":4: unknown key"));
  }
  CHECK_THAT(run_command({"version"}).out, Catch::StartsWith("troupe "));
}

TEST_CASE("commands: of several nodes the first that answers is asked", "[app][cli]") {
  const test::temporary_folder data;
  const auto file = (data.path / "c.conf").string();
  std::ofstream(file)
      << "[cluster]\nstore = \"postgresql://x\"\ndata = \".\"\n"
         "[[node]]\nname = \"m\"\nhost = \"m\"\n[[node]]\nname = \"n\"\nhost = \"n\"\n";
  const auto node = started(data.path / "n.sock");
  CHECK(run_command({"status", "--config", file}).code == 0);
  CHECK(run_command({"status", "--config", file, "--node", "n"}).code == 0);
  CHECK(run_command({"status", "--config", file, "--node", "m"}).code == 3);
  CHECK(run_command({"serve", "--config", file}).code == 2);
}

}  // namespace troupe::admin
