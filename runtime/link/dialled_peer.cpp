// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/dialled_peer.hpp"

#include <utility>

#include "base/log.hpp"

namespace troupe::runtime::detail {
namespace {

// A connection that lasted so long is dialled again at once when it breaks.
constexpr auto lasting = std::chrono::seconds(1);

/// Whether nobody listens there. gRPC has no code for it: it puts the operating system's word into
/// the message (tests hold it to that). Of a name with several addresses the last one tried counts.
bool is_refusal(const grpc::Status& s) {
  return s.error_code() == grpc::UNAVAILABLE &&
         s.error_message().find("Connection refused") != std::string::npos;
}

stream_figures make_figures(metrics& m, const std::string& node, link_stream on) {
  const metrics::labels of{{"peer", node}, {"stream", std::string(to_string(on))}};
  const auto dropped = [&](const std::string& reason) {
    auto labels = of;
    labels["reason"] = reason;
    return &m.make_counter("troupe_link_dropped_total", "Envelopes to a peer that were not sent",
                           labels);
  };
  return {&m.make_counter("troupe_link_sent_total", "Envelopes handed to a peer's connection", of),
          dropped("not_up"), dropped("full"), dropped("broken")};
}

metrics::counter& make_dials(metrics& m, const std::string& node, const std::string& outcome) {
  return m.make_counter("troupe_link_dials_total", "Tries to connect to a peer",
                        {{"peer", node}, {"outcome", outcome}});
}

}  // namespace

dialled_peer::dialled_peer(link_context& context, peer to)
    : context_(context),
      to_(std::move(to)),
      up_(context.figures.make_gauge("troupe_link_up", "Whether a peer is connected: 1 or 0",
                                     {{"peer", to_.node}})),
      connected_(make_dials(context.figures, to_.node, "up")),
      refused_(make_dials(context.figures, to_.node, "refused")),
      failed_(make_dials(context.figures, to_.node, "failed")),
      random_(std::random_device{}()) {
  for (std::size_t s = 0; s < stream_count; ++s) {
    figures_.at(s) = make_figures(context.figures, to_.node, static_cast<link_stream>(s));
  }
  up_.set(0);
}

void dialled_peer::dial() {
  std::unique_lock lock(mutex_);
  if (!is_closed_) {
    begin();
  }
}

bool dialled_peer::send(link_stream on, envelope what) {
  std::shared_ptr<outgoing_stream> stream;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == peer_state::up) {
      stream = now_.streams.at(static_cast<std::size_t>(on));
    }
  }
  if (!stream) {
    figures_.at(static_cast<std::size_t>(on)).dropped_not_up->add();
    return false;
  }
  return stream->send(std::move(what));
}

void dialled_peer::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  timer_.cancel();
  up_.set(0);
  state_ = peer_state::connecting;
  cancel_streams();
}

// All below with the lock held, unless said otherwise.

void dialled_peer::begin() {
  const auto number = now_.number + 1;
  now_ = {};
  now_.number = number;
  timer_.set(context_.dialling, context_.options.connect_deadline,
             [self = shared_from_this(), number] { self->on_late(number); });
  start_stream(make_stream(link_stream::control), number);
}

std::shared_ptr<outgoing_stream> dialled_peer::make_stream(link_stream on) {
  const auto index = static_cast<std::size_t>(on);
  now_.streams.at(index) = std::make_shared<outgoing_stream>(context_, to_, on, figures_.at(index));
  ++now_.running;
  return now_.streams.at(index);
}

void dialled_peer::start_stream(const std::shared_ptr<outgoing_stream>& s, std::uint64_t number) {
  const auto self = shared_from_this();
  s->start({[self, number] { self->on_greeted(number); },
            [self, number](const grpc::Status& status) { self->on_ended(number, status); }});
}

void dialled_peer::become(peer_state s) {
  if (state_ == s || is_closed_) {
    return;
  }
  state_ = s;
  up_.set(s == peer_state::up ? 1 : 0);
  context_.delivery.queue(to_.node, s);
}

void dialled_peer::cancel_streams() {
  for (const auto& s : now_.streams) {
    if (s) {
      s->cancel();
    }
  }
}

// Takes the lock.
void dialled_peer::on_greeted(std::uint64_t number) {
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_ || number != now_.number || now_.failure) {
      return;
    }
    if (++now_.greeted == 1) {
      for (const auto on : {link_stream::commands, link_stream::media}) {
        start_stream(make_stream(on), number);
      }
      return;
    }
    if (now_.greeted < stream_count) {
      return;
    }
    timer_.cancel();
    for (const auto& s : now_.streams) {
      s->open();
    }
    now_.was_up = true;
    up_since_ = system_clock().now();
    connected_.add();
    log::info("peer is up peer={} address={} node={}", to_.node, to_.address,
              context_.options.node);
    become(peer_state::up);
  }
  context_.delivery.tell();
}

// Takes the lock.
void dialled_peer::on_late(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  if (is_closed_ || number != now_.number) {
    return;
  }
  if (now_.running == 0) {
    begin();  // the pause is over
  } else if (!now_.failure && !now_.was_up) {
    fail_attempt({grpc::DEADLINE_EXCEEDED, "no answer in time"});
  }
}

// Takes the lock.
void dialled_peer::on_ended(std::uint64_t number, const grpc::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (number != now_.number) {
      return;
    }
    --now_.running;
    if (is_closed_) {
      return;
    }
    if (!now_.failure) {
      fail_attempt(status);
    }
    if (now_.running == 0) {
      end_attempt();
    }
  }
  context_.delivery.tell();
}

void dialled_peer::fail_attempt(grpc::Status why) {
  now_.failure = std::move(why);
  if (now_.was_up) {
    now_.has_lasted = system_clock().now() - up_since_ >= lasting;
    context_.warn(to_.node + " broke", fmt::format("connection to peer broke peer={} reason=\"{}\"",
                                                   to_.node, now_.failure->error_message()));
    become(peer_state::connecting);
  }
  cancel_streams();
}

void dialled_peer::end_attempt() {
  if (!now_.was_up) {
    const bool refused = is_refusal(*now_.failure);
    (refused ? refused_ : failed_).add();
    become(refused ? peer_state::refused : peer_state::down);
    context_.warn(to_.node + (refused ? " refused" : " failed"),
                  fmt::format("peer cannot be reached peer={} address={} refused={} reason=\"{}\"",
                              to_.node, to_.address, refused, now_.failure->error_message()));
  }
  now_.streams = {};
  auto pause = duration::zero();
  if (now_.has_lasted) {
    failures_ = 0;
  } else {
    const backoff pauses{context_.options.first_pause, context_.options.longest_pause};
    pause = pauses.after(++failures_, random_);
  }
  timer_.set(context_.dialling, pause,
             [self = shared_from_this(), number = now_.number] { self->on_late(number); });
}

}  // namespace troupe::runtime::detail
