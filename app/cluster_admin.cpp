// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cluster_admin.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "app/admin/calls_inspect.hpp"
#include "runtime/placement_core.hpp"

namespace troupe::app {
namespace {

constexpr duration longest_question = std::chrono::seconds(3);
// An entity may end what it has begun for a second and hand over for two (entity_move.cpp).
constexpr duration longest_move = std::chrono::seconds(10);
constexpr duration drain_allowance = std::chrono::seconds(10);
// Of one node, so that its answer fits into one envelope.
constexpr std::size_t most_tree_lines = 10'000;
constexpr std::uint32_t deepest_tree = 64;

struct ask_status {
  static constexpr std::string_view type = "admin.status";
  static constexpr std::uint32_t version = 1;
  using answer = admin::node_status;
};

struct ask_tree {
  static constexpr std::string_view type = "admin.tree";
  static constexpr std::uint32_t version = 1;
  using answer = std::vector<admin::tree_line>;
};

struct ask_where {
  static constexpr std::string_view type = "admin.where";
  static constexpr std::uint32_t version = 1;
  using answer = admin::location;
  std::string name;
};

struct ask_move {
  static constexpr std::string_view type = "admin.move";
  static constexpr std::uint32_t version = 1;
  using answer = admin::moved;
  std::string name;
  std::string node;
};

struct ask_drain {
  static constexpr std::string_view type = "admin.drain";
  static constexpr std::uint32_t version = 1;
  using answer = admin::drained;
};

template <class Inspector>
auto inspect(Inspector& f, ask_status&) {
  return f();
}

template <class Inspector>
auto inspect(Inspector& f, ask_tree&) {
  return f();
}

template <class Inspector>
auto inspect(Inspector& f, ask_where& x) {
  return f(x.name);
}

template <class Inspector>
auto inspect(Inspector& f, ask_move& x) {
  return f(x.name, x.node);
}

template <class Inspector>
auto inspect(Inspector& f, ask_drain&) {
  return f();
}

using shared_parts = std::shared_ptr<const cluster_admin_parts>;

/// Waits for so many answers, then calls done once.
class gathering {
 public:
  gathering(std::size_t answers, std::move_only_function<void()> done)
      : left_(answers), done_(std::move(done)) {}

  void one_less() {
    if (--left_ == 0) {
      done_();
    }
  }

