// SPDX-License-Identifier: GPL-3.0-or-later
// The nodes, for administrators: who they are, what runs where, and to move or drain it.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/log.hpp"
#include "net/http/cluster_control.hpp"
#include "net/http/fields.hpp"
#include "net/http/reply.hpp"
#include "net/http/services.hpp"

namespace troupe::http {
namespace {

namespace json = boost::json;

// What a page can show; `troupe tree` prints all.
constexpr std::size_t most_tree_items = 5'000;

json::value to_json(const node_facts& n) {
  json::object counts;
  for (const auto& [name, count] : n.counts) {
    counts[name] = count;
  }
  return {{"node", n.node},
          {"state", n.state},
          {"incarnation", n.incarnation},
          {"address", n.address},
          {"roles", json::array(n.roles.begin(), n.roles.end())},
          {"answers", n.answers},
          {"is_suspected", n.is_suspected},
          {"heard_ago_ms", n.heard_ago ? json::value(n.heard_ago->count()) : json::value()},
          {"version", n.version},
          {"uptime_s", n.uptime.count()},
          {"http_port", n.http_port},
          {"rtmp_port", n.rtmp_port},
          {"counts", std::move(counts)}};
}

json::value to_json(const tree_item& t) {
  return {{"depth", t.depth}, {"name", t.name},         {"kind", t.kind},
          {"state", t.state}, {"restarts", t.restarts}, {"waiting", t.waiting}};
}

void show_cluster(const services& s, call c) {
  s.parts.cluster->facts([answer = std::move(c.answer)](result<cluster_facts> all) mutable {
    if (!all) {
      answer(error_response(all.error()));
      return;
    }
    json::array nodes;
    for (const auto& n : all->nodes) {
      nodes.push_back(to_json(n));
    }
    answer(json_response(200, {{"asked", all->asked},
                               {"view", all->view},
                               {"sentence", all->sentence},
                               {"nodes", std::move(nodes)}}));
  });
}

void show_tree(const services& s, call c) {
  s.parts.cluster->tree([answer = std::move(c.answer)](result<std::vector<tree_item>> all) mutable {
    if (!all) {
      answer(error_response(all.error()));
      return;
    }
    json::array items;
    for (const auto& t : *all) {
      if (items.size() == most_tree_items) {
        break;
      }
      items.push_back(to_json(t));
    }
    answer(json_response(
        200, {{"is_whole", all->size() <= most_tree_items}, {"items", std::move(items)}}));
  });
}

result<std::string> text_of_body(const services& s, const request& r, std::string_view name) {
  const auto body = fields::read(r, s.settings.limits.api_body_bytes);
  return body ? body->text(name) : fail(body.error());
}

void move_entity(const services& s, call c) {
  const auto name = text_of_body(s, c.req, "name");
  const auto node = text_of_body(s, c.req, "node");
  if (!name || !node) {
    c.answer(error_response(name ? node.error() : name.error()));
    return;
  }
  log::info("an administrator moves administrator={} entity={} to={}", c.who->id, *name, *node);
  s.parts.cluster->move(
      *name, *node, [answer = std::move(c.answer)](const result<entity_move>& m) mutable {
        using milliseconds = std::chrono::duration<double, std::milli>;
        answer(m ? json_response(200, {{"name", m->name},
                                       {"from", m->from},
                                       {"node", m->to},
                                       {"pause_ms", milliseconds(m->pause).count()}})
                 : error_response(m.error()));
      });
}

void drain_node(const services& s, call c) {
  const auto node = text_of_body(s, c.req, "node");
  if (!node) {
    c.answer(error_response(node.error()));
    return;
  }
  log::info("an administrator drains administrator={} node={}", c.who->id, *node);
  s.parts.cluster->drain(
      *node, [answer = std::move(c.answer), node = *node](const result<void>& begun) mutable {
        answer(begun ? json_response(202, {{"node", node}}) : error_response(begun.error()));
      });
}

}  // namespace

void add_cluster_routes(router& table, const shared_services& s) {
  table.add({"GET", "/api/v1/admin/cluster", access::administrator,
             [s](call c) { show_cluster(*s, std::move(c)); }});
  table.add({"GET", "/api/v1/admin/cluster/tree", access::administrator,
             [s](call c) { show_tree(*s, std::move(c)); }});
  table.add({"POST", "/api/v1/admin/cluster/move", access::administrator,
             [s](call c) { move_entity(*s, std::move(c)); }});
  table.add({"POST", "/api/v1/admin/cluster/drain", access::administrator,
             [s](call c) { drain_node(*s, std::move(c)); }});
}

}  // namespace troupe::http
