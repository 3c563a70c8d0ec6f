// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/outgoing_stream.hpp"

#include <algorithm>
#include <utility>

#include "base/sanitizer.hpp"
#include "runtime/link/grpc_buffer.hpp"

namespace troupe::runtime::detail {
namespace {

// What goes into one frame. Larger ones gain nothing (measured: 64 KiB carries 150-byte envelopes
// at a tenth of their cost alone) and make those behind them wait.
constexpr std::size_t most_batch_bytes = std::size_t{64} * 1024;
constexpr std::size_t most_batch_envelopes = 512;

int milliseconds(std::chrono::milliseconds d) {
  return static_cast<int>(d.count());
}

grpc::ChannelArguments channel_arguments(const grpc_link_options& o, const peer& to,
                                         link_stream on) {
  grpc::ChannelArguments a;
  // A connection of its own, without what other channels remember of this address.
  a.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  a.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, milliseconds(o.connect_deadline));
  a.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  a.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  a.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  a.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(o.keepalive));
  a.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
           milliseconds(o.keepalive_answer) * (on == link_stream::control ? 1 : bulk_patience));
  a.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  a.SetInt(GRPC_ARG_HTTP2_MIN_SENT_PING_INTERVAL_WITHOUT_DATA_MS, milliseconds(o.keepalive));
  a.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  a.SetMaxSendMessageSize(-1);
  if (o.certificates) {
    a.SetSslTargetNameOverride(to.node);  // what the peer's certificate must name
  }
  return a;
}

}  // namespace

outgoing_stream::outgoing_stream(link_context& context, const peer& to, link_stream on,
                                 stream_figures figures)
    : context_(context),
      to_(to),
      on_(on),
      figures_(figures),
      bound_(context.options.bounds.at(static_cast<std::size_t>(on))),
      token_(std::make_unique<live_count::token>(context.dialling)),
      channel_(grpc::CreateCustomChannel("dns:///" + to.address, context.to_dial,
                                         channel_arguments(context.options, to, on))),
      stub_(std::make_unique<grpc::GenericStub>(channel_)) {}

void outgoing_stream::start(events e) {
  events_ = std::move(e);
  self_ = shared_from_this();
  stub_->PrepareBidiStreamingCall(&call_, link_method, {}, this);
  AddHold();  // send() starts writes from outside of reactions; stop_writing() gives it back
  is_writing_ = true;
  link_frame greeting;
  greeting.hello = link_hello{context_.options.node, static_cast<std::uint32_t>(on_)};
  written_ = to_buffer(std::move(greeting));
  // gRPC orders the reactions of a call: reads and writes each among themselves, both before
  // OnDone.
  sanitizer::released(&read_);
  sanitizer::released(&written_);
  StartRead(&read_);
  StartWrite(&written_);
  StartCall();
}

void outgoing_stream::open() {
  const std::lock_guard lock(mutex_);
  is_open_ = !is_over_;
}

bool outgoing_stream::send(envelope what) {
  const auto size = weight(what);
  std::unique_lock lock(mutex_);
  if (!is_open_) {
    figures_.dropped_not_up->add();
    return false;
  }
  if (queue_.size() >= bound_.messages || queued_bytes_ + size > bound_.bytes) {
    figures_.dropped_full->add();
    return false;
  }
  queue_.push_back(std::move(what));
  queued_bytes_ += size;
  if (!is_writing_) {
    is_writing_ = true;
    write_next(std::move(lock));
  }
  return true;
}

void outgoing_stream::cancel() {
  call_.TryCancel();
}

link_frame outgoing_stream::take_batch() {
  link_frame frame;
  std::size_t size = 0;
  frame.envelopes.reserve(std::min(queue_.size(), most_batch_envelopes));
  while (!queue_.empty() && frame.envelopes.size() < most_batch_envelopes &&
         (frame.envelopes.empty() || size + weight(queue_.front()) <= most_batch_bytes)) {
    size += weight(queue_.front());
    frame.envelopes.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queued_bytes_ -= size;
  in_flight_ = frame.envelopes.size();
  return frame;
}

// With is_writing_ set, which makes the frame and its write this thread's.
void outgoing_stream::write_next(std::unique_lock<std::mutex> lock) {
  auto frame = take_batch();
  lock.unlock();
  written_ = to_buffer(std::move(frame));
  sanitizer::released(&written_);
  StartWrite(&written_);
}

void outgoing_stream::OnWriteDone(bool ok) {
  sanitizer::acquired(&written_);
  std::unique_lock lock(mutex_);
  if (in_flight_ != 0) {  // else it was the greeting
    (ok ? figures_.sent : figures_.dropped_broken)->add(static_cast<double>(in_flight_));
  }
  in_flight_ = 0;
  if (is_over_) {
    is_writing_ = false;
    lock.unlock();
    stop_writing();
  } else if (ok && !queue_.empty()) {
    write_next(std::move(lock));
  } else {
    is_writing_ = false;
    is_open_ = is_open_ && ok;
  }
}

/// No write is started any more: what waited is lost, and gRPC may end the call.
void outgoing_stream::stop_writing() {
  {
    const std::lock_guard lock(mutex_);
    figures_.dropped_broken->add(static_cast<double>(queue_.size()));
    queue_.clear();
    queued_bytes_ = 0;
  }
  RemoveHold();
}

bool outgoing_stream::is_right_peer(const link_hello& hello) {
  if (hello.node != to_.node) {
    complaint_ = "it says it is " + hello.node;
  } else if (context_.has_certificates() && !names(*call_.auth_context(), to_.node)) {
    complaint_ = "its certificate does not name it";
  }
  return complaint_.empty();
}

void outgoing_stream::OnReadDone(bool ok) {
  sanitizer::acquired(&read_);
  if (!ok) {
    sanitizer::released(&complaint_);
    std::unique_lock lock(mutex_);
    is_open_ = false;
    is_over_ = true;
    const bool writes = is_writing_;
    lock.unlock();
    if (!writes) {
      stop_writing();
    }
    return;
  }
  auto frame = from_buffer(read_);
  if (!is_greeted_) {
    if (!frame || !frame->hello) {
      complaint_ = "it does not speak this protocol";
    }
    if (complaint_.empty() && is_right_peer(*frame->hello)) {
      is_greeted_ = true;
      events_.greeted();
    } else {
      call_.TryCancel();
    }
  }
  sanitizer::released(&read_);
  StartRead(&read_);  // a later version may say more; the end comes this way too
}

void outgoing_stream::OnDone(const grpc::Status& status) {
  sanitizer::acquired(&complaint_);
  sanitizer::acquired(&written_);
  const auto token = std::move(token_);  // goes last
  const auto self = std::move(self_);
  events_.ended(complaint_.empty() ? status : grpc::Status(grpc::FAILED_PRECONDITION, complaint_));
  events_ = {};
}

}  // namespace troupe::runtime::detail
