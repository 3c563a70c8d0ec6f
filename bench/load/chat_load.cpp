// SPDX-License-Identifier: GPL-3.0-or-later
// Holds many WebSockets of one chat room, says messages at a steady rate on some of them, and
// measures when everybody has them. One thread, epoll; prints one line of JSON. Every message
// carries its number and the time it was due (not the time it left: what is late counts as late).
//   chat_load --port P --path /api/v1/channels/7/chat/ws --viewers 5000 --rate 10 --seconds 20
//             [--tokens FILE] [--senders N] [--idle]
// --tokens: one access token a line, for the senders' addresses (?token=…). Without it the peer is
// taken for a plain broadcaster: what is sent comes back as it is. --idle: connects, prints
// "ready", and holds the sockets until its input ends.
// Numbers are compared, not parsed: at a million deliveries a second the client must stay cheap.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/latency_histogram.hpp"

namespace {

using std::chrono::steady_clock;

struct options {
  std::uint16_t port = 0;
  std::string path = "/";
  std::size_t viewers = 100;
  std::size_t senders = 50;
  double rate = 10;
  double seconds = 10;
  double drain_seconds = 5;
  std::vector<std::string> tokens;
  bool only_idle = false;
};

struct socket_state {
  int fd = -1;
  bool is_open = false;    // its handshake is answered
  bool is_joined = false;  // it has its welcome, or needs none
  bool wants_write = false;
  std::string out;
  std::string in;  // what is left of an incomplete frame
  std::uint64_t received = 0;
  std::uint64_t missed = 0;
};

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "chat_load: %s\n", why.c_str());
  std::exit(1);
}

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             steady_clock::now().time_since_epoch())
      .count();
}

class load {
 public:
  explicit load(options o) : o_(std::move(o)), sockets_(o_.viewers) {
    epoll_ = ::epoll_create1(0);
    if (!o_.tokens.empty()) {
      o_.senders = std::min(o_.senders, o_.tokens.size());
    }
    o_.senders = std::min(o_.senders, o_.viewers);
  }

  int run() {
    const auto began = now_us();
    connect_all();
    const double connecting = static_cast<double>(now_us() - began) / 1e6;
    if (o_.only_idle) {
      std::printf("ready\n");
      std::fflush(stdout);
      hold();
      return 0;
    }
    std::printf("ready\n");
    std::fflush(stdout);
    std::getchar();  // the one who measures CPU time says when
    send_all();
    const bool drained = drain();
    report(connecting, drained);
    return 0;
  }

 private:
  // Markers in a message's text: "~" number "," due time "~", both of fixed width.
  static constexpr std::size_t number_width = 8;
  static constexpr std::size_t time_width = 16;
  static constexpr std::size_t mark_width = number_width + time_width + 3;

  void connect_all() {
    std::size_t next = 0;
    const auto deadline = now_us() + 120'000'000;
    while (joined_ < sockets_.size()) {
      while (next < sockets_.size() && next - joined_ < 256) {
        open(next++);
      }
      turn(100);
      if (now_us() > deadline) {
        die("not everybody could join: " + std::to_string(joined_));
      }
    }
  }

