// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cluster_page.hpp"

#include <atomic>
#include <memory>
#include <utility>

#include "base/log.hpp"

namespace troupe::app {
namespace {

std::unexpected<error> not_yet() {
  return fail(errc::unavailable, "not_ready", "this node starts or stops");
}

http::cluster_facts to_facts(admin::node_status s) {
  http::cluster_facts all;
  all.asked = s.node;
  all.view = s.view;
  all.sentence = std::move(s.sentence);
  all.nodes.push_back({.node = std::move(s.node),
                       .state = std::move(s.state),
                       .incarnation = s.incarnation,
                       .address = std::move(s.address),
                       .roles = std::move(s.roles),
                       .answers = true,
                       .is_suspected = false,
                       .heard_ago = {},
                       .version = std::move(s.version),
                       .uptime = s.uptime,
                       .http_port = s.http_port,
                       .rtmp_port = s.rtmp_port,
                       .counts = std::move(s.counts)});
  for (auto& m : s.members) {
    all.nodes.push_back({.node = std::move(m.node),
                         .state = std::move(m.state),
                         .incarnation = m.incarnation,
                         .address = std::move(m.address),
                         .roles = std::move(m.roles),
                         .answers = m.answers,
                         .is_suspected = m.is_suspected,
                         .heard_ago = m.heard_ago,
                         .version = std::move(m.version),
                         .uptime = m.uptime,
                         .http_port = m.http_port,
                         .rtmp_port = m.rtmp_port,
                         .counts = std::move(m.counts)});
  }
  return all;
}

void add_items(const runtime::tree_node& node, std::uint32_t depth,
               std::vector<http::tree_item>& items) {
  items.push_back({.depth = depth,
                   .name = node.name,
                   .kind = node.kind,
                   .state = node.state,
                   .restarts = node.restarts,
                   .waiting = node.mailbox});
  for (const auto& child : node.children) {
    add_items(child, depth + 1, items);
  }
}

}  // namespace

void cluster_page::set_calls(admin::calls c) {
  const std::lock_guard lock(mutex_);
  calls_ = std::make_shared<const admin::calls>(std::move(c));
}

void cluster_page::end() {
  const std::lock_guard lock(mutex_);
  calls_ = nullptr;
}

std::shared_ptr<const admin::calls> cluster_page::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

void cluster_page::facts(callback<http::cluster_facts> done) {
  const auto known = calls();
  if (!known) {
    done(not_yet());
    return;
  }
  known->status([done = std::move(done)](result<admin::node_status> s) mutable {
    done(map(std::move(s), to_facts));
  });
}

void cluster_page::tree(callback<std::vector<http::tree_item>> done) {
  const auto known = calls();
  if (!known) {
    done(not_yet());
    return;
  }
  known->tree([done = std::move(done)](const result<runtime::tree_node>& t) mutable {
    done(map(t, [](const runtime::tree_node& root) {
      std::vector<http::tree_item> items;
      add_items(root, 0, items);
      return items;
    }));
  });
}

void cluster_page::move(std::string name, std::string node, callback<http::entity_move> done) {
  const auto known = calls();
  if (!known) {
    done(not_yet());
    return;
  }
  known->move(std::move(name), std::move(node),
              [done = std::move(done)](result<admin::moved> m) mutable {
                done(map(std::move(m), [](admin::moved x) {
                  return http::entity_move{.name = std::move(x.name),
                                           .from = std::move(x.from),
                                           .to = std::move(x.to),
                                           .pause = x.pause};
                }));
              });
}

void cluster_page::drain(std::string node, callback<void> done) {
  const auto known = calls();
  if (!known) {
    done(not_yet());
    return;
  }
  // A drain takes half a minute and more. What is refused, is refused at once.
  const auto answer = std::make_shared<callback<void>>(std::move(done));
  const auto begun = std::make_shared<std::atomic<bool>>(false);
  known->drain(node, [answer, begun, node](const result<admin::drained>& d) {
    if (!d && !begun->exchange(true)) {
      (*answer)(fail(d.error()));
    } else if (!d) {
      log::warn("a drain that an administrator began has not ended well node={}: {}", node,
                d.error().message);
    }
  });
  if (!begun->exchange(true)) {
    (*answer)({});
  }
}

}  // namespace troupe::app
