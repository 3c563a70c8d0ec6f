// SPDX-License-Identifier: GPL-3.0-or-later
// What an operator may set: cluster.conf (TOML) as plain data, the same file on every node.
// Every default stands here and nowhere else; docs/operating.md and the sample are tested against
// it. Thread: plain data and pure functions; load_config() and find_web_folder() read the disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"

namespace troupe::app {

enum class role : std::uint8_t { edge, ingest, rooms, transcode, archive };

std::string_view to_string(role r);

enum class store_engine : std::uint8_t { sqlite, postgresql };

/// [cluster]
struct cluster_config {
  std::string name = "troupe";
  /// "sqlite:PATH" (absolute once loaded) or "postgresql://…" as it was written.
  std::string store = "sqlite:var/troupe.db";
  /// Sockets, secrets, spool.
  std::filesystem::path data = "var";
  /// "file:PATH" (absolute once loaded) or "s3://…" as it was written.
  std::string objects = "file:var/objects";
  /// How long a node that is to stop gives away what it holds, to the others.
  std::chrono::seconds drain_timeout{30};

  store_engine engine() const;
};

/// [cluster.tls]: all three or none.
struct tls_config {
  std::filesystem::path ca;
  std::filesystem::path cert;
  std::filesystem::path key;

  bool is_set() const { return !ca.empty(); }
};

/// [[node]]
struct node_config {
  std::string name = "a";
  /// The name or address other nodes and encoders reach this machine by. Empty: streamers are told
  /// the host their browser used.
  std::string host;
  /// The address http and rtmp are bound to.
  std::string listen = "0.0.0.0";
  /// Another one for http alone, as behind a TLS front; empty: listen. See http_address().
  std::string http_listen;
  std::set<role> roles = {role::edge, role::ingest, role::rooms, role::transcode, role::archive};
  std::uint16_t http = 8080;  ///< 0: any free port
  std::uint16_t rtmp = 1935;  ///< 0: any free port
  std::uint16_t cluster = 4040;
  /// The built page; empty: find_web_folder().
  std::filesystem::path web;

  const std::string& http_address() const { return http_listen.empty() ? listen : http_listen; }
};

/// [limits]; 0 means off.
struct limits_config {
  std::int64_t connections_per_address = 200;
  std::int64_t connections_total = 15'000;
  std::int64_t encoder_connections_total = 1'000;  ///< RTMP's, of the above's kind
  std::int64_t requests_per_minute_user = 100;
  std::int64_t requests_per_minute_address = 1000;
  std::int64_t log_ins_per_minute_address = 20;  ///< registrations included
  std::int64_t streams_total = 200;
  std::int64_t list_sockets_total = 5'000;     ///< that follow the list of live streams
  std::int64_t list_sockets_per_address = 50;  ///< the same of one address
  std::int64_t chat_sockets_user = 20;         ///< chat connections of one user
  std::int64_t chat_messages_user = 20;        ///< in 30 s, of one user in one room
  std::int64_t chat_messages_moderator = 300;  ///< the same of moderators and the owner
  std::int64_t follows_per_user = 5'000;       ///< channels that one user may follow
  std::int64_t bitrate_per_stream_bps = 50'000'000;
  std::int64_t segment_cache_bytes = std::int64_t{4} << 30;    ///< of all streams together
  std::int64_t fetched_media_bytes = std::int64_t{256} << 20;  ///< of streams on other nodes
  /// Addresses and CIDR blocks without limits per address, and the only ones whose X-Forwarded-For
  /// is believed; loopback always is one.
  std::vector<std::string> trusted;
};

/// [stream]
struct stream_config {
  std::chrono::seconds grace_period{90};          ///< how long a stream waits for its publisher
  std::chrono::seconds unpublished_timeout{600};  ///< a stream nobody ever published to ends
};

/// [log]
struct log_config {
  log::level level = log::level::info;
};

struct config {
  cluster_config cluster;
  tls_config tls;
  std::vector<node_config> nodes;  ///< at least one, names differ
  limits_config limits;
  stream_config stream;
  log_config log;

  /// name empty: the only node, or nothing when there are several.
  const node_config* find_node(std::string_view name) const;
};

/// One thing wrong with a configuration, and where; line 0: the file as a whole.
struct config_problem {
  std::string file;
  int line = 0;
  std::string message;
};

/// "cluster.conf:12: …"
std::string to_string(const config_problem& p);

using config_result = std::expected<config, std::vector<config_problem>>;

/// file: for messages only. folder: what relative paths are relative to. All problems are reported,
/// except that after a syntax error nothing more can be said.
config_result parse_config(std::string_view text, std::string_view file,
                           const std::filesystem::path& folder);

/// No path: ./cluster.conf if there is one, else every default. A path that cannot be read is a
/// problem.
config_result load_config(const std::optional<std::filesystem::path>& path);

/// An option as the sample and the guide must have it.
struct option_description {
  std::string_view section;  ///< "cluster", "cluster.tls", "node", …
  std::string_view key;
  std::string default_text;  ///< as TOML; empty when there is none
  std::string expected;      ///< "a whole number from 0 to 65535"
};

std::vector<option_description> describe_options();

/// The folder of the built page for a node that names none: beside the program, in ../share, or in
/// the source tree the program was built in. Empty when there is none.
std::filesystem::path find_web_folder();

}  // namespace troupe::app
