// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/socket_connection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include "base/check.hpp"
#include "net/asio/io_context.hpp"

namespace troupe::net {
namespace {

using asio_error = boost::system::error_code;
using tcp = boost::asio::ip::tcp;

constexpr std::size_t read_size = 64 * 1024;
constexpr std::size_t gather_count = 64;  // Asio hands the kernel no more at once
// After our FIN the peer gets this long, and may send this much, before we close for good: closing
// with unread bytes would send a reset that destroys what it has not read yet (RFC 9112, 9.6).
constexpr auto linger_time = std::chrono::seconds(2);
constexpr std::size_t linger_bytes = 16 * 1024 * 1024;
constexpr std::size_t kept_outbox_capacity = 16;
// A peer that takes less than this within the write-stall time (30 s: 35 kbit/s) stands still: it
// could otherwise keep a segment in memory for hours, a byte at a time.
constexpr std::size_t least_progress = 128 * 1024;

thread_local std::array<std::uint8_t, read_size> read_buffer;

steady_time now() {
  return std::chrono::steady_clock::now();
}

bool is_would_block(const asio_error& e) {
  return e == boost::asio::error::would_block || e == boost::asio::error::try_again ||
         e == boost::asio::error::interrupted;
}

}  // namespace

// Marks a call into the connection; the outermost one writes, closes and arms the timer at its end.
class socket_connection::scope {
 public:
  explicit scope(socket_connection& c) : connection_(c) { ++connection_.depth_; }

  ~scope() {
    if (connection_.depth_ == 1) {
      connection_.settle();
    }
    --connection_.depth_;
  }

  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;

 private:
  socket_connection& connection_;
};

socket_connection::socket_connection(io_thread& thread, std::size_t thread_number, int fd,
                                     const peer_facts& peer, const limits& l,
                                     std::shared_ptr<connection_registry> registry)
    : thread_(thread),
      thread_number_(thread_number),
      peer_(peer),
      remote_address_(peer.address.to_string()),
      limits_(l),
      registry_(std::move(registry)),
      socket_(thread.native().context),
      timer_(thread.native().context),
      last_received_(now()) {
  asio_error problem;
  socket_.assign(peer.address.is_v4() ? tcp::v4() : tcp::v6(), fd, problem);
  TROUPE_CHECK(!problem, "a fresh descriptor can be watched");
  socket_.non_blocking(true, problem);
  // Parts and chat frames are written whole: waiting for more would only add latency.
  socket_.set_option(tcp::no_delay(true), problem);
  socket_.set_option(boost::asio::socket_base::keep_alive(true), problem);
}

socket_connection::~socket_connection() = default;

void socket_connection::start(const tcp_server::session_factory& make_session) {
  const auto self = shared_from_this();
  const scope settle_at_end(*this);
  if (!registry_->add(self)) {
    close_for(close_reason::stopping);
    return;
  }
  session_ = make_session(self);
  if (!session_) {
    close_for(close_reason::by_us);
    return;
  }
  start_read();
}

void socket_connection::stop() {
  post([this](tcp_session& session) {
    if (!session.on_stop()) {
      if (!closing_) {
        reason_ = close_reason::stopping;
      }
      close();
    }
  });
}

void socket_connection::cut_off() {
  thread_.post([self = shared_from_this()] {
    const scope settle_at_end(*self);
    self->close_for(close_reason::stopping);
  });
}

void socket_connection::post(session_job job) {
  if (!thread_.is_current()) {
    thread_.post([self = shared_from_this(), job = std::move(job)]() mutable {
      self->post(std::move(job));
    });
    return;
  }
  const auto self = shared_from_this();
  const scope settle_at_end(*this);
  if (session_ && !closed_) {
    job(*session_);
  }
}

void socket_connection::replace_session(std::unique_ptr<tcp_session> session) {
  TROUPE_CHECK(thread_.is_current() && session != nullptr, "a session takes over on its thread");
  retired_ = std::exchange(session_, std::move(session));
  settle_soon();
}

// A call from outside of any callback of ours (a timer, another connection): settle a little later,
// together with what else that caller does.
void socket_connection::settle_soon() {
  if (depth_ == 0 && !std::exchange(settle_posted_, true)) {
    thread_.post([self = shared_from_this()] {
      self->settle_posted_ = false;
      const scope settle_at_end(*self);
    });
  }
}

void socket_connection::settle() {
  for (bool again = true; again;) {
    again = false;
    retired_.reset();
    if (std::exchange(read_due_, false)) {
      on_readable();
      again = read_due_;
    }
    const bool had_output = queued_ != 0;
    if (!closed_ && queued_ != 0 && !waiting_writable_) {
      flush();
    }
    if (had_output && queued_ == 0 && is_open() && session_) {
      session_->on_drained();
      again = true;  // it may have sent more
    } else if (closing_ && !closed_ && queued_ == 0 && !lingering_) {
      finish_close();
    }
  }
  if (closed_) {
    tell_closed();
  } else {
    arm_timer();
  }
}

void socket_connection::tell_closed() {
  if (std::exchange(told_, true)) {
    return;
  }
  if (const auto session = std::exchange(session_, nullptr)) {
    session->on_closed(reason_);
  }
  retired_.reset();
  outbox_ = {};
  queued_ = 0;
  registry_->remove(*this, peer_.address, thread_number_, reason_);
}

// Reading

void socket_connection::start_read() {
  if (waiting_readable_ || read_ended_ || closed_ || (paused_ && !lingering_)) {
    return;
  }
  if (std::exchange(resting_, false)) {
    set_low_watermark(1);
  }
  waiting_readable_ = true;
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const asio_error&) {
    self->waiting_readable_ = false;
    const scope settle_at_end(*self);
    self->on_readable();
  });
}

