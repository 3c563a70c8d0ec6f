// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/postgresql_engine.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include <soci/postgresql/soci-postgresql.h>

#include "storage/sql/soci_connection.hpp"

namespace troupe::storage::sql {

namespace {

/// A call silent for this long is cut (docs/architecture.md: 2 s).
constexpr std::chrono::milliseconds default_patience{2000};
constexpr std::chrono::milliseconds watch_period{250};

/// Sent at connect, so that they hold from the first statement on. statement_timeout lets the
/// server give up before we cut the line. Without bitmap scans, whose rows have no order, a page of
/// a list is read from its index also where statistics are old or missing: else all of it is
/// sorted.
constexpr std::string_view server_settings =
    "-c lock_timeout=1000 -c idle_in_transaction_session_timeout=1000 -c statement_timeout=1800 "
    "-c client_min_messages=error";

const std::map<std::string, std::string>& default_keywords() {
  static const std::map<std::string, std::string> keywords = {
      {"connect_timeout", "2"},     {"tcp_user_timeout", "1000"}, {"keepalives_idle", "5"},
      {"keepalives_interval", "2"}, {"keepalives_count", "3"},    {"application_name", "troupe"},
      {"client_encoding", "UTF8"}};
  return keywords;
}

std::string quoted(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') {
      out.push_back('\\');
    }
    out.push_back(c);
  }
  return out + "'";
}

error describe(std::string_view state, const std::string& message) {
  const auto in_class = [&](std::string_view c) { return state.starts_with(c); };
  if (in_class("23")) {
    return make_error(errc::conflict, "constraint_violation", message);
  }
  if (state == "53100") {
    return make_error(errc::unavailable, "disk_full", "the disk of the database is full");
  }
  if (state == "57014") {
    return make_error(errc::deadline_exceeded, "store_timeout",
                      "the database gave no answer in time");
  }
  if (state == "55P03" || in_class("40")) {
    return make_error(errc::unavailable, "store_busy",
                      "another transaction holds what this one needs");
  }
  if (state == "22021" || state == "22P05") {
    return make_error(errc::invalid_argument, "invalid_text", message);
  }
  if (in_class("XX00")) {
    return make_error(errc::data_corrupt, "store_corrupt", message);
  }
  const bool away = in_class("08") || in_class("53") || in_class("57P") || in_class("25P03") ||
                    in_class("28") || in_class("3D") || state.find_first_not_of(' ') == state.npos;
  return away ? make_error(errc::unavailable, "store_unavailable",
                           "no connection to the database: " + message)
              : make_error(errc::internal, "store: " + message);
}

/// A copy of a socket's descriptor. Shutting it down ends the call on the original, and it stays
/// ours when libpq closes its own, whose number another thread may have reused by then.
class socket_copy {
 public:
  explicit socket_copy(int descriptor) : copy_(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3)) {}

  ~socket_copy() {
    if (copy_ >= 0) {
      ::close(copy_);
    }
  }

  socket_copy(const socket_copy&) = delete;
  socket_copy& operator=(const socket_copy&) = delete;

  void cut() const { ::shutdown(copy_, SHUT_RDWR); }

  /// An idle connection has nothing to read, unless its server said goodbye.
  bool has_something_to_read() const {
    pollfd waiting{copy_, POLLIN, 0};
    return ::poll(&waiting, 1, 0) != 0;
  }

 private:
  int copy_;
};

}  // namespace

struct call_watch::impl {
  struct watched {
    const socket_copy* socket = nullptr;
    std::optional<std::chrono::steady_clock::time_point> deadline;
    bool was_cut = false;
  };

  std::mutex mutex;
  std::condition_variable wake;
  std::map<const void*, watched> calls;
  bool closing = false;
  std::thread thread;

  void watch() {
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, watch_period, [&] { return closing; })) {
      const auto now = std::chrono::steady_clock::now();
      for (auto& [_, call] : calls) {
        if (call.deadline && *call.deadline < now) {
          call.socket->cut();
          call.was_cut = true;
          call.deadline.reset();
        }
      }
    }
  }
};

