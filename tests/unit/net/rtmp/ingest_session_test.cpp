// SPDX-License-Identifier: GPL-3.0-or-later
// An encoder's connection over a stream of the test's own. Everything happens on one I/O thread,
// the entities included: what a case does there, it does in one go.
#include "net/rtmp/ingest_session.hpp"

#include <functional>
#include <future>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "net/asio/tcp_server.hpp"
#include "runtime/testing/entity_bench.hpp"
#include "tests/support/rtmp_client.hpp"
#include "tests/support/rtmp_samples.hpp"
#include "tests/unit/net/asio/loopback.hpp"
#include "tests/unit/net/http/fakes.hpp"

namespace troupe::rtmp {
namespace {

/// What the encoder's stream saw, and what it is to answer.
struct stream_script {
  int openings = 0;
  std::vector<media::frame> frames;
  std::uint64_t pushes = 0;
  std::uint64_t next_video = 0;
  int failures_left = 0;  ///< of push_frames, as if the activation had been lost
  bool settles = false;   ///< each push ends a segment
  std::vector<stream::health::warning> problems;  ///< of the last push
  int closed_explicitly = 0;
  int closed_silently = 0;
};

struct scripted_stream {
  static constexpr std::string_view kind = "stream";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages =
      runtime::messages<stream::open_publication, stream::push_frames, stream::close_publication>;

  struct state {
    int nothing = 0;

    template <class Inspector>
    friend auto inspect(Inspector& f, state& x) {
      return f(x.nothing);
    }
  };

  explicit scripted_stream(stream_script& s) : script(s) {}

  result<stream::resume_point> on(runtime::context&, const stream::open_publication& m) {
    ++script.openings;
    script.next_video = m.resume ? m.resume->video.next_frame : 0;
    return reached();
  }

  result<stream::resume_point> on(runtime::context&, const stream::push_frames& m) {
    ++script.pushes;
    script.problems = m.problems;
    if (script.failures_left > 0) {
      --script.failures_left;
      return fail(errc::unavailable, "activation_lost", "the activation was lost");
    }
    for (const auto& f : m.frames) {
      if (f.number == script.next_video) {
        ++script.next_video;
        script.frames.push_back(f);
      }
    }
    return reached();
  }

  void on(runtime::context&, const stream::close_publication& m) {
    ++(m.is_explicit ? script.closed_explicitly : script.closed_silently);
  }

  state data;
  stream_script& script;

 private:
  stream::resume_point reached() const {
    stream::resume_point p;
    p.number = 1;
    p.next_video = script.next_video;
    if (script.settles) {
      p.checkpoint.emplace();
      p.checkpoint->publication.number = 1;
      p.checkpoint->video.next_frame = script.next_video;
    }
    return p;
  }
};

class fake_connection final : public net::tcp_connection {
 public:
  explicit fake_connection(net::io_thread& on) : on_(on) {}

  void send(std::vector<shared_bytes> buffers) override {
    for (auto& b : buffers) {
      send(std::move(b));
    }
  }

  void send(shared_bytes buffer) override { sent.append(buffer.view()); }

  std::size_t queued_bytes() const override { return 0; }

  void pause_reading() override { is_paused = true; }

  void resume_reading() override { is_paused = false; }

  void close() override { is_closed = true; }

  void close_now() override { is_closed = true; }

  bool is_open() const override { return !is_closed; }

  void set_deadline(duration) override {}

  void set_idle_limit(duration) override {}

  const std::string& remote_address() const override { return address_; }

  std::uint16_t remote_port() const override { return 1; }

  bool is_trusted() const override { return true; }

  net::io_thread& thread() override { return on_; }

  void post(session_job job) override {
    ++wakes;
    job(*session);
  }

  void replace_session(std::unique_ptr<net::tcp_session> s) override { session = std::move(s); }

  std::unique_ptr<net::tcp_session> session;
  byte_writer sent;
  bool is_paused = false;
  bool is_closed = false;
  int wakes = 0;

 private:
  net::io_thread& on_;
  std::string address_ = "192.0.2.7";
};

class rig {
 public:
  explicit rig(ingest_settings settings = {}) {
    on_thread([&] {
      bench_ = std::make_unique<runtime::testing::entity_bench>();
      bench_->node().add_kind<scripted_stream>([this](const runtime::entity_name&) {
        return std::make_unique<scripted_stream>(script);
      });
      ids_ = std::make_unique<id_generator>(bench_->time(), 1);
      edge_ = std::make_unique<ingest>(
          settings, ingest_dependencies{accounts_, streams_, bench_->node(), *ids_, bench_->time(),
                                        bench_->figures()});
      connection = std::make_shared<fake_connection>(threads_.at(0));
      connection->session = edge_->make_session(connection);
      client_.publish({});
      exchange();
      REQUIRE(client_.is_publishing());
      connection->wakes = 0;
    });
  }

