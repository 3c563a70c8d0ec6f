// SPDX-License-Identifier: GPL-3.0-or-later
// tcp_connection on an Asio socket. Included by net/asio/*.cpp only.
// Reads go into one buffer per thread, so an idle connection holds none; writes gather the outbox
// in one system call when the outermost call into the connection returns ("settles").
#pragma once

#include <limits>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "net/asio/connection_registry.hpp"
#include "net/asio/tcp_connection.hpp"

namespace troupe::net {

class socket_connection final : public tcp_connection,
                                public std::enable_shared_from_this<socket_connection> {
 public:
  struct peer_facts {
    ip_address address;
    std::uint16_t port;
    bool is_trusted;
  };

  struct limits {
    std::size_t outbox;
    duration write_stall;
  };

  /// fd is non-blocking and connected; owned from here on. Its place in the registry is taken.
  socket_connection(io_thread& thread, std::size_t thread_number, int fd, const peer_facts& peer,
                    const limits& l, std::shared_ptr<connection_registry> registry);
  ~socket_connection() override;

  /// Begins to read. make_session may return nothing.
  void start(const tcp_server::session_factory& make_session);
  /// The server stops; from any thread.
  void stop();
  /// The server's deadline has passed; from any thread.
  void cut_off();

  void send(std::vector<shared_bytes> buffers) override;
  void send(shared_bytes buffer) override;
  void send_now(std::span<const shared_bytes> buffers) override;
  void limit_send_buffer(std::size_t size) override;

  void limit_outbox(std::size_t size) override { limits_.outbox = size; }

  std::size_t queued_bytes() const override { return queued_; }

  void pause_reading() override { paused_ = true; }

  void rest_reading() override;
  void resume_reading() override;
  void close() override;

  void close_now() override { close_for(close_reason::by_us); }

  bool is_open() const override { return !closing_ && !closed_; }

  void set_deadline(duration from_now) override;
  void set_idle_limit(duration limit) override;

  const std::string& remote_address() const override { return remote_address_; }

  std::uint16_t remote_port() const override { return peer_.port; }

  bool is_trusted() const override { return peer_.is_trusted; }

  io_thread& thread() override { return thread_; }

  void post(session_job job) override;
  void replace_session(std::unique_ptr<tcp_session> session) override;

 private:
  class scope;
  static constexpr steady_time never = steady_time::max();

  void settle();
  void settle_soon();
  void start_read();
  void on_readable();
  void set_low_watermark(std::size_t size);
  void on_read_end(bool in_order);
  void enqueue(shared_bytes buffer);
  void flush();
  void note_blocked(std::size_t taken);
  void drop_written(std::size_t count);
  void wait_writable();
  void finish_close();
  void close_for(close_reason reason);
  void tell_closed();
  steady_time next_check() const;
  void arm_timer();
  void on_timer();

  io_thread& thread_;
  const std::size_t thread_number_;
  const peer_facts peer_;
  const std::string remote_address_;
  limits limits_;
  const std::shared_ptr<connection_registry> registry_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<tcp_session> session_;
  std::unique_ptr<tcp_session> retired_;  // replaced, maybe still on the stack

  std::vector<shared_bytes> outbox_;
  std::size_t outbox_head_ = 0;   // index of the first buffer not written whole
  std::size_t head_written_ = 0;  // bytes of it that are written
  std::size_t queued_ = 0;
  std::size_t discarded_ = 0;  // read while lingering

  steady_time armed_ = never;
  steady_time deadline_ = never;
  steady_time blocked_since_ = never;  // of a write; enough progress restarts it
  std::size_t progress_ = 0;           // bytes the peer took since then
  steady_time linger_end_ = never;
  steady_time last_received_;
  duration idle_limit_ = duration::zero();

  close_reason reason_ = close_reason::by_us;
  int depth_ = 0;  // calls into this connection on the stack
  bool settle_posted_ = false;
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
  bool paused_ = false;
  bool resting_ = false;   // the kernel has been told to be quiet
  bool read_due_ = false;  // after a rest: look without being told
  bool read_ended_ = false;
  bool closing_ = false;  // after the flush
  bool lingering_ = false;
  bool closed_ = false;
  bool told_ = false;
};

}  // namespace troupe::net
