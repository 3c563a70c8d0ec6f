// SPDX-License-Identifier: GPL-3.0-or-later
// How answers travel from node to node. Fields are only added, at the end, and then under a new
// question's name: both versions of a rolling upgrade understand each other. Thread: plain
// functions.
#pragma once

#include "app/admin/calls.hpp"

namespace troupe::admin {

template <class Inspector>
auto inspect(Inspector& f, member_status& x) {
  return f(x.node, x.state, x.incarnation, x.address, x.roles, x.heard_ago, x.is_suspected,
           x.answers, x.version, x.uptime, x.http_port, x.rtmp_port, x.counts);
}

template <class Inspector>
auto inspect(Inspector& f, node_status& x) {
  return f(x.node, x.state, x.version, x.uptime, x.host, x.http_port, x.rtmp_port, x.counts, x.view,
           x.incarnation, x.address, x.roles, x.sentence, x.members);
}

template <class Inspector>
auto inspect(Inspector& f, tree_line& x) {
  return f(x.depth, x.name, x.kind, x.state, x.restarts, x.mailbox);
}

template <class Inspector>
auto inspect(Inspector& f, location& x) {
  return f(x.name, x.node, x.state, x.epoch);
}

template <class Inspector>
auto inspect(Inspector& f, moved& x) {
  return f(x.name, x.from, x.to, x.pause);
}

template <class Inspector>
auto inspect(Inspector& f, drained& x) {
  return f(x.node, x.stayed, x.took);
}

}  // namespace troupe::admin