  ~rig() {
    on_thread([&] {
      connection->session.reset();
      connection.reset();
      bench_.reset();
    });
  }

  rig(const rig&) = delete;
  rig& operator=(const rig&) = delete;

  void on_thread(std::function<void()> what) {
    std::promise<void> done;
    threads_.at(0).post([&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  /// Bytes go to the session although it rests: what was read before it paused.
  void exchange() {
    for (;;) {
      const auto up = client_.take_output();
      for (byte_view left = up; !left.empty();) {
        const auto piece = left.first(std::min<std::size_t>(left.size(), 64 * 1024));
        left = left.subspan(piece.size());
        connection->session->on_bytes(piece);
      }
      bench_->run();
      const auto down = connection->sent.take();
      if (!down.empty()) {
        REQUIRE(client_.feed(down));
      }
      if (up.empty() && down.empty()) {
        return;
      }
    }
  }

  void send_configuration() {
    client_.send_video(0, test::flv::video(test::flv::avc, test::flv::kind::sequence_start, true, 0,
                                           test::avcc()));
    exchange();
  }

  void send_broken_configuration() {
    client_.send_video(0, test::flv::video(test::flv::avc, test::flv::kind::sequence_start, true, 0,
                                           bytes{1, 2, 3}));
    exchange();
  }

  std::unique_ptr<net::tcp_server> listen() {
    net::tcp_options options;
    options.name = "rtmp";
    options.address = "127.0.0.1";
    auto listening = net::tcp_server::listen(
        threads_, options, counters_,
        [this](const std::shared_ptr<net::tcp_connection>& c) { return edge_->make_session(c); });
    REQUIRE(listening);
    return std::move(*listening);
  }

  void send_frame(bool key, std::size_t size = 20) {
    time_ms_ += 33;
    client_.send_video(time_ms_, test::flv::video(test::flv::avc, test::flv::kind::coded_frames,
                                                  key, 0, test::h264_frame(key ? 5 : 1, size)));
    exchange();
  }

  /// The "code" of what the server said last.
  std::string last_status() {
    std::string code;
    while (auto c = client_.next_command()) {
      if (c->name == "onStatus") {
        code = c->code();
      }
    }
    return code;
  }

  double figure(std::string_view name) {
    const auto text = bench_->figures().text();
    const auto at = text.find("\n" + std::string(name) + " ");
    return at == text.npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

  stream_script script;
  std::shared_ptr<fake_connection> connection;

  runtime::testing::entity_bench& bench() { return *bench_; }

  ingest& edge() { return *edge_; }

 private:
  metrics counters_;
  net::io_threads threads_{1};
  http::testing::fake_accounts accounts_;
  http::testing::fake_streams streams_;
  std::unique_ptr<runtime::testing::entity_bench> bench_;
  std::unique_ptr<id_generator> ids_;
  std::unique_ptr<ingest> edge_;
  test::rtmp_client client_;
  std::uint32_t time_ms_ = 0;
};

}  // namespace

TEST_CASE("ingest_session: a publication without a key frame is refused when its window is full",
          "[net][rtmp][threads]") {
  rig r({.window_bytes = 100'000});
  r.on_thread([&] {
    r.send_configuration();
    for (int i = 0; i < 9; ++i) {
      r.send_frame(false, 10'000);
    }
    CHECK_FALSE(r.connection->is_closed);
    for (int i = 0; i < 3 && !r.connection->is_closed; ++i) {
      r.send_frame(false, 10'000);
    }
    CHECK(r.connection->is_closed);
    CHECK(r.last_status() == "NetStream.Publish.Failed");
    CHECK(r.script.closed_silently == 1);
    CHECK(r.figure("troupe_ingest_refused_total") == 1);
    CHECK(r.figure("troupe_ingest_dropped_frames_total") == 1);
    CHECK(r.figure("troupe_ingest_publishers") == 0);
  });
}

TEST_CASE("ingest_session: a stream that ends segments keeps the window small",
          "[net][rtmp][threads]") {
  rig r({.window_bytes = 100'000});
  r.on_thread([&] {
    r.script.settles = true;
    r.send_configuration();
    for (int i = 0; i < 100; ++i) {
      r.send_frame(i % 10 == 0, 10'000);
    }
    CHECK_FALSE(r.connection->is_closed);
    CHECK(r.script.frames.size() == 100);
    CHECK(r.figure("troupe_ingest_dropped_frames_total") == 0);
    CHECK(r.connection->wakes == 0);  // each answer was found when the next frame came
  });
}

TEST_CASE("ingest_session: rests until the next tick of the reading grid", "[net][rtmp][threads]") {
  rig r;
  r.on_thread([&] {
    r.send_configuration();
    r.send_frame(true);
    CHECK(r.connection->is_paused);
  });
  // The tick comes although nothing arrives, and finds the answers.
  CHECK(test::eventually([&] {
    bool is_reading = false;
    r.on_thread([&] { is_reading = !r.connection->is_paused; });
    return is_reading;
  }));
  r.on_thread([&] {
    CHECK(r.script.frames.size() == 1);
    CHECK(r.connection->wakes == 0);
    r.send_frame(false, 200'000);  // a full read: more waits in the socket
    CHECK(r.script.frames.size() == 2);
  });
}

TEST_CASE("ingest_session: complains once about an address, and counts the rest",
          "[net][rtmp][threads]") {
  rig r;
  r.on_thread([&] {
    for (int i = 0; i < 5; ++i) {
      CHECK(r.figure("troupe_ingest_quiet_log_lines_total") == std::max(0, i - 1));
      auto other = std::make_shared<fake_connection>(r.connection->thread());
      other->session = r.edge().make_session(other);
      const bytes garbage(4000, 0x47);
      other->session->on_bytes(garbage);
      CHECK(other->is_closed);
    }
    CHECK(r.figure("troupe_ingest_protocol_errors_total") == 5);
  });
}

TEST_CASE("ingest_session: a problem ends with the next frame of its track",
          "[net][rtmp][threads]") {
  rig r;
  r.on_thread([&] {
    for (int i = 0; i < 2; ++i) {
      r.send_broken_configuration();
      REQUIRE(r.script.problems.size() == 1);
      CHECK(r.script.problems[0].code == "bad_configuration");
      r.send_configuration();
      CHECK(r.script.problems.size() == 1);
      r.send_frame(true);
      CHECK(r.script.problems.empty());
    }
  });
}

namespace {

/// A publisher over a real socket that sends nothing but what the protocol asks for.
struct silent_publisher {
  explicit silent_publisher(std::uint16_t port, std::string key) : socket(port) {
    rtmp.publish({.key = std::move(key)});
  }

  /// One look at the socket; pings are answered, or not. False at its end.
  bool go_on(bool answers) {
    const auto up = rtmp.take_output();
    if (!up.empty() && !socket.send(as_text(up))) {
      return false;
    }
    const auto down = socket.read_some();
    if (down.empty()) {
      return false;
    }
    REQUIRE(rtmp.feed(as_bytes(down)));
    while (const auto control = rtmp.next_control()) {
      byte_reader fields(control->payload.view());
      if (control->type != message_type::user_control || fields.u16() != 6) {
        continue;
      }
      ++pings;
      if (answers) {
        byte_writer pong;
        pong.u16(7);
        pong.u32(fields.u32());
        rtmp.send({.type = message_type::user_control,
                   .chunk_stream = 2,
                   .stream = 0,
                   .timestamp = 0,
                   .payload = shared_bytes(pong.take())});
      }
    }
    return true;
  }

  test::client socket;
  test::rtmp_client rtmp;
  int pings = 0;
};

}  // namespace

TEST_CASE("ingest_session: a silent publisher is asked whether it is there",
          "[net][rtmp][threads]") {
  rig r({.silence = std::chrono::milliseconds(300)});
  const auto server = r.listen();
  const std::jthread entities([&](const std::stop_token& over) {  // nobody else runs the bench's
    while (!over.stop_requested()) {
      r.on_thread([&] { r.bench().run(); });
    }
  });
  SECTION("and stays while it answers") {
    silent_publisher there(server->port(), "key");
    while (there.pings < 10) {  // three times as long as silence is borne
      REQUIRE(there.go_on(true));
    }
  }
  SECTION("and is closed when it does not") {
    silent_publisher gone(server->port(), "key");
    while (gone.go_on(false)) {
    }
    CHECK(gone.rtmp.is_publishing());
    CHECK(gone.pings >= 1);
  }
}

TEST_CASE("ingest_session: sends again what an activation took with it", "[net][rtmp][threads]") {
  rig r;
  r.on_thread([&] {
    r.send_configuration();
    for (int i = 0; i < 5; ++i) {
      r.send_frame(i == 0);
    }
    CHECK(r.script.openings == 1);
    r.script.failures_left = 1;
    r.script.frames.clear();
    r.send_frame(false);
    CHECK(r.connection->wakes == 1);  // an error is heard of at once
    r.send_frame(false);              // kept while it is opened again
  });
  CHECK(test::eventually([&] {
    bool is_back = false;
    r.on_thread([&] {
      r.bench().run();
      is_back = r.script.frames.size() == 7;
    });
    return is_back;
  }));
  r.on_thread([&] {
    CHECK(r.script.openings == 2);
    for (std::size_t i = 0; i < r.script.frames.size(); ++i) {
      CHECK(r.script.frames[i].number == i);
    }
    r.send_frame(false);
    CHECK(r.script.frames.size() == 8);
    CHECK(r.figure("troupe_ingest_replays_total") == 1);
    r.connection->session->on_closed(net::close_reason::by_peer);
    r.bench().run();
    CHECK(r.script.closed_silently == 1);
  });
}

}  // namespace troupe::rtmp
