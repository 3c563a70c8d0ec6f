// SPDX-License-Identifier: GPL-3.0-or-later
// One chat socket after its handshake: reads frames, asks its ViewerSession, and is written to by
// its room's feed. Holds little, because there are thousands. Life: welcome -> open -> closing.
// Thread: its connection's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/asio/tcp_connection.hpp"
#include "net/ws/client_frame.hpp"
#include "net/ws/frame.hpp"
#include "net/ws/session_context.hpp"

namespace troupe::ws {

/// What the handshake has brought.
struct session_start {
  user_id room = 0;
  viewer_lease viewer;
  socket_place place;
  socket_place address_place;
  account::identity who;  ///< id 0: read only
  presence::watcher watcher;
  std::uint64_t notices = 0;  ///< of hub::hold()
  viewer::opened opened;
};

class chat_session final : public net::tcp_session, public member {
 public:
  /// The room is held. Sends the welcome.
  chat_session(session_context& c, const station& s, net::tcp_connection& connection,
               session_start start);
  ~chat_session() override;

  void on_bytes(byte_view data) override;
  void on_closed(net::close_reason reason) override;
  void on_drained() override;
  bool on_stop() override;

  bool is_ready() const override { return !is_closing_ && connection_.queued_bytes() == 0; }

  void write(std::span<const shared_bytes> buffers) override { connection_.send_now(buffers); }

  void tell(const shared_bytes& frame) override {
    if (!is_closing_) {
      connection_.send(frame);
    }
  }

  void on_tick(steady_time now) override;
  void on_overdue(std::uint32_t number) override;

 private:
  struct post {
    std::uint32_t number = 0;
    std::string nonce;
  };

  /// So much in 10 s, counted in windows that begin with the first.
  struct allowance {
    steady_time since{};
    std::uint32_t count = 0;

    /// False when it is spent.
    bool take(steady_time now, std::uint32_t amount, std::uint32_t most);
  };

  void welcome(const session_start& start);
  void handle_frame(steady_time now);
  void handle_text(std::string_view text, steady_time now);
  void on_bad_frame(const bad_frame& why, steady_time now);
  void handle(const auth_frame& f);
  void handle(const message_frame& f);
  void handle(const ping_frame&);

  void handle(const pong_frame&) {}

  void on_authenticated(std::uint32_t number, const account::identity& who, std::int64_t since,
                        result<viewer::authenticated> answer);
  void on_said(std::uint32_t number, const result<chat::posted>& answer);
  void check_identity();
  void check_progress(steady_time now);
  void send(std::string_view json);
  void send_resume();
  std::string resume_token() const;
  void close(close_code code, std::string_view reason);
  /// An answer of the ViewerSession, on this thread, if the socket is still there.
  template <class T, class F>
  callback<T> here(F f);

  session_context& context_;
  const station& station_;
  net::tcp_connection& connection_;
  viewer_lease viewer_;
  socket_place place_;
  const socket_place address_place_;
  const user_id room_;
  frame_reader reader_{largest_client_frame};
  hub::ticket ticket_;
  presence::presence::ticket counted_{};

  user_id user_ = 0;  // who speaks, also when their token has expired
  wall_time expires_at_{};
  std::int64_t generation_ = 0;
  viewer::session_bytes session_{};

  // Of auth frames. While one is not answered the actor speaks for somebody else than user_.
  std::uint32_t auths_so_far_ = 0;
  std::uint32_t auths_waiting_ = 0;
  std::uint32_t auth_in_force_ = 0;

  std::vector<post> posts_;  // not answered yet
  std::uint32_t posts_so_far_ = 0;
  std::uint32_t frames_seen_ = 0;
  allowance frames_;
  allowance bad_frames_;
  steady_time last_received_;
  steady_time next_ping_;
  steady_time next_resume_;
  steady_time stalled_since_ = steady_time::max();
  bool is_read_only_ = true;
  bool is_paused_ = false;
  bool is_closing_ = false;
};

}  // namespace troupe::ws
