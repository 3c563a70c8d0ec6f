// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/hls/edge.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <optional>

#include <catch2/catch.hpp>

#include "net/asio/http_server.hpp"
#include "tests/unit/net/asio/loopback.hpp"

using namespace troupe;

namespace {

struct fake_cache final : media::cache_reader {
  void get(stream_id s, std::string_view f, const media::delivery_directives& d, gone_check,
           done a) override {
    stream = s;
    file = f;
    directives = d;
    ++calls;
    if (waits) {
      waiting = std::move(a);
    } else {
      a(next);
    }
  }

  void expire(steady_time now) override {
    expired_at = now.time_since_epoch().count();
    ++expirations;
  }

  stream_id stream = 0;
  std::string file;
  media::delivery_directives directives;
  media::cached_answer next;
  bool waits = false;
  done waiting;
  int calls = 0;
  std::atomic<std::int64_t> expired_at = 0;
  std::atomic<int> expirations = 0;
};

struct fixture {
  http::response ask(const std::string& path,
                     std::vector<std::pair<std::string, std::string>> query = {},
                     std::vector<std::pair<std::string, std::string>> headers = {},
                     const std::string& method = "GET") {
    http::request r;
    r.method = method;
    r.path = path;
    r.query = std::move(query);
    r.headers = std::move(headers);
    answer.reset();
    edge.answer(r, [this](http::response a) { answer = std::move(a); });
    return answer.value_or(http::response{});
  }

  void cache_has(std::string_view type, std::string_view content, std::chrono::seconds max_age) {
    const auto middle = content.size() / 2;
    const bytes all(content.begin(), content.end());
    const shared_bytes whole(all);
    cache.next = {200,
                  type,
                  max_age,
                  {whole.slice(0, middle), whole.slice(middle, content.size() - middle)},
                  {}};
  }

