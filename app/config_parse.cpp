// SPDX-License-Identifier: GPL-3.0-or-later
// cluster.conf from text: the walk over the file, then what only holds between options.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "app/config.hpp"
#include "app/config_options.hpp"

namespace troupe::app {
namespace {

// An id carries 7 bits of node number (base/ids.hpp).
constexpr std::size_t most_nodes = 128;
// A file of a few kilobytes is usual; the bound keeps a wrong path (a video, a device) harmless.
constexpr std::size_t most_bytes = 1 << 20;

int line_of(const toml::source_region& where) {
  return static_cast<int>(where.begin.line);
}

/// What stands in the file, short enough for a message. Not used for [cluster]: a store's address
/// may hold a password.
std::string found(const toml::node& node) {
  constexpr std::size_t longest = 40;
  if (const auto* number = node.as_integer()) {
    return fmt::to_string(number->get());
  }
  if (const auto* text = node.as_string(); text != nullptr && text->get().size() <= longest) {
    return fmt::format("\"{}\"", text->get());
  }
  switch (node.type()) {
    case toml::node_type::string:
      return "a longer text";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::table:
      return "a table";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::floating_point:
      return "a fraction";
    default:
      return "a date or time";
  }
}

/// Whether toml++ meets a broken assertion of its own in text.
bool breaks_parser(std::string_view text) {
  try {
    (void)toml::parse(text);
  } catch (const toml::parse_error&) {
    return false;
  } catch (const toml_assertion&) {
    return true;
  }
  return false;
}

/// The line that breaks_parser(). Every longer beginning of the text breaks it too, no shorter one
/// does, so halving finds it.
int breaking_line(std::string_view text) {
  std::vector<std::size_t> ends;
  for (std::size_t at = text.find('\n'); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    ends.push_back(at + 1);
  }
  const auto first = std::ranges::partition_point(
      ends, [&](std::size_t end) { return !breaks_parser(text.substr(0, end)); });
  return static_cast<int>(first - ends.begin()) + 1;
}

class reader {
 public:
  reader(std::string_view file, const std::filesystem::path& folder)
      : file_(file), folder_(folder) {}

  config_result read(std::string_view text) {
    if (text.size() > most_bytes) {
      report(0, fmt::format("expected at most {} bytes, found {}", most_bytes, text.size()));
      return std::unexpected(std::move(problems_));
    }
    toml::table root;
    try {
      root = toml::parse(text);
    } catch (const toml::parse_error& e) {
      report(line_of(e.source()), std::string(e.description()));
      return std::unexpected(std::move(problems_));
    } catch (const toml_assertion&) {
      report(breaking_line(text), "expected a key, a [table] or a [[list of tables]]");
      return std::unexpected(std::move(problems_));
    }
    set_paths();
    read_root(root);
    check_nodes();
    check_cluster();
    if (!problems_.empty()) {
      std::ranges::sort(problems_, {}, [](const auto& p) { return std::tie(p.line, p.message); });
      return std::unexpected(std::move(problems_));
    }
    return std::move(result_);
  }

 private:
  void report(int line, std::string message) {
    problems_.push_back({file_, line, std::move(message)});
  }

  /// The defaults are relative to the file's folder as well.
  void set_paths() {
    auto& cluster = result_.cluster;
    cluster.data = resolve(folder_, cluster.data.string());
    cluster.store = resolve_scheme(folder_, cluster.store);
    cluster.objects = resolve_scheme(folder_, cluster.objects);
  }

  void read_root(const toml::table& root) {
    for (const auto& [key, value] : root) {
      const auto line = line_of(key.source());
      if (key == "node") {
        read_nodes(value, line);
      } else if (key == "cluster" || key == "limits" || key == "stream" || key == "log") {
        read_section(key.str(), value, line, nullptr);
      } else {
        report(line, fmt::format("unknown key \"{}\"; expected [cluster], [[node]], [limits], "
                                 "[stream] or [log]",
                                 key.str()));
      }
    }
    if (result_.nodes.empty() && !root.contains("node")) {
      result_.nodes.emplace_back();
      node_lines_.push_back(0);
      name_lines_.push_back(0);
    }
  }

