// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/config_options.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace troupe::app {
namespace {

constexpr std::array all_roles = {role::edge, role::ingest, role::rooms, role::transcode,
                                  role::archive};
constexpr std::array level_names = {"trace", "debug", "info", "warn", "error", "critical"};

// Large enough for every count and rate here, small enough that arithmetic on it cannot overflow.
constexpr std::int64_t largest_number = 1'000'000'000'000;

template <class Section>
Section& section_of(config_target& target) {
  if constexpr (std::is_same_v<Section, cluster_config>) {
    return target.whole.cluster;
  } else if constexpr (std::is_same_v<Section, tls_config>) {
    return target.whole.tls;
  } else if constexpr (std::is_same_v<Section, node_config>) {
    return *target.node;
  } else if constexpr (std::is_same_v<Section, limits_config>) {
    return target.whole.limits;
  } else if constexpr (std::is_same_v<Section, stream_config>) {
    return target.whole.stream;
  } else {
    return target.whole.log;
  }
}

std::string in_quotes(std::string_view text) {
  return fmt::format("\"{}\"", text);
}

/// A text that has to satisfy accepts().
template <class Section>
config_option text(std::string_view section, std::string_view key, std::string Section::* member,
                   std::string expected, bool (*accepts)(std::string_view)) {
  const auto fallback = Section{}.*member;
  return {section, key, std::move(expected), fallback.empty() ? std::string() : in_quotes(fallback),
          [member, accepts](config_target& target, const toml::node& node) {
            const auto* value = node.as_string();
            if (value == nullptr || !accepts(value->get())) {
              return false;
            }
            section_of<Section>(target).*member = value->get();
            return true;
          }};
}

template <class Section>
config_option path(std::string_view section, std::string_view key,
                   std::filesystem::path Section::* member) {
  const auto fallback = (Section{}.*member).string();
  return {section, key, "a path", fallback.empty() ? std::string() : in_quotes(fallback),
          [member](config_target& target, const toml::node& node) {
            const auto* value = node.as_string();
            if (value == nullptr || value->get().empty() ||
                value->get().find('\0') != std::string::npos) {
              return false;
            }
            section_of<Section>(target).*member = resolve(target.folder, value->get());
            return true;
          }};
}

/// A whole number; T is a number or std::chrono::seconds.
template <class Section, class T>
config_option whole(std::string_view section, std::string_view key, T Section::* member,
                    std::int64_t least, std::int64_t most, std::string_view unit = "") {
  const auto fallback = [&] {
    if constexpr (std::is_integral_v<T>) {
      return fmt::to_string(Section{}.*member);
    } else {
      return fmt::to_string((Section{}.*member).count());
    }
  }();
  return {section, key,
          fmt::format("a whole number{}{} from {} to {}", unit.empty() ? "" : " of ", unit, least,
                      most),
          fallback, [member, least, most](config_target& target, const toml::node& node) {
            const auto* value = node.as_integer();
            if (value == nullptr || value->get() < least || value->get() > most) {
              return false;
            }
            section_of<Section>(target).*member = static_cast<T>(value->get());
            return true;
          }};
}

config_option limit(std::string_view key, std::int64_t limits_config::* member,
                    std::string_view unit) {
  return whole("limits", key, member, 0, largest_number, unit);
}

bool is_node_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && name.size() <= 32 && name.front() != '-' &&
         std::ranges::all_of(name, fits);
}

bool is_address(std::string_view text, int* bits = nullptr) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  const std::string terminated(text);
  const bool v4 = inet_pton(AF_INET, terminated.c_str(), parsed.data()) == 1;
  const bool v6 = !v4 && inet_pton(AF_INET6, terminated.c_str(), parsed.data()) == 1;
  if (bits != nullptr) {
    *bits = v4 ? 32 : 128;
  }
  return v4 || v6;
}

bool is_host(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  };
  return is_address(text) ||
         (!text.empty() && text.size() <= 253 && std::ranges::all_of(text, fits));
}