  metrics m;
  fake_cache cache;
  hls::edge edge{cache, m};
  std::optional<http::response> answer;
};

std::string header(const http::response& r, std::string_view name) {
  const auto found =
      std::ranges::find_if(r.headers, [&](const auto& h) { return h.first == name; });
  return found == r.headers.end() ? "" : found->second;
}

std::string body(const http::response& r) {
  std::string all;
  for (const auto& part : r.body) {
    all += as_text(part.view());
  }
  return all;
}

std::string gunzip(const std::string& data) {
  std::string text(100'000, 0);
  z_stream z{};
  REQUIRE(inflateInit2(&z, 15 + 16) == Z_OK);
  auto in = bytes(data.begin(), data.end());
  z.next_in = in.data();
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(text.data());
  z.avail_out = static_cast<uInt>(text.size());
  const int done = inflate(&z, Z_FINISH);
  text.resize(z.total_out);
  inflateEnd(&z);
  CHECK(done == Z_STREAM_END);
  return text;
}

}  // namespace

TEST_CASE("hls::edge: tells presence who was given media", "[net][hls]") {
  struct seen final : presence::presence {
    ticket enter(::troupe::presence::watcher) override { return ticket::none; }

    void change(ticket, std::string) override {}

    void leave(ticket) override {}

    ::troupe::presence::player identify(std::string_view address, std::string_view agent,
                                        std::string_view session) const override {
      shown = std::string(address) + "|" + std::string(agent) + "|" + std::string(session);
      return {};
    }

    void played(stream_id stream, const ::troupe::presence::player& by) override {
      players.emplace_back(stream, by.is_trusted);
    }

    mutable std::string shown;
    std::vector<std::pair<stream_id, bool>> players;
  };

  metrics m;
  fake_cache cache;
  seen people;
  hls::edge edge{cache, m, 0, &people};
  const auto ask = [&](const std::string& path, int status, bool is_trusted) {
    http::request r;
    r.method = "GET";
    r.path = path;
    r.headers = {{"user-agent", "VLC"}, {"x-playback-session-id", "s1"}};
    r.remote_address = "192.0.2.1";
    r.is_trusted = is_trusted;
    cache.next.status = status;
    edge.answer(r, [](const http::response&) {});
  };
  ask("/live/7/source/media.m3u8", 404, false);
  ask("/live/7/master.m3u8", 200, false);
  CHECK(people.players.empty());
  ask("/live/7/source/media.m3u8", 200, false);
  ask("/live/8/source/media.m3u8", 200, true);
  CHECK(people.players == std::vector<std::pair<stream_id, bool>>{{7, false}, {8, true}});
  CHECK(people.shown == "192.0.2.1|VLC|s1");
}

TEST_CASE("hls::edge: hands stream, file and directives to the cache", "[net][hls]") {
  fixture f;
  f.ask("/live/48213/source/media.m3u8", {{"_HLS_msn", "12"},
                                          {"_HLS_part", "x"},
                                          {"_HLS_skip", "v2"},
                                          {"_HLS_other", "1"},
                                          {"token", "t"}});
  CHECK(f.cache.stream == 48213);
  CHECK(f.cache.file == "source/media.m3u8");
  CHECK(f.cache.directives.msn == "12");
  CHECK(f.cache.directives.part == "x");
  CHECK(f.cache.directives.skip == "v2");
  f.ask("/live/1/master.m3u8", {{"other", "1"}});
  CHECK(f.cache.directives.msn == std::nullopt);
  CHECK(f.cache.directives.part == std::nullopt);
  CHECK(f.cache.directives.skip == std::nullopt);
}

TEST_CASE("hls::edge: answers with what the cache has, uncopied", "[net][hls]") {
  fixture f;
  f.cache_has("application/vnd.apple.mpegurl", "#EXTM3U\n", std::chrono::seconds(1));
  auto r = f.ask("/live/1/master.m3u8");
  CHECK(r.status == 200);
  CHECK(body(r) == "#EXTM3U\n");
  CHECK(r.body.front().data() == f.cache.next.body.front().data());
  CHECK(header(r, "Content-Type") == "application/vnd.apple.mpegurl");
  CHECK(header(r, "Cache-Control") == "public, max-age=1");
  CHECK(header(r, "Access-Control-Allow-Origin") == "*");
  f.cache_has("video/mp4", "part", std::chrono::seconds(0));
  r = f.ask("/live/1/source/1.0.m4s");
  CHECK(header(r, "Cache-Control") == "no-cache");
}

TEST_CASE("hls::edge: ranges are for media, not for playlists", "[net][hls]") {
  fixture f;
  f.cache_has("video/mp4", "0123456789", std::chrono::seconds(60));
  auto r = f.ask("/live/1/source/1.m4s", {}, {{"range", "bytes=3-6"}});
  CHECK(r.status == 206);
  CHECK(body(r) == "3456");
  CHECK(header(r, "Content-Range") == "bytes 3-6/10");
  f.cache_has("application/vnd.apple.mpegurl", "0123456789", std::chrono::seconds(1));
  CHECK(f.ask("/live/1/master.m3u8", {}, {{"range", "bytes=3-6"}}).status == 200);
}

TEST_CASE("hls::edge: a playlist is compressed once for all who take gzip", "[net][hls]") {
  fixture f;
  std::string text = "#EXTM3U\n";
  for (int i = 0; i < 100; ++i) {
    text += "#EXTINF:2.000000,\n" + std::to_string(i) + ".m4s\n";
  }
  const auto has = [&] {
    f.cache.next = {200,
                    "application/vnd.apple.mpegurl",
                    std::chrono::seconds(2),
                    {shared_bytes(bytes(text.begin(), text.end()))},
                    {}};
  };
  has();
  const std::string list = "/live/1/source/media.m3u8";
  for (const auto* codings : {"", "br", "gzip;q=0", "identity, br;q=1"}) {
    const auto r = f.ask(list, {}, {{"accept-encoding", codings}});
    CHECK(header(r, "Content-Encoding").empty());
    CHECK(header(r, "Vary") == "Accept-Encoding");
    CHECK(body(r) == text);
  }
  const auto compressed = [&] {
    const auto figures = f.m.text();
    const std::string name = "\ntroupe_hls_playlists_compressed_total ";
    return std::stoi(figures.substr(figures.find(name) + name.size()));
  };
  CHECK(compressed() == 0);
  for (int i = 0; i < 3; ++i) {
    const auto r = f.ask(list, {}, {{"accept-encoding", "gzip, deflate, br"}});
    CHECK(header(r, "Content-Encoding") == "gzip");
    CHECK(header(r, "Vary") == "Accept-Encoding");
    CHECK(body(r).size() < text.size() / 4);
    CHECK(gunzip(body(r)) == text);
  }
  CHECK(compressed() == 1);
  text += "#EXT-X-ENDLIST\n";
  has();
  CHECK(gunzip(body(f.ask(list, {}, {{"accept-encoding", "gzip"}}))) == text);
  CHECK(compressed() == 2);
  SECTION("not where it would be longer") {
    text = "#EXTM3U\n";
    has();
    const auto r = f.ask(list, {}, {{"accept-encoding", "gzip"}});
    CHECK(header(r, "Content-Encoding").empty());
    CHECK(body(r) == text);
  }
  SECTION("and media is left as it is") {
    f.cache_has("video/mp4", std::string(5000, 'x'), std::chrono::seconds(60));
    const auto r = f.ask("/live/1/source/1.m4s", {}, {{"accept-encoding", "gzip"}});
    CHECK(header(r, "Content-Encoding").empty());
    CHECK(header(r, "Vary").empty());
  }
}

TEST_CASE("hls::edge: what was compressed is forgotten in time", "[net][hls]") {
  metrics m;
  hls::gzipped_playlists gzipped(m);
  const std::string text(1000, 'x');
  const shared_bytes first{bytes(text.begin(), text.end())};
  const auto made = gzipped.of(first);
  CHECK(gzipped.of(first).data() == made.data());
  for (int i = 0; i < 512; ++i) {
    gzipped.of(shared_bytes(bytes(text.begin(), text.end())));
  }
  CHECK(gzipped.of(first).data() != made.data());
  CHECK(gunzip(std::string(as_text(made.view()))) == text);
}

TEST_CASE("hls::edge: failures are JSON, cacheable as the cache says", "[net][hls]") {
  fixture f;
  f.cache.next = {404, {}, std::chrono::seconds(1), {}, "no such segment"};
  auto r = f.ask("/live/1/source/9.m4s");
  CHECK(r.status == 404);
  CHECK(header(r, "Cache-Control") == "public, max-age=1");
  CHECK(header(r, "Access-Control-Allow-Origin") == "*");
  CHECK(body(r) == R"({"error":{"code":"not_found","message":"no such segment"}})");
  f.cache.next = {400, {}, std::chrono::seconds(0), {}, "_HLS_part without _HLS_msn"};
  r = f.ask("/live/1/source/media.m3u8", {{"_HLS_part", "1"}});
  CHECK(r.status == 400);
  CHECK(body(r).contains("_HLS_part without _HLS_msn"));
  f.cache.next = {503, {}, std::chrono::seconds(0), {}, "blocked too long"};
  r = f.ask("/live/1/source/media.m3u8");
  CHECK(r.status == 503);
  CHECK(header(r, "Retry-After") == "1");
  CHECK(header(r, "Cache-Control") == "no-cache");
  CHECK(f.m.text().contains("troupe_hls_unavailable_total 1"));
}

TEST_CASE("hls::edge: a wait ends later, on another thread", "[net][hls]") {
  fixture f;
  f.cache_has("video/mp4", "part", std::chrono::seconds(60));
  f.cache.waits = true;
  f.ask("/live/1/source/1.0.m4s", {}, {{"range", "bytes=0-1"}});
  CHECK_FALSE(f.answer.has_value());
  std::thread([&] { f.cache.waiting(f.cache.next); }).join();
  REQUIRE(f.answer.has_value());
  CHECK(body(*f.answer) == "pa");
}

TEST_CASE("hls::edge: what is no address of a stream never reaches the cache", "[net][hls]") {
  fixture f;
  for (const std::string path :
       {"/live/", "/live/1", "/live/1/", "/live/x/master.m3u8", "/live/-1/master.m3u8",
        "/live/0/master.m3u8", "/live/9007199254740993/master.m3u8", "/other/1/master.m3u8",
        "/live//master.m3u8"}) {
    INFO(path);
    const auto r = f.ask(path);
    CHECK(r.status == 404);
    CHECK(header(r, "Cache-Control") == "public, max-age=1");
  }
  CHECK(f.ask("/live/1/" + std::string(200, 'x')).status == 404);
  CHECK(f.cache.calls == 0);
}

TEST_CASE("hls::edge: answers preflights and refuses other methods", "[net][hls]") {
  fixture f;
  auto r = f.ask("/live/1/master.m3u8", {}, {{"origin", "https://other"}}, "OPTIONS");
  CHECK(r.status == 204);
  CHECK(header(r, "Access-Control-Allow-Methods") == "GET, HEAD, OPTIONS");
  r = f.ask("/live/1/master.m3u8", {}, {}, "POST");
  CHECK(r.status == 405);
  CHECK(header(r, "Allow") == "GET, HEAD, OPTIONS");
  CHECK(f.cache.calls == 0);
  f.ask("/live/1/master.m3u8", {}, {}, "HEAD");
  CHECK(f.cache.calls == 1);
}

TEST_CASE("hls::edge: ends waits a few times a second, by the clock it is given", "[net][hls]") {
  fixture f;
  manual_clock time;
  net::io_threads threads(1);
  f.edge.start_expiry(threads.at(0), time);
  CHECK(test::eventually([&] { return f.cache.expirations >= 2; }));
  CHECK(f.cache.expired_at == time.now().time_since_epoch().count());
  threads.stop(std::chrono::seconds(1));
}

TEST_CASE("hls::edge: one address cannot take every place to wait", "[net][hls]") {
  metrics m;

  struct keeping_cache final : media::cache_reader {
    void get(stream_id, std::string_view, const media::delivery_directives&, gone_check,
             done a) override {
      waiting.push_back(std::move(a));
    }

    void expire(steady_time) override {}

    std::vector<done> waiting;
  } cache;

  hls::edge edge(cache, m, 2);
  std::vector<int> answers;
  const auto ask = [&](const std::string& address, bool is_trusted = false) {
    http::request r;
    r.method = "GET";
    r.path = "/live/1/source/media.m3u8";
    r.remote_address = address;
    r.is_trusted = is_trusted;
    edge.answer(r, [&](const http::response& a) { answers.push_back(a.status); });
  };
  ask("192.0.2.1");
  ask("192.0.2.1");
  CHECK(answers.empty());
  ask("192.0.2.1");
  CHECK(answers == std::vector{429});
  ask("192.0.2.2");
  for (int i = 0; i < 5; ++i) {
    ask("127.0.0.1", true);
  }
  CHECK(cache.waiting.size() == 8);
  answers.clear();
  cache.waiting.front()({404, {}, std::chrono::seconds(1), {}, "gone"});
  cache.waiting.erase(cache.waiting.begin());
  CHECK(answers == std::vector{404});
  ask("192.0.2.1");
  CHECK(cache.waiting.size() == 8);  // its place was free again
}

namespace {

/// A stream of one part behind a real server, with room for one request that waits.
struct served_stream {
  served_stream() {
    const std::array<media::output, 3> outputs{
        media::playlist_started{}, media::segment_started{},
        media::part{.duration = std::chrono::milliseconds(334),
                    .data = shared_bytes(bytes{1, 2, 3})}};
    cache.publish(1, "source", outputs);
    net::http_options o;
    o.tcp.name = "http";
    o.tcp.address = "127.0.0.1";
    auto listening = net::http_server::listen(
        threads, o, m,
        [this](const http::request& r, http::responder a) { edge.answer(r, std::move(a)); });
    REQUIRE(listening.has_value());
    server = std::move(*listening);
  }

