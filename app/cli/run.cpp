// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/run.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "app/admin/client.hpp"
#include "app/admin/server.hpp"
#include "app/cli/certificates.hpp"
#include "app/cli/command.hpp"
#include "app/version.hpp"

namespace troupe::cli {
namespace {

namespace json = boost::json;

constexpr int done = 0;
constexpr int failed = 1;
constexpr int refused = 2;
constexpr int nobody_answers = 3;

// Longer than any password accounts take; a wrong file on standard input ends here.
constexpr std::size_t longest_password = 4096;

constexpr auto usual_timeout = std::chrono::seconds(20);
// What a drain takes besides moving: the store is told, sockets are.
constexpr auto drain_allowance = std::chrono::seconds(20);

json::object to_json(const std::vector<std::pair<std::string, std::int64_t>>& counts) {
  json::object o;
  for (const auto& [name, value] : counts) {
    o[name] = value;
  }
  return o;
}

json::object to_json(const admin::member_status& m) {
  json::object o{{"node", m.node},
                 {"state", m.state},
                 {"incarnation", m.incarnation},
                 {"address", m.address},
                 {"roles", json::array(m.roles.begin(), m.roles.end())},
                 {"heard_ago_ms", nullptr},
                 {"suspected", m.is_suspected},
                 {"answers", m.answers}};
  if (m.heard_ago) {
    o["heard_ago_ms"] = m.heard_ago->count();
  }
  if (m.answers) {
    o["version"] = m.version;
    o["uptime_s"] = m.uptime.count();
    o["http_port"] = m.http_port;
    o["rtmp_port"] = m.rtmp_port;
    o["counts"] = to_json(m.counts);
  }
  return o;
}

std::string to_text(const admin::member_status& m) {
  std::string text = fmt::format("node {} is {}\n  address {}\n  roles {}\n", m.node, m.state,
                                 m.address, fmt::join(m.roles, ", "));
  if (m.is_suspected) {
    text += "  does not answer this node's pings\n";
  }
  if (m.answers) {
    text += fmt::format("  version {}\n  up for {} s\n", m.version, m.uptime.count());
    for (const auto& [name, value] : m.counts) {
      text += fmt::format("  {} {}\n", name, value);
    }
  }
  return text;
}

class runner {
 public:
  runner(const invocation& asked, const serve_function& serve, streams io)
      : asked_(asked), serve_(serve), io_(io) {}

  int run() {
    if (std::holds_alternative<version>(asked_.what)) {
      return answer({{"version", app::version()}}, fmt::format("troupe {}", app::version()));
    }
    if (const auto* what = std::get_if<make_ca>(&asked_.what)) {
      return make(*what);
    }
    if (const auto* what = std::get_if<make_node_certificate>(&asked_.what)) {
      return make(*what);
    }
    auto loaded = app::load_config(asked_.config);
    if (!loaded) {
      return report(loaded.error());
    }
    config_ = std::move(*loaded);
    if (!asked_.node.empty() && config_.find_node(asked_.node) == nullptr) {
      io_.err << fmt::format("--node: there is no node \"{}\" in the configuration; expected {}\n",
                             asked_.node, node_names());
      return refused;
    }
    return std::visit([this](const auto& what) { return on(what); }, asked_.what);
  }

 private:
  int on(const serve&) {
    const auto* node = config_.find_node(asked_.node);
    if (node == nullptr) {
      io_.err << fmt::format("--node is needed with several nodes: expected {}\n", node_names());
      return refused;
    }
    return serve_(config_, *node);
  }

  int on(const check_config&) {
    json::array nodes;
    for (const auto& node : config_.nodes) {
      nodes.push_back({{"name", node.name},
                       {"host", node.host},
                       {"http", node.http},
                       {"rtmp", node.rtmp},
                       {"cluster", node.cluster}});
    }
    // The store's address stays out: it may hold a password.
    return answer({{"nodes", nodes}, {"data", config_.cluster.data.string()}},
                  fmt::format("The configuration is fine: {} node(s), {}.", config_.nodes.size(),
                              node_names()));
  }

  int on(const status&) {
    return ask<admin::node_status>([](admin::client& c) { return c.status(); },
                                   [this](const admin::node_status& s) { return show(s); });
  }

  int on(const tree&) {
    using lines = std::vector<admin::tree_line>;
    return ask<lines>([](admin::client& c) { return c.tree(); },
                      [this](const lines& l) { return show(l); });
  }

