// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/stream_replica.hpp"

#include <utility>

#include "base/ids.hpp"

namespace troupe::stream {

replication_metrics::replication_metrics(metrics& m)
    : lost(m.make_counter("troupe_stream_standbys_lost_total",
                          "Standbys of streams given up: silent, gone, or too slow")),
      restored(m.make_counter("troupe_stream_restored_total",
                              "Streams that went on here with the media of another node")),
      cut_off(m.make_counter("troupe_stream_cut_off_total",
                             "Streams that went on here without the media before")),
      unprotected(m.make_gauge("troupe_streams_unprotected",
                               "Streams whose media no other node has at the moment")) {}

stream_replica::stream_replica(const runtime::entity_name& name, const replication& r) : r_(r) {
  const auto slash = name.id.rfind('/');
  data.id = slash == std::string::npos ? 0 : parse_id(name.id.substr(slash + 1)).value_or(0);
}

void stream_replica::passivate(runtime::context&) {
  r_.replicas.remove(data.id);
}

result<replica_facts> stream_replica::on(runtime::context&, const describe_replica&) const {
  const auto copied = r_.replicas.position(data.id, media::source_rendition);
  const auto own = r_.live.position(data.id, media::source_rendition);
  const auto& best = own && (!copied || own->is_beyond(*copied)) ? own : copied;
  if (!best) {
    return replica_facts{};
  }
  return replica_facts{.is_held = true, .next_msn = best->next_msn, .parts = best->parts};
}

result<runtime::accepted> stream_replica::on(runtime::context&, const extend_replica& m) {
  if (m.epoch < data.epoch) {
    return fail(errc::conflict, "superseded", "a later owner of the stream has spoken");
  }
  data.epoch = m.epoch;
  if (m.begins) {
    joiner_.reset();
  }
  auto outputs = joiner_.add(m.piece);
  if (!outputs) {
    return fail(std::move(outputs.error()));
  }
  if (!outputs->empty()) {
    r_.replicas.publish(data.id, media::source_rendition, *outputs);
  }
  return runtime::accepted{};
}

runtime::later<runtime::accepted> stream_replica::on(runtime::context& ctx, const give_replica& m) {
  if (giving_) {
    giving_->end();
    given_.set(fail(errc::conflict, "superseded", "another node asked for it"));
  }
  given_ = {};
  const auto copied = r_.replicas.position(data.id, media::source_rendition);
  const auto own = r_.live.position(data.id, media::source_rendition);
  const media::cache_archive& from =
      own && (!copied || own->is_beyond(*copied)) ? r_.live : r_.replicas;
  giving_ = std::make_shared<replica_copier>(
      m.node, data.id, m.epoch, from,
      replica_copier::events{.arrived = [](runtime::context&, std::uint64_t) {},
                             .caught_up =
                                 [this](runtime::context&) {
                                   given_.set(runtime::accepted{});
                                   std::exchange(giving_, nullptr)->end();
                                 },
                             .lost =
                                 [this](runtime::context&, const error& why) {
                                   given_.set(fail(why));
                                   giving_.reset();
                                 }});
  giving_->start(ctx);
  return given_.answer();
}

void stream_replica::on(runtime::context&, const drop_replica& m) {
  if (m.epoch >= data.epoch) {
    data.epoch = m.epoch;
    joiner_.reset();
    r_.replicas.remove(data.id);
  }
}

}  // namespace troupe::stream