  bool says(const std::string& line) { return m.text().contains(line + "\n"); }

  metrics m;
  manual_clock time;  // stands still until it is moved
  media::segment_cache cache{{.max_waiting = 1}, time, m};
  net::io_threads threads{1};
  hls::edge edge{cache, m};
  std::unique_ptr<net::http_server> server;
};

const std::string waiting = "troupe_segment_cache_waiting_requests ";
const std::string for_the_next_part =
    "GET /live/1/source/media.m3u8?_HLS_msn=0&_HLS_part=1 HTTP/1.1\r\nHost: t\r\n\r\n";

}  // namespace

TEST_CASE("hls::edge: a playlist request that waits in vain gets 503 after three target durations",
          "[net][hls]") {
  served_stream s;
  s.edge.start_expiry(s.threads.at(0), s.time);
  test::client viewer(s.server->port());
  REQUIRE(viewer.send(for_the_next_part));
  REQUIRE(test::eventually([&] { return s.says(waiting + "1"); }));
  s.time.advance(std::chrono::seconds(3 * 4));
  s.cache.expire(s.time.now());
  CHECK(s.says(waiting + "1"));  // not before
  s.time.advance(std::chrono::milliseconds(1));
  const auto answer = viewer.read_response();
  CHECK(answer.status == 503);
  CHECK(answer.head.find("\r\nRetry-After: 1\r\n") != answer.head.npos);
  CHECK(answer.body.find(R"("code":"unavailable")") != answer.body.npos);
  CHECK(s.says("troupe_segment_cache_waits_expired_total 1"));
  CHECK(s.says("troupe_hls_unavailable_total 1"));
  REQUIRE(viewer.send("GET /live/1/master.m3u8 HTTP/1.1\r\nHost: t\r\n\r\n"));
  CHECK(viewer.read_response().status == 200);  // the connection goes on
}

TEST_CASE("hls::edge: a viewer that left gives its place to the next", "[net][hls]") {
  served_stream s;
  const auto says = [&s](const std::string& line) { return s.says(line); };
  const std::string abandoned = "troupe_segment_cache_waits_abandoned_total ";
  const auto& request = for_the_next_part;
  test::client viewer(s.server->port());
  REQUIRE(viewer.send(request));
  REQUIRE(test::eventually([&] { return says(waiting + "1"); }));
  s.cache.expire(s.time.now());
  CHECK(says(waiting + "1"));  // it is still there
  SECTION("it closed") {
    viewer.close();
  }
  SECTION("it was cut off") {
    viewer.vanish();
  }
  SECTION("it will send no more") {
    viewer.finish_sending();
  }
  CHECK(test::eventually([&] {
    s.cache.expire(s.time.now());
    return says(waiting + "0");
  }));
  CHECK(says(abandoned + "1"));
  CHECK(says("troupe_hls_unavailable_total 0"));
  test::client next(s.server->port());
  REQUIRE(next.send(request));
  CHECK(test::eventually([&] { return says(waiting + "1"); }));
}