  int on(const where& what) {
    return ask<admin::location>(
        [&](admin::client& c) { return c.where(what.name); },
        [this](const admin::location& l) {
          return answer(
              {{"name", l.name}, {"node", l.node}, {"state", l.state}, {"epoch", l.epoch}},
              l.state == "passive"
                  ? fmt::format("{} is not in use; it would start on node {}", l.name, l.node)
                  : fmt::format("{} is {} on node {}", l.name, l.state, l.node));
        });
  }

  int on(const cli::move& what) {
    return ask<admin::moved>(
        [&](admin::client& c) { return c.move(what.name, what.to); },
        [this](const admin::moved& m) {
          const auto pause_ms = std::chrono::duration<double, std::milli>(m.pause).count();
          return answer(
              {{"name", m.name}, {"from", m.from}, {"node", m.to}, {"pause_ms", pause_ms}},
              fmt::format("{} moved from node {} to node {}; it was away for {:.1f} ms", m.name,
                          m.from, m.to, pause_ms));
        });
  }

  int on(const drain& what) {
    return ask<admin::drained>(
        [&](admin::client& c) { return c.drain(what.node); },
        [this](const admin::drained& d) {
          const auto seconds = std::chrono::duration<double>(d.took).count();
          return answer(
              {{"node", d.node}, {"stayed", d.stayed}, {"took_ms", d.took.count()}},
              d.stayed == 0
                  ? fmt::format("node {} holds nothing any more after {:.1f} s: it can be stopped",
                                d.node, seconds)
                  : fmt::format(
                        "node {} still holds {} that could not be moved after {:.1f} s; the "
                        "others take them over when it is stopped",
                        d.node, d.stayed, seconds));
        },
        config_.cluster.drain_timeout + drain_allowance);
  }

  int on(const create_user& what) {
    const auto password = read_password();
    if (!password) {
      return failed;
    }
    return ask<admin::created_user>(
        [&](admin::client& c) {
          return c.create_user({what.username, what.email, *password, what.is_administrator});
        },
        [this](const admin::created_user& user) {
          return answer({{"user_id", user.id}, {"username", user.username}},
                        fmt::format("{} has been made (user {})", user.username, user.id));
        });
  }

  int on(const set_password& what) {
    const auto password = read_password();
    if (!password) {
      return failed;
    }
    return ask<void>([&](admin::client& c) { return c.set_password(what.username, *password); },
                     [&, this] {
                       return answer({{"username", what.username}},
                                     fmt::format("{} has a new password", what.username));
                     });
  }

  int on(const rotate_token_key& what) {
    return ask<admin::signing_key>(
        [&](admin::client& c) { return c.rotate_token_key(what.ends_older); },
        [&, this](const admin::signing_key& key) {
          const auto from = to_iso8601(key.signs_from);
          return answer({{"kid", key.name}, {"signs_from", from}, {"ends_older", what.ends_older}},
                        fmt::format("key {} signs access tokens from {} on{}", key.name, from,
                                    what.ends_older ? "; what older ones signed is refused" : ""));
        });
  }

  // Done by run(), without a configuration.
  int on(const version&) { return done; }

  int on(const make_ca&) { return done; }

  int on(const make_node_certificate&) { return done; }

  int make(const make_ca& what) {
    const auto files = write_ca(what.out);
    if (!files) {
      return fails_with(files.error());
    }
    return answer(
        {{"cert", files->cert.string()}, {"key", files->key.string()}},
        fmt::format("The CA is {}, its key {}. Keep the key off the nodes: whoever has it "
                    "can make one.\nNext, for each node: troupe cert node NAME --ca {} "
                    "--out FOLDER",
                    files->cert.string(), files->key.string(), what.out.string()));
  }

  int make(const make_node_certificate& what) {
    const auto files = write_node_certificate(what.name, what.ca, what.out, what.hosts);
    if (!files) {
      return fails_with(files.error());
    }
    return answer({{"node", what.name},
                   {"ca", files->ca.string()},
                   {"cert", files->cert.string()},
                   {"key", files->key.string()}},
                  fmt::format("{} holds what node {} shows the others. Bring it to that machine, "
                              "beside cluster.conf, which says on every node (with the folder's "
                              "name there):\n\n[cluster.tls]\nca = \"{}\"\ncert = \"{}\"\nkey = "
                              "\"{}\"",
                              what.out.string(), what.name, files->ca.string(),
                              files->cert.string(), files->key.string()));
  }

  int fails_with(const error& e) {
    if (asked_.json) {
      io_.out << json::serialize(
                     json::object{{"error", {{"code", e.reason}, {"message", e.message}}}})
              << '\n';
    }
    io_.err << e.message << '\n';
    return failed;
  }