/// "10.0.0.1" or "10.0.0.0/8", IPv6 likewise.
bool is_address_block(std::string_view text) {
  const auto slash = text.find('/');
  int bits = 0;
  if (!is_address(text.substr(0, slash), &bits)) {
    return false;
  }
  if (slash == std::string_view::npos) {
    return true;
  }
  const auto length = text.substr(slash + 1);
  int value = -1;
  const auto [end, problem] = std::from_chars(length.data(), length.data() + length.size(), value);
  return problem == std::errc{} && end == length.data() + length.size() && value >= 0 &&
         value <= bits;
}

bool has_content_after(std::string_view text, std::string_view scheme) {
  return text.starts_with(scheme) && text.size() > scheme.size() &&
         text.find('\0') == std::string_view::npos;
}

bool is_store(std::string_view text) {
  return has_content_after(text, "sqlite:") || has_content_after(text, "postgresql://");
}

bool is_object_store(std::string_view text) {
  return has_content_after(text, "file:") || has_content_after(text, "s3://");
}

bool is_title(std::string_view text) {
  return !text.empty() && text.size() <= 64;
}

/// Replaces what resolve_scheme() may change in a text option.
config_option located(config_option option, std::string cluster_config::* member) {
  option.apply = [apply = std::move(option.apply), member](config_target& target,
                                                           const toml::node& node) {
    if (!apply(target, node)) {
      return false;
    }
    auto& value = target.whole.cluster.*member;
    value = resolve_scheme(target.folder, value);
    return true;
  };
  return option;
}

/// Every element has to be a string that adds() takes.
bool for_each_string(const toml::node& node, const std::function<bool(const std::string&)>& adds) {
  const auto* list = node.as_array();
  return list != nullptr && std::ranges::all_of(*list, [&](const toml::node& element) {
           const auto* value = element.as_string();
           return value != nullptr && adds(value->get());
         });
}

config_option roles_option() {
  std::string names;
  for (const auto r : all_roles) {
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", to_string(r));
  }
  return {"node", "roles", "a list of " + names, "[" + names + "]",
          [](config_target& target, const toml::node& node) {
            std::set<role> wanted;
            const bool known = for_each_string(node, [&](const std::string& name) {
              const auto found =
                  std::ranges::find(all_roles, name, [](role r) { return to_string(r); });
              return found != all_roles.end() && wanted.insert(*found).second;
            });
            if (!known || wanted.empty()) {
              return false;
            }
            target.node->roles = std::move(wanted);
            return true;
          }};
}

config_option trusted_option() {
  return {"limits", "trusted", "a list of IP addresses or blocks as \"10.0.0.0/8\"", "[]",
          [](config_target& target, const toml::node& node) {
            std::vector<std::string> wanted;
            if (!for_each_string(node, [&](const std::string& block) {
                  wanted.push_back(block);
                  return is_address_block(block);
                })) {
              return false;
            }
            target.whole.limits.trusted = std::move(wanted);
            return true;
          }};
}

config_option level_option() {
  return {"log", "level",
          "one of \"trace\", \"debug\", \"info\", \"warn\", \"error\", \"critical\"",
          in_quotes(level_names.at(static_cast<std::size_t>(log_config{}.level))),
          [](config_target& target, const toml::node& node) {
            const auto* value = node.as_string();
            const auto found =
                value == nullptr ? level_names.end() : std::ranges::find(level_names, value->get());
            if (found == level_names.end()) {
              return false;
            }
            target.whole.log.level = static_cast<log::level>(found - level_names.begin());
            return true;
          }};
}