 private:
  std::atomic<std::size_t> left_;
  std::move_only_function<void()> done_;
};

/// Whom one may ask, without this node.
std::vector<std::string> others(const cluster_admin_parts& p) {
  std::vector<std::string> names;
  for (const auto& m : p.cluster.member().view()->members) {
    if (m.node != p.node && is_live(m.state)) {
      names.push_back(m.node);
    }
  }
  return names;
}

// Status.

admin::member_status to_member(const runtime::membership::peer_status& peer) {
  admin::member_status m;
  m.node = peer.who.node;
  m.state = to_string(peer.who.state);
  m.incarnation = peer.who.incarnation;
  m.address = peer.who.address;
  m.roles = peer.who.roles;
  m.is_suspected = peer.suspected;
  if (peer.heard_ago) {
    m.heard_ago = std::chrono::duration_cast<std::chrono::milliseconds>(*peer.heard_ago);
  }
  return m;
}

void add_word(admin::node_status& all, const admin::node_status& own) {
  const auto at = std::ranges::find(all.members, own.node, &admin::member_status::node);
  if (at == all.members.end()) {
    return;  // it left meanwhile
  }
  at->answers = true;
  at->version = own.version;
  at->uptime = own.uptime;
  at->http_port = own.http_port;
  at->rtmp_port = own.rtmp_port;
  at->counts = own.counts;
}

struct status_answer {
  std::mutex mutex;
  admin::node_status all;  // guarded
  callback<admin::node_status> done;
};

void status_of_all(const shared_parts& p, callback<admin::node_status> done) {
  p->local.status([p, done = std::move(done)](result<admin::node_status> own) mutable {
    if (!own) {
      done(std::move(own));
      return;
    }
    const auto answer = std::make_shared<status_answer>();
    answer->all = std::move(*own);
    answer->done = std::move(done);
    const auto report = p->cluster.member().report();
    answer->all.state = to_string(report.standing);
    answer->all.view = report.view;
    answer->all.incarnation = report.incarnation;
    answer->all.sentence = report.sentence;
    const auto view = p->cluster.member().view();
    const auto self =
        std::ranges::find(view->members, report.incarnation, &runtime::member::incarnation);
    if (self != view->members.end()) {
      answer->all.address = self->address;
      answer->all.roles = self->roles;
    }
    for (const auto& peer : report.peers) {
      answer->all.members.push_back(to_member(peer));
    }
    const auto asked = others(*p);
    const auto rest = std::make_shared<gathering>(
        asked.size() + 1, [answer] { answer->done(std::move(answer->all)); });
    for (const auto& node : asked) {
      p->cluster.peers().ask(node, ask_status{}, longest_question,
                             [answer, rest](result<admin::node_status> word) {
                               if (word) {
                                 const std::lock_guard lock(answer->mutex);
                                 add_word(answer->all, *word);
                               }
                               rest->one_less();
                             });
    }
    rest->one_less();
  });
}

// The tree.

void flatten(const runtime::tree_node& node, std::uint32_t depth,
             std::vector<admin::tree_line>& out) {
  if (out.size() >= most_tree_lines || depth >= deepest_tree) {
    return;
  }
  out.push_back({depth, node.name, node.kind, node.state, node.restarts, node.mailbox});
  for (const auto& child : node.children) {
    flatten(child, depth + 1, out);
  }
}

/// Below to. A peer's word: no line is deeper than one below the line before.
void nest(const std::vector<admin::tree_line>& lines, runtime::tree_node& to) {
  std::vector<runtime::tree_node*> path{&to};
  for (const auto& line : lines) {
    const auto depth = std::min<std::size_t>({line.depth, path.size() - 1, deepest_tree});
    path.resize(depth + 1);
    path.back()->children.push_back(
        {line.name, line.kind, line.state, line.restarts, line.mailbox, {}});
    path.push_back(&path.back()->children.back());
  }
}

struct tree_answer {
  std::mutex mutex;
  runtime::tree_node root;  // guarded
  callback<runtime::tree_node> done;
};

void tree_of_all(const shared_parts& p, callback<runtime::tree_node> done) {
  const auto answer = std::make_shared<tree_answer>();
  answer->root = {"cluster", "cluster", "running", 0, 0, {}};
  answer->done = std::move(done);
  const auto asked = others(*p);
  const auto rest = std::make_shared<gathering>(asked.size() + 1, [answer] {
    std::ranges::sort(answer->root.children, {}, &runtime::tree_node::name);
    answer->done(std::move(answer->root));
  });
  for (const auto& node : asked) {
    p->cluster.peers().ask(
        node, ask_tree{}, longest_question,
        [answer, rest, node](const result<std::vector<admin::tree_line>>& lines) {
          {
            const std::lock_guard lock(answer->mutex);
            if (lines) {
              nest(*lines, answer->root);
            } else {
              answer->root.children.push_back({node, "node", "does not answer", 0, 0, {}});
            }
          }
          rest->one_less();
        });
  }
  p->local.tree([answer, rest](result<runtime::tree_node> own) {
    if (own) {
      const std::lock_guard lock(answer->mutex);
      answer->root.children.push_back(std::move(*own));
    }
    rest->one_less();
  });
}

// Where.

/// Of a name that carries its node: "relay/b/812", "viewer/b.7/812", "chat_log/b".
std::string node_in(const runtime::entity_name& name) {
  const auto place = name.id.substr(0, name.id.find('/'));
  return place.substr(0, place.rfind('.'));
}

void ask_node_where(const shared_parts& p, const std::string& node, const std::string& name,
                    callback<admin::location> done) {
  if (node == p->node) {
    p->local.where(name, std::move(done));
    return;
  }
  p->cluster.peers().ask(node, ask_where{name}, longest_question, std::move(done));
}

admin::location passive(const cluster_admin_parts& p, const runtime::entity_name& name) {
  const auto proposed =
      runtime::propose_owner(*p.cluster.member().view(), name, role_for(name.kind));
  return {
      .name = to_string(name), .node = proposed.value_or(p.node), .state = "passive", .epoch = 0};
}

void take_row(const shared_parts& p, const runtime::entity_name& name,
              result<std::optional<runtime::entity_owner>> row, callback<admin::location> done) {
  if (!row) {
    done(fail(std::move(row.error())));
    return;
  }
  if (!*row) {
    done(passive(*p, name));
    return;
  }
  const auto& owner = **row;
  const auto view = p->cluster.member().view();
  const bool lives = std::ranges::any_of(view->members, [&](const runtime::member& m) {
    return m.node == owner.node && m.incarnation == owner.incarnation && is_live(m.state);
  });
  if (!lives) {
    done(passive(*p, name));  // the first that wants it takes it over
    return;
  }
  ask_node_where(
      p, owner.node, to_string(name),
      [epoch = owner.epoch, done = std::move(done)](result<admin::location> got) mutable {
        if (got && got->epoch == 0) {
          got->epoch = epoch;
        }
        done(std::move(got));
      });
}

void where_in_all(const shared_parts& p, const std::string& text, callback<admin::location> done) {
  p->local.where(text, [p, text, done = std::move(done)](result<admin::location> here) mutable {
    const auto name = runtime::parse_entity_name(text);
    if (!here || !name || here->state != "passive") {
      done(std::move(here));
      return;
    }
    if (is_bound_to_node(name->kind)) {
      ask_node_where(p, node_in(*name), text, std::move(done));
      return;
    }
    p->log.owner_of(*name, [p, name = *name, done = std::move(done)](
                               result<std::optional<runtime::entity_owner>> row) mutable {
      take_row(p, name, std::move(row), std::move(done));
    });
  });
}

// Moves.

void move_from_here(const shared_parts& p, const ask_move& m, callback<admin::moved> done) {
  const auto name = runtime::parse_entity_name(m.name);
  if (!name) {
    done(fail(errc::invalid_argument, "invalid_name", "a name is KIND/ID, as in room/977"));
    return;
  }
  p->entities.move(*name, m.node,
                   [from = p->node, m, done = std::move(done)](result<duration> pause) mutable {
                     done(map(std::move(pause), [&](duration d) {
                       return admin::moved{.name = m.name, .from = from, .to = m.node, .pause = d};
                     }));
                   });
}

void move_anything(const shared_parts& p, const std::string& name, const std::string& node,
                   callback<admin::moved> done) {
  where_in_all(
      p, name, [p, name, node, done = std::move(done)](result<admin::location> at) mutable {
        if (!at) {
          done(fail(std::move(at.error())));
        } else if (at->state == "passive") {
          done(fail(errc::conflict, "not_active",
                    name + " is not in use: nothing is to be moved, it starts where it is wanted"));
        } else if (at->node == node) {
          done(fail(errc::conflict, "is_there",
                    fmt::format("{} is on node {} already", name, node)));
        } else if (at->node == p->node) {
          move_from_here(p, {name, node}, std::move(done));
        } else {
          p->cluster.peers().ask(at->node, ask_move{name, node}, longest_move, std::move(done));
        }
      });
}

void drain_here(const shared_parts& p, callback<admin::drained> done) {
  p->drain([p, began = p->time.now(), done = std::move(done)](result<std::size_t> stayed) mutable {
    done(map(std::move(stayed), [&](std::size_t left) {
      return admin::drained{
          .node = p->node,
          .stayed = left,
          .took = std::chrono::duration_cast<std::chrono::milliseconds>(p->time.now() - began)};
    }));
  });
}

void serve_others(const shared_parts& p) {
  auto& peers = p->cluster.peers();
  peers.serve<ask_status>([p](const ask_status&, callback<admin::node_status> done) {
    p->local.status(std::move(done));
  });
  peers.serve<ask_tree>([p](const ask_tree&, callback<std::vector<admin::tree_line>> done) {
    p->local.tree([done = std::move(done)](result<runtime::tree_node> root) mutable {
      done(map(std::move(root), [](const runtime::tree_node& r) {
        std::vector<admin::tree_line> lines;
        flatten(r, 0, lines);
        return lines;
      }));
    });
  });
  peers.serve<ask_where>([p](const ask_where& q, callback<admin::location> done) {
    p->local.where(q.name, std::move(done));
  });
  peers.serve<ask_move>([p](const ask_move& q, callback<admin::moved> done) {
    move_from_here(p, q, std::move(done));
  });
  peers.serve<ask_drain>(
      [p](const ask_drain&, callback<admin::drained> done) { drain_here(p, std::move(done)); });
}

}  // namespace

admin::calls make_cluster_calls(cluster_admin_parts parts) {
  const auto p = std::make_shared<const cluster_admin_parts>(std::move(parts));
  serve_others(p);
  admin::calls c = p->local;
  c.status = [p](callback<admin::node_status> done) { status_of_all(p, std::move(done)); };
  c.tree = [p](callback<runtime::tree_node> done) { tree_of_all(p, std::move(done)); };
  c.where = [p](const std::string& name, callback<admin::location> done) {
    where_in_all(p, name, std::move(done));
  };
  c.move = [p](const std::string& name, const std::string& node, callback<admin::moved> done) {
    move_anything(p, name, node, std::move(done));
  };
  c.drain = [p](const std::string& node, callback<admin::drained> done) {
    if (node == p->node) {
      drain_here(p, std::move(done));
    } else {
      p->cluster.peers().ask(node, ask_drain{}, p->drain_limit + drain_allowance, std::move(done));
    }
  };
  return c;
}

}  // namespace troupe::app