  void read_nodes(const toml::node& value, int line) {
    const auto* list = value.as_array();
    if (list == nullptr || list->empty() || !list->is_homogeneous<toml::table>()) {
      report(line, "node: expected one or more [[node]] blocks, found " + found(value));
      return;
    }
    for (const auto& element : *list) {
      const auto node_line = line_of(element.source());
      node_config node;
      name_lines_.push_back(0);
      read_section("node", element, node_line, &node);
      if (node.host.empty() && list->size() > 1) {
        report(node_line, "node.host: expected a host for each of several nodes");
      }
      if (name_lines_.back() == 0 && list->size() > 1) {
        report(node_line, "node.name: expected a name for each of several nodes");
      }
      result_.nodes.push_back(std::move(node));
      node_lines_.push_back(node_line);
    }
  }

  void read_section(std::string_view section, const toml::node& value, int line,
                    node_config* node) {
    const auto* table = value.as_table();
    if (table == nullptr) {
      report(line,
             fmt::format("{}: expected a table [{}], found {}", section, section, found(value)));
      return;
    }
    section_lines_[std::string(section)] = line;
    for (const auto& [key, entry] : *table) {
      if (section == "cluster" && key == "tls") {
        read_section("cluster.tls", entry, line_of(key.source()), nullptr);
      } else {
        read_option(section, key, entry, node);
      }
    }
  }

  void read_option(std::string_view section, const toml::key& key, const toml::node& value,
                   node_config* node) {
    const auto line = line_of(key.source());
    const auto options = config_options();
    const auto option = std::ranges::find_if(
        options, [&](const auto& o) { return o.section == section && o.key == key.str(); });
    if (option == options.end()) {
      report(line, fmt::format("unknown key \"{}\" in [{}]; expected one of {}", key.str(), section,
                               keys_of(section)));
      return;
    }
    if (section == "node" && key == "name") {
      name_lines_.back() = line;
    }
    config_target target{result_, node, folder_};
    if (!option->apply(target, value)) {
      report(line, fmt::format("{}.{}: expected {}{}", section, key.str(), option->expected,
                               section == "cluster" ? "" : ", found " + found(value)));
    }
  }

  static std::string keys_of(std::string_view section) {
    std::string keys;
    for (const auto& option : config_options()) {
      if (option.section == section) {
        keys += fmt::format("{}{}", keys.empty() ? "" : ", ", option.key);
      }
    }
    return keys;
  }

  void check_nodes() {
    std::map<std::string, int> first;
    for (std::size_t i = 0; i < result_.nodes.size(); ++i) {
      const auto& node = result_.nodes[i];
      const auto [known, is_new] = first.emplace(node.name, name_lines_[i]);
      if (!is_new && name_lines_[i] != 0) {
        report(name_lines_[i],
               fmt::format("node.name: expected a name of its own, found \"{}\" again (first in "
                           "line {})",
                           node.name, known->second));
      }
      const std::set<int> ports = {node.http, node.rtmp, node.cluster};
      if (ports.size() < 3 && node.http != 0 && node.rtmp != 0) {
        report(node_lines_[i], "node: expected different ports for http, rtmp and cluster");
      }
    }
    if (result_.nodes.size() > most_nodes) {
      report(node_lines_[most_nodes], fmt::format("expected at most {} nodes", most_nodes));
    }
  }

  void check_cluster() {
    if (result_.nodes.size() > 1 && result_.cluster.engine() == store_engine::sqlite) {
      report(section_lines_["cluster"],
             fmt::format("cluster.store: expected \"postgresql://…\" for {} nodes, found SQLite, "
                         "which serves one node only",
                         result_.nodes.size()));
    }
    const auto& tls = result_.tls;
    if (tls.ca.empty() != tls.cert.empty() || tls.cert.empty() != tls.key.empty()) {
      report(section_lines_["cluster.tls"], "cluster.tls: expected ca, cert and key together");
    }
  }

  std::string file_;
  const std::filesystem::path& folder_;
  config result_;
  std::vector<config_problem> problems_;
  std::vector<int> node_lines_;               // of each [[node]]
  std::vector<int> name_lines_;               // of each name; 0: none given
  std::map<std::string, int> section_lines_;  // of each section present
};

}  // namespace

config_result parse_config(std::string_view text, std::string_view file,
                           const std::filesystem::path& folder) {
  return reader(file, folder).read(text);
}

std::vector<option_description> describe_options() {
  std::vector<option_description> all;
  for (const auto& option : config_options()) {
    all.push_back({option.section, option.key, option.default_text, option.expected});
  }
  return all;
}

}  // namespace troupe::app