std::vector<config_option> make_options() {
  constexpr std::int64_t last_port = 65535;
  constexpr std::int64_t day = 86'400;
  std::vector<config_option> all;
  all.push_back(
      text("cluster", "name", &cluster_config::name, "a name of 1 to 64 characters", is_title));
  all.push_back(located(text("cluster", "store", &cluster_config::store,
                             "\"sqlite:PATH\" or \"postgresql://…\"", is_store),
                        &cluster_config::store));
  all.push_back(path("cluster", "data", &cluster_config::data));
  all.push_back(located(text("cluster", "objects", &cluster_config::objects,
                             "\"file:PATH\" or \"s3://…\"", is_object_store),
                        &cluster_config::objects));
  all.push_back(
      whole("cluster", "drain_timeout_s", &cluster_config::drain_timeout, 0, day, "seconds"));
  all.push_back(path("cluster.tls", "ca", &tls_config::ca));
  all.push_back(path("cluster.tls", "cert", &tls_config::cert));
  all.push_back(path("cluster.tls", "key", &tls_config::key));
  all.push_back(text("node", "name", &node_config::name,
                     "a name of 1 to 32 lower case letters, digits and '-'", is_node_name));
  all.push_back(text("node", "host", &node_config::host, "a host name or IP address", is_host));
  all.push_back(text("node", "listen", &node_config::listen, "an IP address",
                     [](std::string_view address) { return is_address(address); }));
  all.push_back(text("node", "http_listen", &node_config::http_listen, "an IP address",
                     [](std::string_view address) { return is_address(address); }));
  all.push_back(roles_option());
  all.push_back(whole("node", "http", &node_config::http, 0, last_port));
  all.push_back(whole("node", "rtmp", &node_config::rtmp, 0, last_port));
  all.push_back(whole("node", "cluster", &node_config::cluster, 0, last_port));
  all.push_back(path("node", "web", &node_config::web));
  all.push_back(
      limit("connections_per_address", &limits_config::connections_per_address, "connections"));
  all.push_back(limit("connections_total", &limits_config::connections_total, "connections"));
  all.push_back(
      limit("encoder_connections_total", &limits_config::encoder_connections_total, "connections"));
  all.push_back(
      limit("requests_per_minute_user", &limits_config::requests_per_minute_user, "requests"));
  all.push_back(limit("requests_per_minute_address", &limits_config::requests_per_minute_address,
                      "requests"));
  all.push_back(
      limit("log_ins_per_minute_address", &limits_config::log_ins_per_minute_address, "log-ins"));
  all.push_back(limit("streams_total", &limits_config::streams_total, "streams"));
  all.push_back(limit("list_sockets_total", &limits_config::list_sockets_total, "connections"));
  all.push_back(
      limit("list_sockets_per_address", &limits_config::list_sockets_per_address, "connections"));
  all.push_back(limit("chat_sockets_user", &limits_config::chat_sockets_user, "connections"));
  all.push_back(limit("chat_messages_user", &limits_config::chat_messages_user, "messages"));
  all.push_back(
      limit("chat_messages_moderator", &limits_config::chat_messages_moderator, "messages"));
  all.push_back(limit("follows_per_user", &limits_config::follows_per_user, "channels"));
  all.push_back(
      limit("bitrate_per_stream_bps", &limits_config::bitrate_per_stream_bps, "bits per second"));
  all.push_back(limit("segment_cache_bytes", &limits_config::segment_cache_bytes, "bytes"));
  all.push_back(limit("fetched_media_bytes", &limits_config::fetched_media_bytes, "bytes"));
  all.push_back(trusted_option());
  all.push_back(whole("stream", "grace_period_s", &stream_config::grace_period, 0, day, "seconds"));
  all.push_back(whole("stream", "unpublished_timeout_s", &stream_config::unpublished_timeout, 1,
                      30 * day, "seconds"));
  all.push_back(level_option());
  return all;
}

}  // namespace

std::string_view to_string(role r) {
  switch (r) {
    case role::edge:
      return "edge";
    case role::ingest:
      return "ingest";
    case role::rooms:
      return "rooms";
    case role::transcode:
      return "transcode";
    case role::archive:
      return "archive";
  }
  return "";
}

std::span<const config_option> config_options() {
  static const std::vector<config_option> all = make_options();
  return all;
}

std::filesystem::path resolve(const std::filesystem::path& folder, std::string_view written) {
  return (folder / written).lexically_normal();
}

std::string resolve_scheme(const std::filesystem::path& folder, std::string_view written) {
  for (const std::string_view scheme : {"sqlite:", "file:"}) {
    if (written.starts_with(scheme)) {
      return std::string(scheme) + resolve(folder, written.substr(scheme.size())).string();
    }
  }
  return std::string(written);
}

}  // namespace troupe::app
