// SPDX-License-Identifier: GPL-3.0-or-later
// A TCP connection as protocols see it: bytes come in through a tcp_session, bytes go out through a
// bounded outbox. Asio stays out of this header.
// Thread: a connection lives on one io_thread. Its session is called there, and everything except
// post(), thread() and the const facts must be called there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "net/asio/io_threads.hpp"

namespace troupe::net {

enum class close_reason : std::uint8_t {
  by_peer,        ///< it closed or reset
  by_us,          ///< close() or close_now()
  deadline,       ///< set_deadline(), when the session does not handle it
  idle,           ///< nothing received for the idle limit
  outbox_full,    ///< the peer reads more slowly than we send
  write_stalled,  ///< the peer took next to nothing for options::write_stall while bytes waited
  stopping,       ///< the server stops
};

std::string_view to_string(close_reason reason);

/// One protocol on one connection. The connection owns it and destroys it after on_closed(), on its
/// thread. Functions must not block or throw.
class tcp_session {
 public:
  virtual ~tcp_session() = default;

  /// What has arrived, at most 64 KiB at a time. data is borrowed.
  virtual void on_bytes(byte_view data) = 0;

  /// Once, the last call; never from inside another call of the session or of send() and close().
  virtual void on_closed(close_reason reason) = 0;

  /// The peer will send no more, but may still read: false closes the connection.
  virtual bool on_end() { return false; }

  /// All that was queued has gone to the kernel. Sending from here is how to pace a long transfer.
  virtual void on_drained() {}

  /// set_deadline() has passed: false closes the connection.
  virtual bool on_deadline() { return false; }

  /// The server stops: false closes the connection after a flush; true promises to close it soon.
  virtual bool on_stop() { return false; }
};

class tcp_connection {
 public:
  virtual ~tcp_connection() = default;

  /// Queues buffers and writes them, with all that the present call queues, in one system call when
  /// the call returns. Beyond the outbox limit the connection closes (outbox_full). After a close
  /// nothing is sent.
  virtual void send(std::vector<shared_bytes> buffers) = 0;
  /// The same for one buffer.
  virtual void send(shared_bytes buffer) = 0;

  /// The same, for who writes to thousands of connections from one call: outside of any call into
  /// this connection and with nothing queued, the kernel gets the bytes before it returns, and only
  /// what it did not take is queued (then on_drained() follows).
  virtual void send_now(std::span<const shared_bytes> buffers) {
    send(std::vector<shared_bytes>(buffers.begin(), buffers.end()));
  }

  /// How many bytes the kernel keeps for the peer, about; its own default may grow to megabytes.
  virtual void limit_send_buffer(std::size_t) {}

  /// Another outbox limit than the server's, for a protocol that queues less or more.
  virtual void limit_outbox(std::size_t) {}

  /// Bytes queued and not yet taken by the kernel.
  virtual std::size_t queued_bytes() const = 0;

  /// Back-pressure: while paused nothing is read, the peer's window closes. A peer's close is then
  /// noticed only by writing. Pausing inside on_bytes() holds from the next call on.
  virtual void pause_reading() = 0;

  /// The same for a peer that sends many small packets and is read at times of one's own choosing:
  /// what arrives meanwhile wakes nobody up, unless it is much.
  virtual void rest_reading() { pause_reading(); }

  virtual void resume_reading() = 0;

  /// Sends what is queued, then closes in the way that lets the peer read it all. Takes at most the
  /// write-stall time plus 2 s. No further on_bytes().
  virtual void close() = 0;
  virtual void close_now() = 0;
  virtual bool is_open() const = 0;

  /// Once, that long from now, whatever arrives; replaces the one before. Zero: none.
  virtual void set_deadline(duration from_now) = 0;
  /// Closes when nothing was received for so long. Zero: no limit. Does not count while paused.
  virtual void set_idle_limit(duration limit) = 0;

  virtual const std::string& remote_address() const = 0;  ///< "192.0.2.7", no port
  virtual std::uint16_t remote_port() const = 0;
  virtual bool is_trusted() const = 0;  ///< loopback or limits.trusted

  virtual io_thread& thread() = 0;

  using session_job = std::move_only_function<void(tcp_session&)>;
  /// From any thread: runs job on the connection's thread with the session it then has; at once
  /// when called there. If the connection has closed by then, job is destroyed uncalled. So a job
  /// may capture its session's this.
  virtual void post(session_job job) = 0;

  /// Another protocol takes over (WebSocket). The old session is destroyed, without on_closed(),
  /// once its present call has returned.
  virtual void replace_session(std::unique_ptr<tcp_session> session) = 0;
};

}  // namespace troupe::net