call_watch::call_watch() : impl_(std::make_unique<impl>()) {
  impl_->thread = std::thread([i = impl_.get()] { i->watch(); });
}

call_watch::~call_watch() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
  }
  impl_->wake.notify_all();
  impl_->thread.join();
}

namespace {

class postgresql_connection final : public soci_connection {
 public:
  postgresql_connection(call_watch& watch, std::function<void(std::string_view)> observe)
      : soci_connection(std::move(observe)), watch_(watch.inside()) {}

  ~postgresql_connection() override {
    const std::lock_guard lock(watch_.mutex);
    watch_.calls.erase(this);
  }

  result<void> open(const std::string& keywords) {
    try {
      session().open(soci::postgresql, keywords);
    } catch (const soci::soci_error& thrown) {
      return fail(errc::unavailable, "store_unavailable", thrown.get_error_message());
    }
    socket_ = std::make_unique<socket_copy>(PQsocket(handle()));
    const std::lock_guard lock(watch_.mutex);
    watch_.calls[this].socket = socket_.get();
    return {};
  }

  engine kind() const override { return engine::postgresql; }

  bool is_broken() const override { return broken_ || socket_->has_something_to_read(); }

  void set_patience(std::chrono::milliseconds patience) override { patience_ = patience; }

 private:
  PGconn* handle() {
    return static_cast<soci::postgresql_session_backend*>(session().get_backend())->conn_;
  }

  void call_begins() override {
    const std::lock_guard lock(watch_.mutex);
    watch_.calls[this].deadline = std::chrono::steady_clock::now() + patience_;
  }

  void call_ends() override {
    const std::lock_guard lock(watch_.mutex);
    auto& call = watch_.calls[this];
    call.deadline.reset();
    was_cut_ = std::exchange(call.was_cut, false);
  }

  error translate(const soci::soci_error& thrown) override {
    broken_ = broken_ || was_cut_ || PQstatus(handle()) != CONNECTION_OK;
    if (was_cut_) {
      return make_error(errc::deadline_exceeded, "store_timeout",
                        "the database was silent and the call was cut");
    }
    std::string state;
    if (const auto* theirs = dynamic_cast<const soci::postgresql_soci_error*>(&thrown)) {
      state = theirs->sqlstate();
    }
    return describe(broken_ ? "" : state, thrown.get_error_message());
  }

  call_watch::impl& watch_;
  std::unique_ptr<socket_copy> socket_;
  std::chrono::milliseconds patience_ = default_patience;
  bool broken_ = false;
  bool was_cut_ = false;
};

struct options_deleter {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

}  // namespace

result<std::string> keyword_form(std::string_view url) {
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, options_deleter> parsed(
      PQconninfoParse(std::string(url).c_str(), &problem));
  if (!parsed) {
    auto e = make_error(errc::invalid_argument,
                        "not an address of a PostgreSQL database" +
                            (problem == nullptr ? "" : ": " + std::string(problem)));
    PQfreemem(problem);
    return fail(std::move(e));
  }
  std::map<std::string, std::string> keywords = default_keywords();
  std::string settings(server_settings);
  for (const auto* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) {
      continue;
    }
    if (std::string_view(option->keyword) == "options") {
      settings.append(" ").append(option->val);  // the last of two settings holds
    } else {
      keywords[option->keyword] = option->val;
    }
  }
  keywords["options"] = settings;
  std::string text;
  for (const auto& [keyword, value] : keywords) {
    text.append(text.empty() ? "" : " ").append(keyword).append("=").append(quoted(value));
  }
  return text;
}

result<std::unique_ptr<connection>> connect_postgresql(
    const std::string& keywords, call_watch& watch, std::function<void(std::string_view)> observe) {
  auto made = std::make_unique<postgresql_connection>(watch, std::move(observe));
  if (auto opened = made->open(keywords); !opened) {
    return fail(opened.error().with("connecting to the database"));
  }
  return made;
}

}  // namespace troupe::storage::sql
