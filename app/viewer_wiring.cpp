// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewer_wiring.hpp"

#include <utility>
#include <vector>

#include "actors/account/master_key.hpp"
#include "net/ws/io_loop.hpp"

namespace troupe::app {

void viewer_parts::add_kind(runtime::entities& entities) const {
  auto options = viewer::kind_options();
  options.placed = runtime::placement::on_node;  // viewer/NODE.INCARNATION/NUMBER
  entities.add_kind<viewer::viewer_session>(
      [this](const runtime::entity_name&) {
        return std::make_unique<viewer::viewer_session>(needs_);
      },
      options);
}

result<void> viewer_parts::open(const viewer_needs& n, net::io_threads& threads,
                                const limits_config& limits, const std::filesystem::path& data) {
  const auto master = account::read_master_key(data / "master.key");
  if (!master) {
    return fail(master.error().with("signing resume tokens"));
  }
  ws::edge_settings s;
  s.node = needs_.node;
  s.incarnation = incarnation_;
  s.sockets_per_user = static_cast<std::size_t>(limits.chat_sockets_user);
  s.sockets_per_address = static_cast<std::size_t>(limits.connections_per_address);
  s.connects_per_minute_per_address = static_cast<int>(limits.requests_per_minute_address);
  std::vector<std::unique_ptr<ws::loop>> loops;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    loops.push_back(ws::loop_of(threads.at(i)));
  }
  edge_ = std::make_unique<ws::chat_edge>(
      std::move(s),
      ws::edge_dependencies{.entities = n.entities,
                            .accounts = n.accounts,
                            .streams = n.streams,
                            .presence = n.presence,
                            .fanout = n.sockets,
                            .resume_key = master->digest_of("chat resume token key", as_bytes("1")),
                            .time = n.time,
                            .counters = n.counters},
      std::move(loops));
  return {};
}

}  // namespace troupe::app
