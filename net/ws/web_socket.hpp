// SPDX-License-Identifier: GPL-3.0-or-later
// One WebSocket after its handshake, whatever is spoken on it: frames in, pings, and the reasons to
// end it (what its peer sends, silence, not reading). Holds little, because there are thousands.
// Thread: its connection's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "net/asio/tcp_connection.hpp"
#include "net/ws/client_frame.hpp"
#include "net/ws/frame.hpp"
#include "net/ws/refusals.hpp"

namespace troupe::ws {

struct web_socket_metrics {
  /// closed is labelled with its reason; name and help of both, because each kind of socket has its
  /// own.
  web_socket_metrics(metrics& m, const std::string& bad, const std::string& closed,
                     const std::string& closed_help);

  /// A frame of the client's that cannot be read.
  metrics::counter& closed_for(close_code why) const;

  refusals bad_frames;                   ///< by bad_frame::counted_as
  metrics::counter& closed_bad_frames;   ///< 10 malformed ones in 10 s
  metrics::counter& closed_many_frames;  ///< 300 in 10 s
  metrics::counter& closed_protocol;     ///< RFC 6455 violated
  metrics::counter& closed_too_big;      ///< a frame beyond largest_client_frame
  metrics::counter& closed_not_text;     ///< a binary frame, or one that is not UTF-8
  metrics::counter& closed_silent;
  metrics::counter& closed_stalled;
  metrics::counter& closed_unread;  ///< more waited for it than may
};

class web_socket : public net::tcp_session {
 public:
  void on_bytes(byte_view data) final;
  void on_closed(net::close_reason reason) final;
  void on_drained() override;

 protected:
  /// number: of the socket, to spread what all of them do. outbox_limit: of all that waits for the
  /// peer.
  web_socket(const clock& time, web_socket_metrics& counters, net::tcp_connection& connection,
             std::uint64_t number, std::size_t outbox_limit);

  /// A frame of the client's; text is UTF-8.
  virtual void on_text(std::string_view text) = 0;

  bool is_ready_to_write() const { return !is_closing_ && connection_.queued_bytes() == 0; }

  bool is_closing() const { return is_closing_; }

  void send(std::string_view json);
  void close(close_code code, std::string_view reason);
  /// Answers what was no command, and closes when there are too many of them.
  void refuse_frame(const bad_frame& why);
  /// To be asked at least every 30 s. False: it was silent, or did not read, for too long, and is
  /// closing.
  bool check_peer(steady_time now);
  /// The same: sends a ping when it is time.
  void keep_alive(steady_time now);

  net::tcp_connection& connection() { return connection_; }

 private:
  /// So much in 10 s, counted in windows that begin with the first.
  struct allowance {
    steady_time since{};
    std::uint32_t count = 0;

    /// False when it is spent.
    bool take(steady_time now, std::uint32_t amount, std::uint32_t most);
  };

  void handle_frame();
  bool makes_progress(steady_time now);

  const clock& time_;
  web_socket_metrics& counters_;
  net::tcp_connection& connection_;
  frame_reader reader_{largest_client_frame};
  std::uint32_t frames_seen_ = 0;
  allowance frames_;
  allowance bad_frames_;
  steady_time last_received_;
  steady_time next_ping_;
  steady_time stalled_since_ = steady_time::max();
  bool is_paused_ = false;
  bool is_closing_ = false;
};

/// How long the clients of a node that is leaving are to wait: evenly over 5 s, whatever numbers
/// are open.
std::int64_t reconnect_delay_ms(std::uint64_t number);

}  // namespace troupe::ws
