// SPDX-License-Identifier: GPL-3.0-or-later
// A client and a server session joined without a network.
#pragma once

#include <algorithm>
#include <vector>

#include <catch2/catch.hpp>

#include "net/rtmp/server_session.hpp"
#include "tests/support/rtmp_client.hpp"
#include "tests/support/rtmp_samples.hpp"

namespace troupe::test {

struct rtmp_pair {
  rtmp_client client;
  rtmp::server_session server;
  std::vector<rtmp::event> events;
  std::size_t piece = 100'000;  ///< how many bytes arrive at once, either way
  std::optional<error> failure;

  explicit rtmp_pair(rtmp_client::handshake kind = rtmp_client::handshake::plain,
                     rtmp::session_limits limits = {})
      : client(kind), server(limits) {}

  void drain() {
    while (auto e = server.next_event()) {
      events.push_back(std::move(*e));
    }
  }

  /// Carries bytes until both are silent.
  void exchange() {
    while (!failure) {
      const auto up = client.take_output();
      for (byte_view left = up; !left.empty() && !failure;) {
        const auto part = left.first(std::min(piece, left.size()));
        left = left.subspan(part.size());
        if (auto fed = server.feed(part); !fed) {
          failure = fed.error();
        }
        drain();
      }
      const auto down = server.take_output();
      for (byte_view left = down; !left.empty();) {
        const auto part = left.first(std::min(piece, left.size()));
        left = left.subspan(part.size());
        REQUIRE(client.feed(part));
      }
      if (up.empty() && down.empty()) {
        return;
      }
    }
  }

  void accept() {
    if (auto accepted = server.accept(); !accepted) {
      failure = accepted.error();
    }
    drain();
    exchange();
  }

  /// Up to a publication that goes on; events are empty afterwards.
  void begin(const rtmp_client::target& t = {}) {
    client.publish(t);
    exchange();
    REQUIRE(count<rtmp::publish_requested>() == 1);
    accept();
    REQUIRE(client.is_publishing());
    events.clear();
  }

  void send_configurations() {
    client.send_video(0, flv::video(flv::avc, flv::kind::sequence_start, true, 0, avcc()));
    client.send_audio(0, flv::aac(flv::kind::sequence_start, asc()));
  }

  void send_frame(std::uint32_t time, bool key = true) {
    client.send_video(
        time, flv::video(flv::avc, flv::kind::coded_frames, key, 0, h264_frame(key ? 5 : 1)));
  }

  template <class T>
  std::size_t count() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(events, [](const auto& e) { return std::holds_alternative<T>(e); }));
  }

  /// The first of its kind.
  template <class T>
  const T& first() const {
    const auto found =
        std::ranges::find_if(events, [](const auto& e) { return std::holds_alternative<T>(e); });
    REQUIRE(found != events.end());
    return std::get<T>(*found);
  }

  /// The first command of that name among what the client has not looked at.
  std::optional<rtmp_client::command> command(std::string_view name) {
    while (auto c = client.next_command()) {
      if (c->name == name) {
        return c;
      }
    }
    return std::nullopt;
  }
};

}  // namespace troupe::test
