// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/config.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace troupe::app {
namespace {

constexpr std::string_view usual_name = "cluster.conf";

config_result unreadable(const std::filesystem::path& path, std::string_view why) {
  return std::unexpected(std::vector{
      config_problem{path.string(), 0, fmt::format("expected a file that can be read: {}", why)}});
}

std::expected<std::string, std::string> read_file(const std::filesystem::path& path) {
  std::error_code problem;
  if (!std::filesystem::is_regular_file(path, problem)) {
    return std::unexpected(problem ? problem.message() : "it is not a file");
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return std::unexpected("it cannot be opened");
  }
  // One byte more than parse_config() takes: enough for it to refuse.
  std::string text((1 << 20) + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad()) {
    return std::unexpected("reading failed");
  }
  return text;
}

}  // namespace

store_engine cluster_config::engine() const {
  return store.starts_with("postgresql:") ? store_engine::postgresql : store_engine::sqlite;
}

const node_config* config::find_node(std::string_view name) const {
  if (name.empty()) {
    return nodes.size() == 1 ? nodes.data() : nullptr;
  }
  const auto found = std::ranges::find(nodes, name, &node_config::name);
  return found == nodes.end() ? nullptr : &*found;
}

std::string to_string(const config_problem& p) {
  return p.line > 0 ? fmt::format("{}:{}: {}", p.file, p.line, p.message)
                    : fmt::format("{}: {}", p.file, p.message);
}

config_result load_config(const std::optional<std::filesystem::path>& path) {
  std::error_code problem;
  const auto here = std::filesystem::current_path(problem);
  if (problem) {
    return unreadable(".", problem.message());
  }
  if (!path && !std::filesystem::exists(here / usual_name, problem)) {
    return parse_config("", usual_name, here);
  }
  const auto file = path.value_or(std::filesystem::path(usual_name));
  const auto text = read_file(file);
  if (!text) {
    return unreadable(file, text.error());
  }
  return parse_config(*text, file.string(), (here / file).parent_path());
}

std::filesystem::path find_web_folder() {
  std::error_code problem;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", problem);
  if (problem) {
    return {};
  }
  const auto beside = program.parent_path();
  // Installed: PREFIX/bin and PREFIX/share. Built: build/<preset>/app/troupe in the source tree.
  for (const auto& candidate : {beside / "web", beside / "../share/troupe/web",
                                beside / "../../web/dist", beside / "../../../web/dist"}) {
    if (std::filesystem::exists(candidate / "index.html", problem)) {
      return std::filesystem::weakly_canonical(candidate, problem);
    }
  }
  return {};
}

}  // namespace troupe::app