  int show(const admin::node_status& s) {
    std::string text = fmt::format("node {} is {}\n  version {}\n  up for {} s\n  http port {}\n",
                                   s.node, s.state, s.version, s.uptime.count(), s.http_port);
    if (s.rtmp_port != 0) {
      text += fmt::format("  rtmp port {}\n", s.rtmp_port);
    }
    for (const auto& [name, value] : s.counts) {
      text += fmt::format("  {} {}\n", name, value);
    }
    json::object all{{"node", s.node},           {"state", s.state},
                     {"version", s.version},     {"uptime_s", s.uptime.count()},
                     {"host", s.host},           {"http_port", s.http_port},
                     {"rtmp_port", s.rtmp_port}, {"counts", to_json(s.counts)}};
    if (s.view != 0) {
      json::array members;
      text += fmt::format("  address {}\n  roles {}\n  {}\n", s.address, fmt::join(s.roles, ", "),
                          s.sentence);
      for (const auto& m : s.members) {
        members.push_back(to_json(m));
        text += to_text(m);
      }
      text += fmt::format("view {}\n", s.view);
      all["view"] = s.view;
      all["incarnation"] = s.incarnation;
      all["address"] = s.address;
      all["roles"] = json::array(s.roles.begin(), s.roles.end());
      all["sentence"] = s.sentence;
      all["members"] = std::move(members);
    }
    text.pop_back();
    return answer(all, text);
  }

  int show(const std::vector<admin::tree_line>& lines) {
    json::array out;
    std::string text;
    for (const auto& line : lines) {
      out.push_back({{"depth", line.depth},
                     {"name", line.name},
                     {"kind", line.kind},
                     {"state", line.state},
                     {"restarts", line.restarts},
                     {"mailbox", line.mailbox}});
      text += fmt::format("{}{:{}}{} {}", text.empty() ? "" : "\n", "", 2 * line.depth, line.name,
                          line.state);
      if (line.restarts != 0) {
        text += fmt::format(", restarted {} times", line.restarts);
      }
      if (line.mailbox != 0) {
        text += fmt::format(", {} messages waiting", line.mailbox);
      }
    }
    return answer({{"lines", out}}, text);
  }

  /// Asks the named node, or each in turn until one answers.
  template <class T, class Ask, class Show>
  int ask(Ask question, Show show_it, std::chrono::milliseconds timeout = usual_timeout) {
    error last;
    for (const auto& node : config_.nodes) {
      if (!asked_.node.empty() && node.name != asked_.node) {
        continue;
      }
      const auto client =
          admin::make_client(admin::socket_path(config_.cluster.data, node.name), timeout);
      const result<T> got = question(*client);
      if (got) {
        if constexpr (std::is_void_v<T>) {
          return show_it();
        } else {
          return show_it(*got);
        }
      }
      last = got.error();
      if (last.reason != "no_node") {
        break;
      }
    }
    const int code = fails_with(last);
    return last.reason == "no_node" ? nobody_answers : code;
  }

  int answer(const json::object& for_programs, const std::string& for_people) {
    io_.out << (asked_.json ? json::serialize(for_programs) : for_people) << '\n';
    io_.out.flush();
    return io_.out ? done : failed;
  }

  int report(const std::vector<app::config_problem>& problems) {
    for (const auto& problem : problems) {
      io_.err << app::to_string(problem) << '\n';
    }
    return refused;
  }

  /// The first line of standard input.
  std::optional<std::string> read_password() {
    std::string line;
    char next = 0;
    while (line.size() <= longest_password && io_.in.get(next) && next != '\n') {
      line += next;
    }
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    if (line.empty() || line.size() > longest_password) {
      io_.err << "expected a password in the first line of standard input\n";
      return std::nullopt;
    }
    return line;
  }

  std::string node_names() const {
    std::string names;
    for (const auto& node : config_.nodes) {
      names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", node.name);
    }
    return names;
  }

  const invocation& asked_;
  const serve_function& serve_;
  streams io_;
  app::config config_;
};

}  // namespace

int run(std::vector<std::string> arguments, const serve_function& serve, streams io) {
  const auto asked = parse_command_line(std::move(arguments));
  if (!asked) {
    (asked.error().exit_code == 0 ? io.out : io.err) << asked.error().text;
    return asked.error().exit_code;
  }
  return runner(*asked, serve, io).run();
}

int run(int argc, char** argv, const serve_function& serve) {
  return run(std::vector<std::string>(argv + std::min(argc, 1), argv + argc), serve,
             {std::cin, std::cout, std::cerr});
}

}  // namespace troupe::cli
