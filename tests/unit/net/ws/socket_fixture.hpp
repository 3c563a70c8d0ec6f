// SPDX-License-Identifier: GPL-3.0-or-later
// WebSockets driven by hand: a loop without a thread, connections without sockets, and the far ends
// of both.
#pragma once

#include <catch2/catch.hpp>

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "net/asio/http_server.hpp"
#include "net/asio/tcp_connection.hpp"
#include "net/ws/frame.hpp"
#include "net/ws/loop.hpp"

namespace troupe::ws::testing {

using namespace std::chrono_literals;

/// Jobs and timers, run by the fixture.
class manual_loop final : public loop {
 public:
  struct pending {
    steady_time due;
    job what;
  };

  struct shared {
    const clock* time = nullptr;
    std::deque<job> jobs;
    std::list<std::weak_ptr<pending>> timers;

    bool run() {
      bool ran = false;
      while (!jobs.empty()) {
        auto next = std::move(jobs.front());
        jobs.pop_front();
        next();
        ran = true;
      }
      for (auto at = timers.begin(); at != timers.end();) {
        const auto timer = at->lock();
        if (timer && timer->due > time->now()) {
          ++at;
          continue;
        }
        at = timers.erase(at);
        if (timer) {
          timer->what();
          ran = true;
        }
      }
      return ran;
    }
  };

  explicit manual_loop(std::shared_ptr<shared> s) : shared_(std::move(s)) {}

  void post(job j) override { shared_->jobs.push_back(std::move(j)); }

  bool is_current() const override { return true; }

  std::shared_ptr<void> after(duration delay, job j) override {
    auto timer = std::make_shared<pending>(shared_->time->now() + delay, std::move(j));
    shared_->timers.push_back(timer);
    return timer;
  }

 private:
  std::shared_ptr<shared> shared_;
};

/// A connection that hands on what is sent when it is settled, unless its peer does not read.
class fake_connection final : public net::tcp_connection {
 public:
  bool is_stuck = false;
  bool is_paused = false;
  bool is_open_now = true;
  bytes sent;
  bytes queue;
  int writes = 0;                           // what the kernel was handed
  std::vector<const std::uint8_t*> handed;  // where what was sent lies
  std::size_t outbox = 0;                   // its limit

  void limit_outbox(std::size_t size) override { outbox = size; }

  void send(std::vector<shared_bytes> buffers) override {
    for (const auto& b : buffers) {
      send(b);
    }
  }

  void send(shared_bytes buffer) override {
    handed.push_back(buffer.data());
    if (is_open_now) {
      queue.insert(queue.end(), buffer.view().begin(), buffer.view().end());
    }
  }

  void send_now(std::span<const shared_bytes> buffers) override {
    for (const auto& b : buffers) {
      send(b);
    }
    if (!is_stuck && !queue.empty()) {
      hand_on();
    }
  }

  /// Whether something was handed on.
  bool settle() {
    if (is_stuck || queue.empty()) {
      return false;
    }
    hand_on();
    return true;
  }

  void hand_on() {
    ++writes;
    sent.insert(sent.end(), queue.begin(), queue.end());
    queue.clear();
  }

  std::size_t queued_bytes() const override { return queue.size(); }

  void pause_reading() override { is_paused = true; }

  void resume_reading() override { is_paused = false; }

  void close() override { is_open_now = false; }

  void close_now() override { is_open_now = false; }

  bool is_open() const override { return is_open_now; }

  void set_deadline(duration) override {}

  void set_idle_limit(duration) override {}

  const std::string& remote_address() const override { return address_; }

  std::uint16_t remote_port() const override { return 1; }

  bool is_trusted() const override { return false; }

  net::io_thread& thread() override { throw std::logic_error("no thread here"); }

  void post(session_job) override { throw std::logic_error("not used"); }

  void replace_session(std::unique_ptr<net::tcp_session>) override {
    throw std::logic_error("not used");
  }

 private:
  std::string address_ = "203.0.113.9";
};

inline boost::json::value json_of(std::string_view text) {
  boost::system::error_code problem;
  auto value = boost::json::parse(text, problem);
  INFO("a frame: " << text);
  REQUIRE(!problem);
  return value;
}

/// A client's frame.
inline bytes masked(std::uint8_t first, std::string_view payload) {
  bytes out;
  append_header(out, opcode::text, payload.size());
  out[0] = first;
  out[1] |= 0x80;
  const bytes mask{0x37, 0xfa, 0x21, 0x3d};
  out.insert(out.end(), mask.begin(), mask.end());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out.push_back(static_cast<std::uint8_t>(payload[i]) ^ mask[i % 4]);
  }
  return out;
}

/// The far end of one socket: what was answered to its handshake, and what it has got.
struct peer {
  std::optional<http::response> refused;
  net::upgrade_request::header_list accepted;
  fake_connection connection;
  std::unique_ptr<net::tcp_session> session;
  std::size_t read = 0;

  struct frame {
    opcode kind{};
    std::string payload;
  };

  /// What has come since the last call.
  std::vector<frame> frames() {
    std::vector<frame> all;
    while (read < connection.sent.size()) {
      const auto* at = connection.sent.data() + read;
      std::size_t size = at[1];
      std::size_t header = 2;
      if (size >= 126) {
        header = size == 126 ? 4 : 10;
        size = 0;
        for (std::size_t i = 2; i < header; ++i) {
          size = (size << 8) | at[i];
        }
      }
      all.push_back(
          {static_cast<opcode>(at[0] & 0x0F), std::string(as_text(byte_view(at + header, size)))});
      read += header + size;
    }
    return all;
  }

  /// Of those, the text frames as "type", or all of them when whole.
  std::vector<boost::json::value> messages() {
    std::vector<boost::json::value> all;
    for (const auto& f : frames()) {
      if (f.kind == opcode::text) {
        all.push_back(json_of(f.payload));
      } else if (f.kind == opcode::close) {
        closed = static_cast<int>(static_cast<std::uint8_t>(f.payload[0]) << 8 |
                                  static_cast<std::uint8_t>(f.payload[1]));
      }
    }
    return all;
  }

  std::vector<std::string> types() {
    std::vector<std::string> all;
    for (const auto& m : messages()) {
      all.emplace_back(m.at("type").as_string());
    }
    return all;
  }

  /// The close code that came, 0: none.
  int closed = 0;
};

class fake_upgrade final : public net::upgrade_request {
 public:
  explicit fake_upgrade(peer& p) : peer_(p) {}

  void accept(header_list headers, make_session make) override {
    peer_.accepted = std::move(headers);
    peer_.session = make(peer_.connection);
  }

  void refuse(http::response answer) override { peer_.refused = std::move(answer); }

 private:
  peer& peer_;
};

/// What a browser asks for.
inline http::request handshake_for(std::string path) {
  http::request r;
  r.method = "GET";
  r.path = std::move(path);
  r.headers = {{"host", "live.example"},
               {"connection", "Upgrade"},
               {"upgrade", "websocket"},
               {"sec-websocket-version", "13"},
               {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
               {"user-agent", "a browser"}};
  r.remote_address = "203.0.113.9";
  return r;
}

}  // namespace troupe::ws::testing
