// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

namespace troupe::cli {
namespace {

// What is to be done goes into result.what when its subcommand was named.
class parser {
 public:
  parser() {
    app_.require_subcommand(1);
    auto* user = app_.add_subcommand("user", "Make and change users");
    user->require_subcommand(1);
    add(app_, "serve", "Run a node until SIGTERM or Ctrl-C", serve{});
    add(app_, "check-config", "Say what is wrong with the configuration", check_config{});
    add(app_, "status", "How the nodes are", status{});
    add(app_, "tree", "What runs on the nodes, and under whose supervision", tree{});
    auto* found = add(app_, "where", "Which node holds an entity", where{});
    found->add_option("name", where_.name, "KIND/ID, as in stream/48213")->required();
    auto* moves = add(app_, "move", "Give an entity to another node", cli::move{});
    moves->add_option("name", move_.name, "KIND/ID, as in room/977")->required();
    moves->add_option("to", move_.to, "The node that is to have it")->required();
    auto* drains =
        add(app_, "drain", "Give away what a node holds, so that it can be stopped", drain{});
    drains->add_option("drained", drain_.node, "The node's name")->required();
    auto* create = add(*user, "create", "Make a user; the password is read from standard input",
                       create_user{});
    create->add_option("username", create_user_.username)->required();
    create->add_option("--email", create_user_.email)->required();
    create->add_flag("--administrator", create_user_.is_administrator);
    needs_password(*create);
    auto* password = add(*user, "set-password", "Set a user's password, read from standard input",
                         set_password{});
    password->add_option("username", set_password_.username)->required();
    needs_password(*password);
    auto* rotate =
        add(app_, "rotate-token-key", "Sign access tokens with a new key", rotate_token_key{});
    rotate->add_flag("--end-older", rotate_token_key_.ends_older,
                     "Refuse at once what older keys signed, as after a leak");
    add_certificates();
    add(app_, "version", "Which version of Troupe this is", version{});
  }

  std::expected<invocation, no_invocation> parse(std::vector<std::string> arguments) {
    std::ranges::reverse(arguments);  // CLI11 takes them last first
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::ParseError& e) {
      std::ostringstream out;
      const int code = app_.exit(e, out, out);
      return std::unexpected(no_invocation{code == 0 ? 0 : 2, out.str()});
    }
    for (const auto& [subcommand, what] : commands_) {
      if (subcommand->parsed()) {
        result_.what = what;
      }
    }
    fill(result_.what);
    if (!config_.empty()) {
      result_.config = config_;
    }
    return result_;
  }

 private:
  CLI::App* add(CLI::App& parent, const std::string& name, const std::string& help, command what) {
    auto* subcommand = parent.add_subcommand(name, help);
    subcommand->add_option("--config", config_, "The configuration file (default: ./cluster.conf)");
    subcommand->add_option(
        "--node", result_.node,
        "The node that is to serve, or to be asked (default: the only one, or the "
        "first that answers)");
    subcommand->add_flag("--json", result_.json, "Answer in JSON");
    commands_.emplace_back(subcommand, std::move(what));
    return subcommand;
  }

  void add_certificates() {
    auto* cert = app_.add_subcommand("cert", "Make the certificates nodes show each other");
    cert->require_subcommand(1);
    auto* ca = add(*cert, "ca", "Make the cluster's CA, once", make_ca{});
    ca->add_option("--out", make_ca_.out, "A folder, made if it is not there")->required();
    auto* node = add(*cert, "node", "Make a node's certificate", make_node_certificate{});
    node->add_option("name", make_node_.name, "The node's name in cluster.conf")->required();
    node->add_option("--ca", make_node_.ca, "The CA's folder")->required();
    node->add_option("--out", make_node_.out, "A folder, made if it is not there")->required();
    node->add_option("--host", make_node_.hosts, "DNS names and addresses of its machine");
  }

  // A password given as an argument would be seen by every user of the machine; the flag says aloud
  // where it comes from.
  static void needs_password(CLI::App& subcommand) {
    subcommand.add_flag("--password-stdin")
        ->description("Read the password from standard input")
        ->required();
  }

  void fill(command& what) const {
    if (std::holds_alternative<where>(what)) {
      what = where_;
    } else if (std::holds_alternative<cli::move>(what)) {
      what = move_;
    } else if (std::holds_alternative<drain>(what)) {
      what = drain_;
    } else if (std::holds_alternative<create_user>(what)) {
      what = create_user_;
    } else if (std::holds_alternative<set_password>(what)) {
      what = set_password_;
    } else if (std::holds_alternative<rotate_token_key>(what)) {
      what = rotate_token_key_;
    } else if (std::holds_alternative<make_ca>(what)) {
      what = make_ca_;
    } else if (std::holds_alternative<make_node_certificate>(what)) {
      what = make_node_;
    }
  }

  CLI::App app_{"Troupe: live streams for everyone", "troupe"};
  std::vector<std::pair<CLI::App*, command>> commands_;
  invocation result_;
  std::string config_;
  where where_;
  cli::move move_;
  drain drain_;
  create_user create_user_;
  set_password set_password_;
  rotate_token_key rotate_token_key_;
  make_ca make_ca_;
  make_node_certificate make_node_;
};

}  // namespace

std::expected<invocation, no_invocation> parse_command_line(std::vector<std::string> arguments) {
  return parser().parse(std::move(arguments));
}

}  // namespace troupe::cli