void socket_connection::on_readable() {
  if (closed_ || read_ended_ || (paused_ && !lingering_)) {
    return;
  }
  asio_error problem;
  const auto count = socket_.read_some(boost::asio::buffer(read_buffer), problem);
  if (count > 0) {
    last_received_ = now();
    registry_->received_bytes.add(static_cast<double>(count));
    if (lingering_) {
      discarded_ += count;
      if (discarded_ > linger_bytes) {
        close_for(reason_);
      }
    } else if (session_ && !closing_) {
      session_->on_bytes(byte_view(read_buffer.data(), count));
    }
  } else if (problem && !is_would_block(problem)) {
    on_read_end(problem == boost::asio::error::eof);
  }
  start_read();
}

void socket_connection::on_read_end(bool in_order) {
  read_ended_ = true;
  if (!in_order || lingering_) {
    close_for(closing_ ? reason_ : close_reason::by_peer);
  } else if (!closing_ && !(session_ && session_->on_end())) {
    close_for(close_reason::by_peer);
  }
}

// Asio keeps a descriptor registered with epoll, so that each packet wakes the thread, also while
// nobody waits to read: most of what a stream cost. tcp(7), SO_RCVLOWAT: less than this is not
// readable. The peer's close always is.
void socket_connection::rest_reading() {
  paused_ = true;
  if (!std::exchange(resting_, true)) {
    set_low_watermark(read_size);
  }
}

void socket_connection::set_low_watermark(std::size_t size) {
  asio_error ignored;
  socket_.set_option(boost::asio::socket_base::receive_low_watermark(static_cast<int>(size)),
                     ignored);
}

void socket_connection::resume_reading() {
  if (std::exchange(paused_, false)) {
    last_received_ = now();
    if (resting_) {
      read_due_ = true;
    } else {
      start_read();
    }
    settle_soon();  // the idle limit counts again
  }
}

// Writing

void socket_connection::enqueue(shared_bytes buffer) {
  if (!buffer.empty()) {
    queued_ += buffer.size();
    outbox_.push_back(std::move(buffer));
  }
}

void socket_connection::send(std::vector<shared_bytes> buffers) {
  TROUPE_CHECK(thread_.is_current(), "a connection belongs to its thread");
  if (!is_open()) {
    return;
  }
  for (auto& buffer : buffers) {
    enqueue(std::move(buffer));
  }
  if (queued_ > limits_.outbox) {
    close_for(close_reason::outbox_full);
  }
  settle_soon();
}

void socket_connection::send(shared_bytes buffer) {
  TROUPE_CHECK(thread_.is_current(), "a connection belongs to its thread");
  if (!is_open()) {
    return;
  }
  enqueue(std::move(buffer));
  if (queued_ > limits_.outbox) {
    close_for(close_reason::outbox_full);
  }
  settle_soon();
}

void socket_connection::send_now(std::span<const shared_bytes> buffers) {
  TROUPE_CHECK(thread_.is_current(), "a connection belongs to its thread");
  if (!is_open()) {
    return;
  }
  if (depth_ != 0 || queued_ != 0 || buffers.size() > gather_count) {
    send(std::vector<shared_bytes>(buffers.begin(), buffers.end()));
    return;
  }
  std::array<boost::asio::const_buffer, gather_count> gathered;
  std::size_t offered = 0;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    gathered[i] = {buffers[i].data(), buffers[i].size()};
    offered += buffers[i].size();
  }
  asio_error problem;
  const auto count = buffers.size() == 1
                         ? socket_.write_some(boost::asio::buffer(gathered[0]), problem)
                         : socket_.write_some(std::span(gathered.data(), buffers.size()), problem);
  if (problem && !is_would_block(problem)) {
    close_for(close_reason::by_peer);
    return;
  }
  if (count == offered) {
    registry_->sent_bytes.add(static_cast<double>(count));
    return;
  }
  for (const auto& buffer : buffers) {
    enqueue(buffer);
  }
  drop_written(count);
  note_blocked(count);
  arm_timer();
}

