// SPDX-License-Identifier: GPL-3.0-or-later
// One chat socket after its handshake: reads commands, asks its ViewerSession, and is written to by
// its room's feed. Holds little, because there are thousands. Life: welcome -> open -> closing.
// Thread: its connection's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/asio/tcp_connection.hpp"
#include "net/ws/client_frame.hpp"
#include "net/ws/session_context.hpp"
#include "net/ws/web_socket.hpp"

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

class chat_session final : public web_socket, public member {
 public:
  /// The room is held. Sends the welcome.
  chat_session(session_context& c, const station& s, net::tcp_connection& connection,
               session_start start);
  ~chat_session() override;

  void on_drained() override;
  bool on_stop() override;

  bool is_ready() const override { return is_ready_to_write(); }

  void write(std::span<const shared_bytes> buffers) override { connection().send_now(buffers); }

  void tell(const shared_bytes& frame) override {
    if (!is_closing()) {
      connection().send(frame);
    }
  }

  void on_tick(steady_time now) override;
  void on_overdue(std::uint32_t number) override;

  void on_leaving() override { on_stop(); }

 private:
  struct post {
    std::uint32_t number = 0;
    std::string nonce;
  };

  void welcome(const session_start& start);
  void on_text(std::string_view text) override;
  void handle(const auth_frame& f);
  void handle(const message_frame& f);
  void handle(const ping_frame&);

  void handle(const pong_frame&) {}

  void on_authenticated(std::uint32_t number, const account::identity& who, std::int64_t since,
                        result<viewer::authenticated> answer);
  void on_said(std::uint32_t number, const result<chat::posted>& answer);
  void check_identity();
  void send_resume();
  std::string resume_token() const;
  /// An answer of the ViewerSession, on this thread, if the socket is still there.
  template <class T, class F>
  callback<T> here(F f);

  session_context& context_;
  const station& station_;
  viewer_lease viewer_;
  socket_place place_;
  const socket_place address_place_;
  const user_id room_;
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
  steady_time next_resume_;
  bool is_read_only_ = true;
};

}  // namespace troupe::ws
