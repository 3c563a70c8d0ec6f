// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/tcp_server.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "base/check.hpp"
#include "base/log.hpp"
#include "net/asio/connection_registry.hpp"
#include "net/asio/dismissed_connections.hpp"
#include "net/asio/io_context.hpp"
#include "net/asio/socket_connection.hpp"

namespace troupe::net {
namespace {

using asio_error = boost::system::error_code;
using tcp = boost::asio::ip::tcp;

constexpr int backlog = 1024;
constexpr int accepts_per_turn = 64;  // then other events of this loop get their turn
constexpr auto pause_without_descriptors = std::chrono::milliseconds(100);
constexpr auto log_interval = std::chrono::seconds(10);
// After the deadline connections are only destroyed; more than this means a blocked loop.
constexpr auto cut_off_grace = std::chrono::seconds(5);

/// One line per interval, with the number of lines left out.
class log_gate {
 public:
  bool opens(steady_time time) {
    if (last_ != steady_time{} && time - last_ < log_interval) {
      ++suppressed_;
      return false;
    }
    last_ = time;
    return true;
  }

  std::uint64_t take_suppressed() { return std::exchange(suppressed_, 0); }

 private:
  steady_time last_{};
  std::uint64_t suppressed_ = 0;
};

std::pair<ip_address, std::uint16_t> peer_of(const sockaddr_storage& from) {
  std::array<std::uint8_t, 16> octets{};
  if (from.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &from, sizeof v6);
    std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
    return {ip_address(octets), ntohs(v6.sin6_port)};
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &from, sizeof v4);
  octets[10] = octets[11] = 0xFF;
  std::memcpy(octets.data() + 12, &v4.sin_addr, 4);
  return {ip_address(octets), ntohs(v4.sin_port)};
}

/// Let in, and on its way to its loop; if that ends before, so do the descriptor and its place.
struct newcomer {
  newcomer(std::shared_ptr<connection_registry> r, const ip_address& p, std::size_t t, int f)
      : registry(std::move(r)), peer(p), thread(t), fd(f) {}

  newcomer(newcomer&& other) noexcept
      : registry(std::move(other.registry)),
        peer(other.peer),
        thread(other.thread),
        fd(other.take()) {}

  newcomer& operator=(newcomer&&) = delete;

  ~newcomer() {
    if (fd >= 0) {
      ::close(fd);
      registry->withdraw(peer, thread);
    }
  }

  int take() { return std::exchange(fd, -1); }

  std::shared_ptr<connection_registry> registry;
  ip_address peer;
  std::size_t thread;
  int fd;
};

std::string_view sentence(refusal why) {
  switch (why) {
    case refusal::total:
      return "the limit of connections is reached";
    case refusal::address:
      return "too many connections from one address";
    case refusal::descriptors:
      return "no file descriptors are left";
    case refusal::none:
      break;
  }
  return "";
}

error listen_error(const tcp_options& options, std::uint16_t port, const asio_error& problem) {
  auto code = errc::unavailable;
  if (problem == boost::asio::error::access_denied) {
    code = errc::forbidden;
  }
  return make_error(code, fmt::format("{}: cannot listen on {} port {}: {}", options.name,
                                      options.address, port, problem.message()));
}

error accept_error(const tcp_options& options, const asio_error& problem) {
  return make_error(errc::unavailable,
                    fmt::format("{}: accepting failed: {}", options.name, problem.message()));
}

}  // namespace

// The acceptor lives on the first loop; shared by the server and the pending wait.
struct tcp_server::impl : std::enable_shared_from_this<impl> {
  impl(io_threads& t, tcp_options o, metrics& m, session_factory make)
      : threads(t),
        options(std::move(o)),
        registry(std::make_shared<connection_registry>(options, t.size(), m)),
        make_session(std::make_shared<session_factory>(std::move(make))),
        acceptor(t.at(0).native().context) {}

  result<void> open();
  void close_port();
  void lost(error why);
  void keep_accepting(std::function<void(error)> told);
  void wait();
  void accept_some();
  bool accept_one();
  void refuse(refusal why, std::string_view from);
  void dismiss(refusal why, int fd);
  void hand_over(int fd, const socket_connection::peer_facts& peer);