  void open(std::size_t index) {
    auto& s = sockets_[index];
    s.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (s.fd < 0) {
      die(std::string("socket: ") + std::strerror(errno));
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(o_.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(s.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) {
      die(std::string("connect: ") + std::strerror(errno));
    }
    std::string path = o_.path;
    if (index < o_.tokens.size() && index < o_.senders) {
      path += (path.contains('?') ? "&token=" : "?token=") + o_.tokens[index];
    }
    s.out = "GET " + path +
            " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dHJvdXBlIGNoYXQgbG9hZA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    epoll_event e{};
    e.events = EPOLLIN | EPOLLOUT;
    e.data.u64 = index;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, s.fd, &e);
    s.wants_write = true;
  }

  void flush(std::size_t index) {
    auto& s = sockets_[index];
    while (!s.out.empty()) {
      const auto n = ::send(s.fd, s.out.data(), s.out.size(), MSG_NOSIGNAL);
      if (n <= 0) {
        break;
      }
      s.out.erase(0, static_cast<std::size_t>(n));
    }
    if (s.wants_write != !s.out.empty()) {
      s.wants_write = !s.out.empty();
      epoll_event e{};
      e.events = s.wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN;
      e.data.u64 = index;
      ::epoll_ctl(epoll_, EPOLL_CTL_MOD, s.fd, &e);
    }
  }

  void turn(int timeout_ms) {
    epoll_event events[1024];
    const int n = ::epoll_wait(epoll_, events, 1024, timeout_ms);
    for (int i = 0; i < n; ++i) {
      const auto index = static_cast<std::size_t>(events[i].data.u64);
      if ((events[i].events & EPOLLOUT) != 0) {
        flush(index);
      }
      if ((events[i].events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) {
        receive(index);
      }
    }
  }

  void receive(std::size_t index) {
    auto& s = sockets_[index];
    const auto n = ::recv(s.fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
    }
    if (n <= 0) {
      ++closed_;
      ::close(s.fd);
      if (!s.is_joined) {
        die("refused: " + s.in.substr(0, 300));
      }
      return;
    }
    std::string_view data(buffer_.data(), static_cast<std::size_t>(n));
    if (!s.in.empty()) {
      s.in.append(data);
      data = s.in;
    }
    const auto used = s.is_open ? frames(s, data) : handshake(s, data);
    std::string rest(data.substr(used));
    s.in = std::move(rest);
    if (s.is_open && !s.in.empty()) {
      const auto more = frames(s, s.in);
      s.in.erase(0, more);
    }
  }

  std::size_t handshake(socket_state& s, std::string_view data) {
    const auto end = data.find("\r\n\r\n");
    if (end == data.npos) {
      return 0;
    }
    if (!data.starts_with("HTTP/1.1 101")) {
      die("refused: " + std::string(data.substr(0, 300)));
    }
    s.is_open = true;
    if (!o_.path.contains("/chat/ws")) {  // a plain broadcaster sends no welcome
      join(s);
    }
    return end + 4;
  }

  void join(socket_state& s) {
    if (!s.is_joined) {
      s.is_joined = true;
      ++joined_;
    }
  }

  std::size_t frames(socket_state& s, std::string_view data) {
    std::size_t used = 0;
    for (;;) {
      const auto left = data.substr(used);
      if (left.size() < 2) {
        return used;
      }
      std::uint64_t length = static_cast<std::uint8_t>(left[1]) & 0x7f;
      std::size_t head = 2;
      const std::size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
      if (left.size() < head + more) {
        return used;
      }
      if (more > 0) {
        length = 0;
        for (std::size_t i = 0; i < more; ++i) {
          length = length << 8 | static_cast<std::uint8_t>(left[head + i]);
        }
        head += more;
      }
      if (left.size() - head < length) {
        return used;
      }
      frame(s, static_cast<std::uint8_t>(left[0]) & 0x0f, left.substr(head, length));
      used += head + length;
    }
  }

  void frame(socket_state& s, unsigned opcode, std::string_view payload) {
    if (opcode == 9) {  // ping: a pong is owed, masked with zeros
      s.out += '\x8a';
      s.out += static_cast<char>(0x80 | payload.size());
      s.out.append(4, '\0').append(payload);
      flush(static_cast<std::size_t>(&s - sockets_.data()));
      return;
    }
    if (opcode != 1 && opcode != 2) {
      return;
    }
    if (!s.is_joined && payload.starts_with(R"({"type":"welcome")")) {
      join(s);
      return;
    }
    if (payload.starts_with(R"({"type":"missed")")) {
      s.missed += range_of(payload);
      return;
    }
    if (payload.starts_with(R"({"type":"error")")) {
      ++errors_;
      last_error_ = payload.substr(0, 200);
      return;
    }
    marks(s, payload);
  }

  static std::uint64_t number_after(std::string_view text, std::string_view name) {
    const auto at = text.find(name);
    return at == text.npos ? 0 : std::strtoull(text.data() + at + name.size(), nullptr, 10);
  }

  static std::uint64_t range_of(std::string_view payload) {
    return number_after(payload, R"("to":)") - number_after(payload, R"("from":)") + 1;
  }

  void marks(socket_state& s, std::string_view payload) {
    const auto now = now_us();
    for (auto at = payload.find('~'); at != payload.npos;) {
      if (payload.size() - at < mark_width) {
        return;
      }
      std::int64_t due = 0;
      for (std::size_t i = 0; i < time_width; ++i) {
        due = due * 10 + (payload[at + 2 + number_width + i] - '0');
      }
      latency_.add(now - due);
      ++s.received;
      at = payload.find('~', at + mark_width);
    }
  }

  void send_all() {
    const auto interval = 1e6 / o_.rate;
    const auto begin = now_us();
    const auto end = begin + static_cast<std::int64_t>(o_.seconds * 1e6);
    for (;;) {
      const auto due = begin + static_cast<std::int64_t>(static_cast<double>(sent_) * interval);
      if (due >= end) {
        return;
      }
      const auto wait = due - now_us();
      if (wait > 0) {
        turn(static_cast<int>(wait / 1000));
        continue;
      }
      say(due);
      turn(0);
    }
  }

  void say(std::int64_t due) {
    char mark[64];
    std::snprintf(mark, sizeof mark, "~%08llu,%016lld~", static_cast<unsigned long long>(sent_),
                  static_cast<long long>(due));
    std::string text =
        std::string(mark) + " and about sixty more characters, as people say at once";
    if (!o_.tokens.empty()) {
      text = R"({"type":"message","message":")" + text + R"(","nonce":")" + std::to_string(sent_) +
             "\"}";
    }
    const auto index = static_cast<std::size_t>(sent_) % o_.senders;
    auto& out = sockets_[index].out;
    out += '\x81';
    if (text.size() < 126) {
      out += static_cast<char>(0x80 | text.size());
    } else {
      out += '\xfe';
      out += static_cast<char>(text.size() >> 8);
      out += static_cast<char>(text.size() & 0xff);
    }
    out.append(4, '\0').append(text);
    flush(index);
    ++sent_;
  }

  /// Waits until everybody has everything, at most drain_seconds.
  bool drain() {
    const auto deadline = now_us() + static_cast<std::int64_t>(o_.drain_seconds * 1e6);
    while (now_us() < deadline) {
      turn(10);
      if (accounted() >= sent_ * sockets_.size()) {
        return true;
      }
    }
    return false;
  }

  std::uint64_t accounted() const {
    std::uint64_t sum = 0;
    for (const auto& s : sockets_) {
      sum += s.received + s.missed;
    }
    return sum;
  }

  void report(double connecting, bool drained) {
    std::uint64_t missed = 0;
    for (const auto& s : sockets_) {
      missed += s.missed;
    }
    const auto expected = sent_ * sockets_.size();
    const auto got = latency_.total() + missed;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds_of = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    std::printf(
        "{\"viewers\":%zu,\"sent\":%llu,\"deliveries\":%llu,\"missed\":%llu,\"lost\":%lld,"
        "\"errors\":%llu,\"closed\":%llu,\"drained\":%s,\"p50\":%.2f,\"p95\":%.2f,\"p99\":%.2f,"
        "\"max\":%.2f,\"connecting\":%.2f,\"client_cpu\":%.2f}\n",
        sockets_.size(), static_cast<unsigned long long>(sent_),
        static_cast<unsigned long long>(latency_.total()), static_cast<unsigned long long>(missed),
        static_cast<long long>(expected) - static_cast<long long>(got),
        static_cast<unsigned long long>(errors_), static_cast<unsigned long long>(closed_),
        drained ? "true" : "false", latency_.quantile_ms(0.5), latency_.quantile_ms(0.95),
        latency_.quantile_ms(0.99), latency_.largest_ms(), connecting,
        seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    if (errors_ > 0) {
      std::fprintf(stderr, "chat_load: the last error: %s\n", last_error_.c_str());
    }
  }

  void hold() {
    ::fcntl(0, F_SETFL, O_NONBLOCK);
    char c = 0;
    while (::read(0, &c, 1) != 0) {
      turn(200);
    }
  }

  options o_;
  int epoll_ = -1;
  std::vector<socket_state> sockets_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
  std::size_t joined_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t closed_ = 0;
  std::string last_error_;
  latency_histogram latency_;
};

options parse(int argc, char** argv) {
  options o;
  std::map<std::string_view, std::string> given;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--idle") {
      o.only_idle = true;
    } else if (i + 1 < argc) {
      given[name] = argv[++i];
    } else {
      die("no value for " + std::string(name));
    }
  }
  const auto number = [&](const char* name, double otherwise) {
    const auto found = given.find(name);
    return found == given.end() ? otherwise : std::atof(found->second.c_str());
  };
  o.port = static_cast<std::uint16_t>(number("--port", 0));
  o.viewers = static_cast<std::size_t>(number("--viewers", 100));
  o.senders = static_cast<std::size_t>(number("--senders", 50));
  o.rate = number("--rate", 10);
  o.seconds = number("--seconds", 10);
  o.drain_seconds = number("--drain", 5);
  if (given.contains("--path")) {
    o.path = given["--path"];
  }
  if (given.contains("--tokens")) {
    std::ifstream file(given["--tokens"]);
    for (std::string line; std::getline(file, line);) {
      o.tokens.push_back(line);
    }
  }
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  return load(parse(argc, argv)).run();
}
