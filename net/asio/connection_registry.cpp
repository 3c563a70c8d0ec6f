// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/connection_registry.hpp"

#include <algorithm>
#include <string>

namespace troupe::net {
namespace {

constexpr std::array<std::string_view, 4> refusal_names{"none", "total", "address", "descriptors"};
constexpr std::array<std::string_view, 7> reason_names{
    "by_peer", "by_us", "deadline", "idle", "outbox_full", "write_stalled", "stopping"};

}  // namespace

std::string_view to_string(close_reason reason) {
  return reason_names[static_cast<std::size_t>(reason)];
}

connection_registry::connection_registry(const tcp_options& options, std::size_t threads,
                                         metrics& m)
    : received_bytes(m.make_counter("troupe_connection_received_bytes_total",
                                    "Bytes read from sockets", {{"server", options.name}})),
      sent_bytes(m.make_counter("troupe_connection_sent_bytes_total", "Bytes written to sockets",
                                {{"server", options.name}})),
      max_connections_(options.max_connections),
      max_per_address_(options.max_per_address),
      open_(m.make_gauge("troupe_connections", "Open connections", {{"server", options.name}})),
      accepted_(m.make_counter("troupe_connections_accepted_total", "Connections let in",
                               {{"server", options.name}})),
      per_thread_(threads) {
  for (std::size_t i = 1; i < refused_.size(); ++i) {
    refused_[i] = &m.make_counter(
        "troupe_connections_refused_total", "Connections closed at the door, by the limit met",
        {{"server", options.name}, {"limit", std::string(refusal_names[i])}});
  }
  for (std::size_t i = 0; i < closed_.size(); ++i) {
    closed_[i] =
        &m.make_counter("troupe_connections_closed_total", "Connections that ended, by reason",
                        {{"server", options.name}, {"reason", std::string(reason_names[i])}});
  }
}

std::string connection_registry::key_of(const ip_address& peer) {
  const auto key = peer.limit_key();
  return {key.octets().begin(), key.octets().end()};
}

refusal connection_registry::admit(const ip_address& peer, bool is_trusted) {
  const std::lock_guard lock(mutex_);
  if (max_connections_ != 0 && count_ >= max_connections_) {
    return refusal::total;
  }
  auto& from_address = per_address_[key_of(peer)];
  if (!is_trusted && max_per_address_ != 0 && from_address >= max_per_address_) {
    return refusal::address;
  }
  ++from_address;
  ++count_;
  open_.set(static_cast<double>(count_));
  accepted_.add();
  return refusal::none;
}

std::size_t connection_registry::take_thread() {
  const std::lock_guard lock(mutex_);
  const auto fewest = std::ranges::min_element(per_thread_);
  ++*fewest;
  return static_cast<std::size_t>(fewest - per_thread_.begin());
}

void connection_registry::give_back(const ip_address& peer, std::size_t thread) {
  --count_;
  --per_thread_[thread];
  open_.set(static_cast<double>(count_));
  const auto from_address = per_address_.find(key_of(peer));
  if (--from_address->second == 0) {
    per_address_.erase(from_address);
  }
  if (count_ == 0) {
    empty_.notify_all();
  }
}

void connection_registry::withdraw(const ip_address& peer, std::size_t thread) {
  const std::lock_guard lock(mutex_);
  give_back(peer, thread);
}

bool connection_registry::add(const std::shared_ptr<socket_connection>& connection) {
  const std::lock_guard lock(mutex_);
  if (stopping_) {
    return false;
  }
  connections_.emplace(connection.get(), connection);
  return true;
}

void connection_registry::remove(const socket_connection& connection, const ip_address& peer,
                                 std::size_t thread, close_reason reason) {
  closed_[static_cast<std::size_t>(reason)]->add();
  std::shared_ptr<socket_connection> last;  // destroyed outside of the lock
  const std::lock_guard lock(mutex_);
  if (auto node = connections_.extract(&connection)) {
    last = std::move(node.mapped());
  }
  give_back(peer, thread);
}

void connection_registry::begin_stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
}

std::vector<std::shared_ptr<socket_connection>> connection_registry::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<socket_connection>> list;
  list.reserve(connections_.size());
  for (const auto& [key, connection] : connections_) {
    list.push_back(connection);
  }
  return list;
}

bool connection_registry::wait_until_empty(steady_time deadline) const {
  std::unique_lock lock(mutex_);
  return empty_.wait_until(lock, deadline, [this] { return count_ == 0; });
}

std::size_t connection_registry::size() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

}  // namespace troupe::net
