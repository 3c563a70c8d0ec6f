// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/acceptor.hpp"

#include <algorithm>
#include <ranges>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "runtime/link/grpc_buffer.hpp"

namespace troupe::runtime::detail {
namespace {

// Of all peers together: three each, and those that have not said who they are.
constexpr std::size_t most_streams = 1024;
// Room beside the largest body for the rest of its envelope and a batch in front of it.
constexpr int most_frame_bytes = static_cast<int>(largest_envelope) + (1 << 20);
constexpr int most_metadata_bytes = 4096;
// A connection without a call has no use here.
constexpr int most_idle_ms = 10'000;

/// As cluster.conf has it. What is none is not put into a log line.
bool is_node_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

metrics::counter& make_turned_away(metrics& m, const std::string& reason) {
  return m.make_counter("troupe_link_turned_away_total",
                        "Streams from elsewhere that were not taken, or ended for what they sent",
                        {{"reason", reason}});
}

/// A call that is answered with its end.
class refused_call final : public grpc::ServerGenericBidiReactor {
 public:
  explicit refused_call(grpc::Status why) { Finish(std::move(why)); }

 private:
  void OnDone() override { delete this; }
};

int milliseconds(std::chrono::milliseconds d) {
  return static_cast<int>(d.count());
}

}  // namespace

acceptor::acceptor(link_context& context)
    : context_(context),
      not_named_(make_turned_away(context.figures, "name")),
      not_understood_(make_turned_away(context.figures, "bytes")),
      too_many_(make_turned_away(context.figures, "count")) {
  for (std::size_t s = 0; s < stream_count; ++s) {
    received_.at(s) = &context.figures.make_counter(
        "troupe_link_received_total", "Envelopes received from peers",
        {{"stream", std::string(to_string(static_cast<link_stream>(s)))}});
  }
}

result<void> acceptor::listen() {
  const auto& o = context_.options;
  const std::string host = o.certificates ? o.listen : "127.0.0.1";
  const auto address = host.find(':') == std::string::npos ? fmt::format("{}:{}", host, o.port)
                                                           : fmt::format("[{}]:{}", host, o.port);
  grpc::ServerBuilder builder;
  int bound = 0;
  builder.AddListeningPort(address, context_.to_accept, &bound);
  builder.RegisterCallbackGenericService(this);
  builder.SetMaxReceiveMessageSize(most_frame_bytes);
  // Two nodes on one port would each get half of the peers.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, most_metadata_bytes);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             milliseconds(o.connect_deadline));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, most_idle_ms);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(o.keepalive));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             bulk_patience * milliseconds(o.keepalive_answer));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_SENT_PING_INTERVAL_WITHOUT_DATA_MS,
                             milliseconds(o.keepalive));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, window_bytes);
  // Peers ask as often as we do, which gRPC's default would punish.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  server_ = builder.BuildAndStart();
  if (!server_ || bound == 0) {
    server_.reset();
    return fail(errc::unavailable, fmt::format("the cluster port {} cannot be opened", address));
  }
  port_ = static_cast<std::uint16_t>(bound);
  return {};
}

void acceptor::stop() {
  if (server_) {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }
}

grpc::ServerGenericBidiReactor* acceptor::CreateReactor(grpc::GenericCallbackServerContext* call) {
  if (call->method() != link_method) {
    return new refused_call({grpc::UNIMPLEMENTED, "there is no such call"});
  }
  if (!context_.delivery.is_open()) {
    return new refused_call({grpc::UNAVAILABLE, "not now"});
  }
  {
    const std::lock_guard lock(mutex_);
    if (open_streams_ >= most_streams) {
      return new refused_call(send_away(too_many_, grpc::RESOURCE_EXHAUSTED, "too many",
                                        "more streams than a cluster has"));
    }
    ++open_streams_;
  }
  const auto made =
      std::make_shared<incoming_stream>(context_, static_cast<incoming_owner&>(*this), *call);
  made->start();  // owns itself from here on
  return made.get();
}

grpc::Status acceptor::send_away(metrics::counter& counted, grpc::StatusCode code,
                                 const std::string& key, const std::string& why) {
  counted.add();
  context_.warn(key, fmt::format("stream from elsewhere turned away reason=\"{}\"", why));
  return {code, why};
}

grpc::Status acceptor::judge(const link_hello& hello, const grpc::AuthContext& shown) {
  if (!is_node_name(hello.node)) {
    return send_away(not_named_, grpc::PERMISSION_DENIED, "no name", "its name is none");
  }
  if (hello.node == context_.options.node) {
    return send_away(not_named_, grpc::PERMISSION_DENIED, "own name", "it has this node's name");
  }
  if (context_.has_certificates() && !names(shown, hello.node)) {
    return send_away(
        not_named_, grpc::PERMISSION_DENIED, "not named " + hello.node,
        fmt::format("it says it is {}, which its certificate does not name", hello.node));
  }
  if (hello.stream >= stream_count) {
    not_understood_.add();
    return {grpc::UNIMPLEMENTED, "there is no such stream"};
  }
  return grpc::Status::OK;
}

grpc::Status acceptor::admit(const std::shared_ptr<incoming_stream>& s, const link_hello& hello,
                             const grpc::AuthContext& shown) {
  auto verdict = judge(hello, shown);
  if (!verdict.ok()) {
    return verdict;
  }
  std::shared_ptr<slot> taken;
  {
    const std::lock_guard lock(mutex_);
    auto& place = slots_[{hello.node, static_cast<link_stream>(hello.stream)}];
    if (!place) {
      place = std::make_shared<slot>();
    }
    taken = place;
  }
  std::shared_ptr<incoming_stream> former;
  {
    const std::lock_guard in_turn(taken->in_turn);
    former = std::exchange(taken->current, s).lock();
  }
  if (former) {
    former->cut();
  }
  return verdict;
}

void acceptor::hand_on(const incoming_stream& s, std::vector<envelope> what) {
  received_.at(static_cast<std::size_t>(s.on()))->add(static_cast<double>(what.size()));
  std::shared_ptr<slot> place;
  {
    const std::lock_guard lock(mutex_);
    const auto found = slots_.find({s.node(), s.on()});
    if (found == slots_.end()) {
      return;
    }
    place = found->second;
  }
  const std::lock_guard in_turn(place->in_turn);
  if (place->current.lock().get() == &s) {
    context_.delivery.received(s.node(), s.on(), std::move(what));
  }
}

void acceptor::garbled(const incoming_stream& s, const error& why) {
  send_away(not_understood_, grpc::INVALID_ARGUMENT, "garbled " + s.node(),
            fmt::format("{} from {}", why.message, s.is_admitted() ? s.node() : "a stranger"));
}

void acceptor::left(const incoming_stream& s) {
  const std::lock_guard lock(mutex_);
  --open_streams_;
  if (!s.is_admitted()) {
    return;
  }
  const auto found = slots_.find({s.node(), s.on()});
  // Nobody else takes it up: that is done with this lock held.
  if (found == slots_.end() || found->second.use_count() != 1) {
    return;
  }
  const auto place = found->second;
  const std::lock_guard in_turn(place->in_turn);
  const auto current = place->current.lock();
  if (!current || current.get() == &s) {
    slots_.erase(found);
  }
}

}  // namespace troupe::runtime::detail