  io_threads& threads;
  const tcp_options options;
  const std::shared_ptr<connection_registry> registry;
  const std::shared_ptr<const session_factory> make_session;
  tcp::acceptor acceptor;
  timer retry;
  dismissed_connections dismissed;
  std::array<log_gate, 4> gates;
  std::uint16_t port = 0;
  std::atomic<bool> is_open = false;
  bool has_stopped = false;
  std::function<void(error)> failed;
};

result<void> tcp_server::impl::open() {
  const auto address = ip_address::parse(options.address);
  if (!address) {
    return fail(errc::invalid_argument, fmt::format("{}: '{}' is not an IP address to listen on",
                                                    options.name, options.address));
  }
  asio_error problem;
  // "::" takes IPv4 too; an address in IPv4's form makes an IPv4 socket.
  const auto where = boost::asio::ip::make_address(address->to_string(), problem);
  const tcp::endpoint endpoint(where, port != 0 ? port : options.port);
  const auto step = [&](auto&& action) {
    if (!problem) {
      action();
    }
  };
  step([&] { acceptor.open(endpoint.protocol(), problem); });
  step([&] { acceptor.set_option(tcp::acceptor::reuse_address(true), problem); });
  if (where.is_v6()) {
    step([&] { acceptor.set_option(boost::asio::ip::v6_only(false), problem); });
  }
  step([&] { acceptor.non_blocking(true, problem); });
  step([&] { acceptor.bind(endpoint, problem); });
  step([&] { acceptor.listen(backlog, problem); });
  step([&] { port = acceptor.local_endpoint(problem).port(); });
  if (problem) {
    asio_error ignored;
    acceptor.close(ignored);
    return fail(listen_error(options, endpoint.port(), problem));
  }
  is_open = true;
  return {};
}

void tcp_server::impl::close_port() {
  asio_error ignored;
  acceptor.close(ignored);
  retry.cancel();
  is_open = false;
}

void tcp_server::impl::lost(error why) {
  close_port();
  if (failed) {
    std::exchange(failed, nullptr)(std::move(why));
  } else {
    log::error("{}", why.message);
  }
}

void tcp_server::impl::keep_accepting(std::function<void(error)> told) {
  if (has_stopped) {
    return;
  }
  failed = std::move(told);
  if (acceptor.is_open()) {
    return;
  }
  if (auto opened = open(); !opened) {
    lost(std::move(opened.error()));
    return;
  }
  wait();
}

void tcp_server::impl::wait() {
  if (!acceptor.is_open()) {
    return;
  }
  acceptor.async_wait(tcp::acceptor::wait_read,
                      [self = shared_from_this()](const asio_error& problem) {
                        if (!problem) {
                          self->accept_some();
                        } else if (problem != boost::asio::error::operation_aborted) {
                          self->lost(accept_error(self->options, problem));
                        }
                      });
}

void tcp_server::impl::accept_some() {
  for (int i = 0; i < accepts_per_turn && acceptor.is_open(); ++i) {
    if (!accept_one()) {
      return;
    }
  }
  wait();
}

/// False: accept_some() is over, and what is to come is arranged.
bool tcp_server::impl::accept_one() {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const int fd = ::accept4(acceptor.native_handle(), reinterpret_cast<sockaddr*>(&from), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      refuse(refusal::descriptors, "");
      // The queue stays readable: waiting for that would spin.
      retry = threads.at(0).call_after(pause_without_descriptors, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
          self->wait();
        }
      });
      return false;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wait();
      return false;
    }
    if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {  // it listens no more
      lost(accept_error(options, {errno, boost::system::system_category()}));
      return false;
    }
    return true;  // that one is gone already (ECONNABORTED, EINTR, network errors)
  }
  const auto [address, peer_port] = peer_of(from);
  const bool is_trusted = options.trusted.contains(address);
  if (const auto why = registry->admit(address, is_trusted); why != refusal::none) {
    refuse(why, address.to_string());  // before the peer can know
    dismiss(why, fd);
    return true;
  }
  hand_over(fd, {address, peer_port, is_trusted});
  return true;
}