void socket_connection::limit_send_buffer(std::size_t size) {
  asio_error ignored;
  socket_.set_option(boost::asio::socket_base::send_buffer_size(static_cast<int>(size)), ignored);
}

void socket_connection::flush() {
  while (queued_ != 0) {
    std::array<boost::asio::const_buffer, gather_count> gathered;
    std::size_t used = 0;
    std::size_t offered = 0;
    for (auto i = outbox_head_; i < outbox_.size() && used < gather_count; ++i, ++used) {
      const auto skip = i == outbox_head_ ? head_written_ : 0;
      gathered[used] = {outbox_[i].data() + skip, outbox_[i].size() - skip};
      offered += outbox_[i].size() - skip;
    }
    asio_error problem;
    const auto count = socket_.write_some(std::span(gathered.data(), used), problem);
    if (problem && !is_would_block(problem)) {
      close_for(closing_ ? reason_ : close_reason::by_peer);
      return;
    }
    drop_written(count);
    if (count < offered) {
      note_blocked(count);
      return;
    }
  }
  blocked_since_ = never;
}

void socket_connection::note_blocked(std::size_t taken) {
  progress_ += taken;
  if (progress_ >= least_progress || blocked_since_ == never) {
    blocked_since_ = now();
    progress_ = 0;
  }
  wait_writable();
}

void socket_connection::drop_written(std::size_t count) {
  registry_->sent_bytes.add(static_cast<double>(count));
  queued_ -= count;
  while (count > 0) {
    const auto left = outbox_[outbox_head_].size() - head_written_;
    if (count < left) {
      head_written_ += count;
      return;
    }
    count -= left;
    head_written_ = 0;
    outbox_[outbox_head_++] = {};
  }
  if (queued_ == 0) {
    outbox_.clear();
    outbox_head_ = 0;
    if (outbox_.capacity() > kept_outbox_capacity) {
      outbox_.shrink_to_fit();
    }
  } else if (outbox_head_ > outbox_.size() / 2) {
    outbox_.erase(outbox_.begin(), outbox_.begin() + static_cast<std::ptrdiff_t>(outbox_head_));
    outbox_head_ = 0;
  }
}

void socket_connection::wait_writable() {
  waiting_writable_ = true;
  socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](const asio_error&) {
    self->waiting_writable_ = false;
    const scope settle_at_end(*self);  // settling flushes
  });
}

// Closing

void socket_connection::close() {
  TROUPE_CHECK(thread_.is_current(), "a connection belongs to its thread");
  closing_ = true;
  settle_soon();
}

void socket_connection::finish_close() {
  asio_error ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  if (read_ended_ || ignored) {
    close_for(reason_);
    return;
  }
  lingering_ = true;
  linger_end_ = now() + linger_time;
  start_read();
}

void socket_connection::close_for(close_reason reason) {
  if (std::exchange(closed_, true)) {
    return;
  }
  reason_ = reason;
  asio_error ignored;
  socket_.close(ignored);
  timer_.cancel();
  settle_soon();
}

// Deadlines: one timer, armed for the earliest of them. A deadline that moves to later does not
// touch the timer; it fires early once and is armed anew. So a busy keep-alive connection costs no
// timer operation per request.

void socket_connection::set_deadline(duration from_now) {
  deadline_ = from_now == duration::zero() ? never : now() + from_now;
  settle_soon();
}

void socket_connection::set_idle_limit(duration limit) {
  idle_limit_ = limit;
  last_received_ = now();
  settle_soon();
}

steady_time socket_connection::next_check() const {
  auto next = closing_ ? linger_end_ : deadline_;
  if (idle_limit_ != duration::zero() && !paused_ && !closing_) {
    next = std::min(next, last_received_ + idle_limit_);
  }
  if (blocked_since_ != never) {
    next = std::min(next, blocked_since_ + limits_.write_stall);
  }
  return next;
}

void socket_connection::arm_timer() {
  const auto next = next_check();
  if (next >= armed_) {
    return;
  }
  armed_ = next;
  timer_.expires_at(next);
  timer_.async_wait([self = shared_from_this()](const asio_error& aborted) {
    if (!aborted) {
      self->armed_ = never;
      const scope settle_at_end(*self);
      self->on_timer();
    }
  });
}

void socket_connection::on_timer() {
  const auto time = now();
  if (closed_ || time < next_check()) {
    return;
  }
  if (blocked_since_ != never && time >= blocked_since_ + limits_.write_stall) {
    close_for(close_reason::write_stalled);
  } else if (closing_) {
    close_for(reason_);
  } else if (time >= deadline_) {
    deadline_ = never;
    if (!(session_ && session_->on_deadline())) {
      close_for(close_reason::deadline);
    }
  } else {
    close_for(close_reason::idle);
  }
}

}  // namespace troupe::net
