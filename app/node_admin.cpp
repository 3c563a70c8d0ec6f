// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/node_admin.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "app/version.hpp"

namespace troupe::app {
namespace {

using shared_parts = std::shared_ptr<const admin_parts>;

admin::node_status status_of(const admin_parts& p) {
  admin::node_status out;
  const auto runtime_status = p.entities.status();
  out.node = p.facts.self.name;
  out.state = p.facts.is_stopping() ? "draining" : runtime_status.state;
  out.version = version();
  out.uptime = std::chrono::duration_cast<std::chrono::seconds>(p.time.now() - p.facts.started);
  out.host = p.facts.self.host;
  out.http_port = p.facts.http_port;
  out.rtmp_port = p.facts.rtmp_port;
  out.counts.emplace_back("connections", static_cast<std::int64_t>(p.facts.connections()));
  std::int64_t waiting = 0;
  for (const auto& k : runtime_status.kinds) {
    out.counts.emplace_back(k.kind + " entities", static_cast<std::int64_t>(k.active));
    waiting += static_cast<std::int64_t>(k.waiting);
  }
  out.counts.emplace_back("messages waiting", waiting);
  return out;
}

result<admin::location> find(const admin_parts& p, const std::string& text) {
  const auto name = runtime::parse_entity_name(text);
  if (!name) {
    return fail(errc::invalid_argument, "invalid_name", "a name is KIND/ID, as in stream/48213");
  }
  const auto kinds = p.entities.status().kinds;
  if (std::ranges::find(kinds, name->kind, &runtime::kind_status::kind) == kinds.end()) {
    return fail(errc::not_found, "unknown_kind", "there is no kind " + name->kind);
  }
  const auto found = p.entities.where(*name);
  return admin::location{.name = text,
                         .node = found ? found->node : p.facts.self.name,
                         .state = found ? found->state : "passive",
                         .epoch = found ? found->epoch : 0};
}

/// Whether there is something of which the entity would be: a row's primary key is looked up. Where
/// nobody can know, or the store does not say, there may be.
result<bool> may_exist(storage::database& store, const runtime::entity_name& name) {
  const bool is_stream = name.kind == "stream";
  if (!is_stream && name.kind != "room") {
    return true;
  }
  const auto id = parse_id(name.id);
  if (!id) {
    return false;
  }
  const auto why = is_stream ? map(store.streams().find(*id), [](const auto&) { return true; })
                             : map(store.users().find(*id), [](const auto&) { return true; });
  return why || why.error().code != errc::not_found;
}

void find_or_explain(const shared_parts& p, const std::string& text,
                     callback<admin::location> done) {
  auto here = find(*p, text);
  const auto name = runtime::parse_entity_name(text);
  if (!here || here->state != "passive" || !name) {
    done(std::move(here));
    return;
  }
  run_on<bool>(
      p->pool, [p, name = *name] { return may_exist(p->store, name); },
      [here = *std::move(here), done = std::move(done)](const result<bool>& exists) mutable {
        if (exists && !*exists) {
          done(fail(errc::not_found, "no_such_entity", "there is no " + here.name));
          return;
        }
        done(std::move(here));
      });
}

std::unexpected<error> no_cluster() {
  return fail(errc::unavailable, "no_cluster", "this node is alone: there is no other to take it");
}

void create_user(const shared_parts& p, admin::wanted_user wanted,
                 callback<admin::created_user> done) {
  const auto to_created = [](const account::user& u) {
    return admin::created_user{.id = u.id, .username = u.username};
  };
  account::new_user user{.username = std::move(wanted.username),
                         .email = std::move(wanted.email),
                         .password = std::move(wanted.password)};
  auto answer = std::make_shared<callback<admin::created_user>>(std::move(done));
  if (!wanted.is_administrator) {
    p->accounts.register_user(std::move(user), [answer, to_created](result<account::user> made) {
      (*answer)(map(std::move(made), to_created));
    });
    return;
  }
  run_on<admin::created_user>(
      p->pool,
      [p, to_created, user = std::move(user)]() mutable {
        return map(p->accounts.create_administrator(std::move(user)), to_created);
      },
      [answer](result<admin::created_user> made) { (*answer)(std::move(made)); });
}

}  // namespace

admin::calls make_admin_calls(admin_parts parts) {
  const auto p = std::make_shared<const admin_parts>(std::move(parts));
  admin::calls c;
  c.status = [p](callback<admin::node_status> done) { done(status_of(*p)); };
  c.tree = [p](callback<runtime::tree_node> done) { done(p->entities.tree()); };
  c.where = [p](const std::string& name, callback<admin::location> done) {
    find_or_explain(p, name, std::move(done));
  };
  c.move = [](const std::string&, const std::string&, callback<admin::moved> done) {
    done(no_cluster());
  };
  c.drain = [](const std::string&, callback<admin::drained> done) { done(no_cluster()); };
  c.create_user = [p](admin::wanted_user wanted, callback<admin::created_user> done) {
    create_user(p, std::move(wanted), std::move(done));
  };
  c.set_password = [p](std::string username, std::string password, callback<void> done) {
    p->accounts.set_password(std::move(username), std::move(password), std::move(done));
  };
  c.rotate_token_key = [p](bool ends_older, callback<admin::signing_key> done) {
    p->accounts.rotate_token_key(
        ends_older, [done = std::move(done)](result<account::rotated_key> made) mutable {
          done(map(std::move(made), [](account::rotated_key key) {
            return admin::signing_key{.name = std::move(key.name), .signs_from = key.signs_from};
          }));
        });
  };
  return c;
}

}  // namespace troupe::app