void tcp_server::impl::refuse(refusal why, std::string_view from) {
  registry->count_refusal(why);
  auto& gate = gates[static_cast<std::size_t>(why)];
  if (gate.opens(std::chrono::steady_clock::now())) {
    log::warn("connection refused: {} server={} address={} more_since_last_line={}", sentence(why),
              options.name, from, gate.take_suppressed());
  }
}

void tcp_server::impl::dismiss(refusal why, int fd) {
  const auto& farewell =
      why == refusal::total ? options.farewell_total : options.farewell_per_address;
  if (!farewell.empty()) {
    dismissed.see_off(fd, farewell, threads.at(0));
  } else {
    ::close(fd);
  }
}

void tcp_server::impl::hand_over(int fd, const socket_connection::peer_facts& peer) {
  const auto number = registry->take_thread();
  auto& thread = threads.at(number);
  // On the connection's own loop, whose reactor no other thread may touch.
  thread.post(
      [&thread, peer, fresh = newcomer(registry, peer.address, number, fd), make = make_session,
       limits = socket_connection::limits{options.outbox_limit, options.write_stall}]() mutable {
        const auto& counted_in = fresh.registry;
        std::make_shared<socket_connection>(thread, fresh.thread, fresh.take(), peer, limits,
                                            counted_in)
            ->start(*make);
      });
}

tcp_server::tcp_server(std::shared_ptr<impl> i) : impl_(std::move(i)) {}

result<std::unique_ptr<tcp_server>> tcp_server::listen(io_threads& threads, tcp_options options,
                                                       metrics& m, session_factory make_session) {
  auto state = std::make_shared<impl>(threads, std::move(options), m, std::move(make_session));
  if (auto opened = state->open(); !opened) {
    return fail(opened.error());
  }
  threads.at(0).post([state] { state->wait(); });
  return std::unique_ptr<tcp_server>(new tcp_server(std::move(state)));
}

tcp_server::~tcp_server() {
  stop(duration::zero());
}

std::uint16_t tcp_server::port() const {
  return impl_->port;
}

std::size_t tcp_server::connections() const {
  return impl_->registry->size();
}

bool tcp_server::is_accepting() const {
  return impl_->is_open;
}

std::unique_ptr<tcp_server::accepting> tcp_server::accept(std::function<void(error)> failed) {
  impl_->threads.at(0).post([state = impl_, failed = std::move(failed)]() mutable {
    state->keep_accepting(std::move(failed));
  });
  return std::make_unique<accepting>(impl_);
}

tcp_server::accepting::~accepting() {
  if (const auto state = of_.lock()) {
    state->threads.at(0).post([state] {
      state->failed = nullptr;
      state->close_port();
    });
  }
}

void tcp_server::stop(duration deadline) {
  if (stopped_.exchange(true)) {
    return;  // the I/O threads may be gone by now
  }
  const auto end = std::chrono::steady_clock::now() + deadline;
  auto& registry = *impl_->registry;
  registry.begin_stop();
  auto closed = std::make_shared<std::promise<void>>();
  auto port_is_free = closed->get_future();
  impl_->threads.at(0).post([state = impl_, closed] {
    state->has_stopped = true;
    state->failed = nullptr;
    state->close_port();
    state->dismissed.close();
    closed->set_value();
  });
  port_is_free.wait_for(cut_off_grace);
  for (const auto& connection : registry.all()) {
    connection->stop();
  }
  if (registry.wait_until_empty(end)) {
    return;
  }
  for (const auto& connection : registry.all()) {
    connection->cut_off();
  }
  if (!registry.wait_until_empty(std::chrono::steady_clock::now() + cut_off_grace)) {
    log::critical(
        "connections did not end: an I/O thread is blocked, or was stopped before its "
        "servers server={} connections={}",
        impl_->options.name, registry.size());
  }
}

}  // namespace troupe::net
