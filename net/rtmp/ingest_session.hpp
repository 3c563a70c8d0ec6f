// SPDX-License-Identifier: GPL-3.0-or-later
// One encoder's connection: bytes to RTMP events, events to messages for its LiveStream.
// Life: asking (for a publish command) -> admitting (key, stream, publication) -> publishing ->
// over. A crash of the LiveStream is invisible to the encoder: the publication is opened again and
// the frames since the last checkpoint are sent again. Thread: its connection's I/O thread; answers
// of actors and stores are posted there.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/asio/tcp_connection.hpp"
#include "net/rtmp/frame_window.hpp"
#include "net/rtmp/ingest.hpp"
#include "net/rtmp/push_answers.hpp"
#include "net/rtmp/server_session.hpp"

namespace troupe::rtmp {

class ingest_session final : public net::tcp_session {
 public:
  ingest_session(ingest& owner, const std::shared_ptr<net::tcp_connection>& connection);
  ~ingest_session() override;

  void on_bytes(byte_view data) override;
  void on_closed(net::close_reason reason) override;
  bool on_end() override;
  bool on_deadline() override;
  bool on_stop() override;

  /// Another connection publishes with the same key.
  void taken_over();

 private:
  void handle_events();
  void handle(publish_requested&& request);
  void handle(media::frame&& frame);
  void handle(const metadata& m);
  void handle(problem&& p);
  void handle(const publish_ended& e);
  /// Sends what the protocol has to say, closes when it is done.
  void flush();

  void on_owner(result<account::user> owner);
  void on_stream(user_id owner, result<stream::info> found);
  void open_publication();
  void on_opened(result<stream::resume_point> reached);
  void send_frames();
  /// Looks at what the stream answered meanwhile; goes on with it.
  void take_answers();
  /// What to do about an error of the LiveStream: try again, or give up.
  void on_stream_error(const error& e);
  void reopen_in(duration pause);
  /// Leaves the socket alone until the next tick of the reading grid.
  void rest(std::size_t arrived);
  void refuse(std::string_view code, const std::string& why);
  void close_publication(bool is_explicit);
  bool is_within_bitrate(std::size_t arrived);
  bool is_steady(const media::frame& frame);
  void update_held_metric();
  void ping_if_silent();

  /// The continuation on this connection's thread, if it is still there: f(ingest_session&,
  /// result<T>).
  template <class T, class F>
  callback<T> here(F f);

  ingest& owner_;
  const std::weak_ptr<net::tcp_connection> self_;
  net::tcp_connection& connection_;
  server_session protocol_;
  frame_window window_;
  runtime::session sender_;

  user_id user_ = 0;
  stream_id stream_ = 0;           // 0: not admitted
  std::uint64_t publication_ = 0;  // 0: none open or opening
  std::uint64_t opening_ = 0;  // counts openings, so that answers to an older one are passed over
  bool is_open_ = false;
  bool has_accepted_ = false;
  std::uint64_t furthest_ = 0;  // frames of both tracks that the stream has taken
  int attempts_ = 0;            // to open again, since the stream last got further
  std::size_t in_flight_ = 0;
  const std::shared_ptr<push_answers> answers_;
  std::optional<stream::resume_point> reached_;
  std::optional<stream::publication_start> start_;
  bool expects_video_ = true;
  bool expects_audio_ = true;
  std::vector<problem> problems_;  // that last: a frame of their track ends them
  bool has_news_ = false;          // problems to be sent even without a frame
  net::timer retry_;
  net::timer wake_;
  net::timer ping_;
  std::uint64_t received_at_ping_ = 0;
  bool is_resting_ = false;

  byte_allowance unknown_traffic_{std::chrono::seconds(10)};  // before it is known whose it is
  std::shared_ptr<publisher_account> account_;                // set once the key is known
  turn_allowance changes_{8, std::chrono::seconds(2)};        // of codec configurations
  std::array<std::shared_ptr<const media::track_format>, 2> formats_;
  std::size_t held_reported_ = 0;
  std::uint64_t repaired_reported_ = 0;
};

}  // namespace troupe::rtmp
