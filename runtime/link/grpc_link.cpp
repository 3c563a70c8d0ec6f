// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/grpc_link.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "base/log.hpp"
#include "runtime/link/acceptor.hpp"
#include "runtime/link/dialled_peer.hpp"
#include "runtime/link/rpc_log.hpp"
#include "runtime/link/tls.hpp"

namespace troupe::runtime {
namespace detail {
namespace {

class grpc_link final : public listening_link {
 public:
  grpc_link(grpc_link_options options, metrics& figures)
      : context_(std::move(options), figures),
        acceptor_(context_),
        strangers_(figures.make_counter("troupe_link_dropped_total",
                                        "Envelopes to a peer that were not sent",
                                        {{"peer", "-"}, {"stream", "-"}, {"reason", "no_peer"}})),
        oversized_(figures.make_counter("troupe_link_dropped_total",
                                        "Envelopes to a peer that were not sent",
                                        {{"peer", "-"}, {"stream", "-"}, {"reason", "size"}})) {}

  ~grpc_link() override { stop(); }

  result<void> listen() {
    auto made = context_.has_certificates() ? make_credentials(*context_.options.certificates)
                                            : make_plain_credentials();
    context_.to_dial = std::move(made.to_dial);
    context_.to_accept = std::move(made.to_accept);
    return acceptor_.listen();
  }

  std::uint16_t port() const override { return acceptor_.port(); }

  void start(handlers h) override { context_.delivery.open(std::move(h)); }

  void set_peers(std::vector<peer> wanted) override {
    std::vector<std::shared_ptr<dialled_peer>> fresh;
    {
      const std::unique_lock lock(mutex_);
      if (is_stopped_) {
        return;
      }
      std::erase_if(peers_, [&](const auto& entry) {
        const bool stays = std::ranges::find(wanted, entry.second->to()) != wanted.end();
        if (!stays) {
          entry.second->close();
        }
        return !stays;
      });
      for (auto& p : wanted) {
        if (p.node != context_.options.node && !peers_.contains(p.node)) {
          auto node = p.node;
          fresh.push_back(std::make_shared<dialled_peer>(context_, std::move(p)));
          peers_.emplace(std::move(node), fresh.back());
        }
      }
    }
    for (const auto& p : fresh) {
      p->dial();
    }
  }

  bool send(std::string_view to, link_stream on, envelope what) override {
    if (what.body.size() > largest_envelope) {
      oversized_.add();
      context_.warn("oversized", fmt::format("an envelope is too large to be sent type={} bytes={}",
                                             what.type, what.body.size()));
      return false;
    }
    std::shared_ptr<dialled_peer> found;
    {
      const std::shared_lock lock(mutex_);
      if (const auto it = peers_.find(to); it != peers_.end()) {
        found = it->second;
      }
    }
    if (!found) {
      strangers_.add();
      return false;
    }
    return found->send(on, std::move(what));
  }

  void stop() override {
    {
      const std::unique_lock lock(mutex_);
      is_stopped_ = true;
      for (const auto& [node, p] : peers_) {
        p->close();
      }
      peers_.clear();
    }
    context_.delivery.close();
    // Channels before the server: gRPC 1.51 joins its threads when the last of either goes, and the
    // calls' channels go on one of those threads.
    context_.dialling->wait_for_none();
    acceptor_.stop();
    context_.accepting->wait_for_none();
  }

 private:
  link_context context_;
  acceptor acceptor_;
  metrics::counter& strangers_;
  metrics::counter& oversized_;
  std::shared_mutex mutex_;
  bool is_stopped_ = false;
  std::map<std::string, std::shared_ptr<dialled_peer>, std::less<>> peers_;
};

}  // namespace
}  // namespace detail

result<std::unique_ptr<listening_link>> make_grpc_link(grpc_link_options options,
                                                       metrics& figures) {
  redirect_rpc_log();
  if (options.certificates) {
    if (auto fine = detail::check_certificates(*options.certificates, options.node); !fine) {
      return fail(fine.error());
    }
  }
  auto made = std::make_unique<detail::grpc_link>(std::move(options), figures);
  if (auto listening = made->listen(); !listening) {
    return fail(listening.error());
  }
  return made;
}

}  // namespace troupe::runtime
