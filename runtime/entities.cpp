// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/entities.hpp"

#include "runtime/detail/node.hpp"

namespace troupe::runtime {

entities::entities(const node_options& options, const clock& c, metrics& m, job_runner run_job,
                   entity_log& log, const cluster_parts& cluster)
    : entities(std::make_unique<detail::node>(
          detail::node_parts{options, c, m, std::move(run_job), log,
                             detail::make_caf_executor(options.threads), cluster})) {}

entities::entities(std::unique_ptr<detail::node> made) : node_(std::move(made)) {}

entities::~entities() = default;

void entities::add_kind(detail::kind_entry entry) {
  node_->add_kind(std::move(entry));
}

session entities::open_session() {
  return session(node_->open_session(false));
}

void entities::submit(const session& from, const entity_name& to, const detail::command_ptr& what,
                      duration deadline, detail::answer_callback done) {
  node_->submit(from.state(), to, what, deadline, std::move(done));
}

std::optional<location> entities::where(const entity_name& name) const {
  return node_->where(name);
}

tree_node entities::tree() const {
  return node_->tree();
}

node_status entities::status() const {
  return node_->status();
}

message_registry& entities::registry() {
  return node_->messages();
}

void entities::move(const entity_name& name, const std::string& node, callback<duration> done) {
  node_->move(name, node, std::move(done));
}

void entities::drain(callback<std::size_t> done) {
  node_->drain(std::move(done));
}

void entities::share(const std::string& with, callback<std::size_t> done) {
  node_->share(with, std::move(done));
}

bool entities::received(std::string_view from, link_stream on, const envelope& what) {
  return node_->received(from, on, what);
}

void entities::peer_changed(std::string_view node, peer_state now) {
  node_->peer_changed(node, now);
}

void entities::view_changed() {
  node_->view_changed();
}

result<void> entities::supervise(supervisor_spec spec) {
  return node_->supervise(std::move(spec));
}

void entities::stop(duration deadline, callback<void> done) {
  node_->stop(deadline, std::move(done));
}

}  // namespace troupe::runtime
