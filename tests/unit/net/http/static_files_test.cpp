// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/static_files.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include <catch2/catch.hpp>

using namespace troupe;
namespace fs = std::filesystem;

namespace {

struct folder {
  folder() {
    fs::create_directories(path / "assets");
    write("index.html", "<html>page</html>");
    write("index.html.br", "br page");
    write("favicon.ico", "icon");
    write("assets/app-1a2b.js", "script");
    write("assets/app-1a2b.js.br", "br script");
    write("assets/app-1a2b.js.gz", "gz script");
    write("assets/orphan.js.gz", "gz of nothing");
  }

  ~folder() { fs::remove_all(path); }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path / name, std::ios::binary) << content;
  }

  fs::path path = fs::temp_directory_path() / ("troupe-static-" + std::to_string(::getpid()));
};

http::request get(const std::string& path,
                  std::vector<std::pair<std::string, std::string>> headers = {}) {
  http::request r;
  r.method = "GET";
  r.path = path;
  r.headers = std::move(headers);
  return r;
}

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

const std::pair<std::string, std::string> browser{"accept",
                                                  "text/html,application/xhtml+xml,*/*;q=0.8"};

}  // namespace

TEST_CASE("static_files: serves files with type, caching and security headers",
          "[net][static_files]") {
  const folder disk;
  const auto page = *http::static_files::load(disk.path);
  CHECK(page.file_count() == 3);

  const auto index = page.answer(get("/"));
  CHECK(index.status == 200);
  CHECK(body(index) == "<html>page</html>");
  CHECK(header(index, "Content-Type") == "text/html; charset=utf-8");
  CHECK(header(index, "Cache-Control") == "no-cache");
  CHECK(header(index, "Content-Security-Policy").contains("default-src 'self'"));
  CHECK_FALSE(header(index, "Content-Security-Policy").contains("unsafe"));
  CHECK(header(index, "X-Content-Type-Options") == "nosniff");
  CHECK_FALSE(header(index, "Referrer-Policy").empty());
  CHECK_FALSE(header(index, "Permissions-Policy").empty());

  const auto script = page.answer(get("/assets/app-1a2b.js"));
  CHECK(header(script, "Content-Type") == "text/javascript; charset=utf-8");
  CHECK(header(script, "Cache-Control") == "public, max-age=31536000, immutable");
  CHECK(header(page.answer(get("/favicon.ico")), "Cache-Control") == "no-cache");
}

TEST_CASE("static_files: picks the encoding the client accepts", "[net][static_files]") {
  const folder disk;
  const auto page = *http::static_files::load(disk.path);
  const auto with = [&](const std::string& codings) {
    const auto r = page.answer(get("/assets/app-1a2b.js", {{"accept-encoding", codings}}));
    CHECK(header(r, "Vary") == "Accept-Encoding");
    CHECK(header(r, "Content-Encoding").empty() == (body(r) == "script"));
    return body(r);
  };
  CHECK(with("gzip, deflate, br") == "br script");
  CHECK(with("GZIP") == "gz script");
  CHECK(with("br;q=0, gzip;q=0.5") == "gz script");
  CHECK(with("br; q=0.0,gzip;q=0") == "script");
  CHECK(with("") == "script");
  CHECK(with("brotli, xgzip, ;;q,,") == "script");
  CHECK(page.answer(get("/assets/app-1a2b.js.br")).status == 404);
  CHECK(page.answer(get("/assets/orphan.js")).status == 404);
}

TEST_CASE("static_files: a known ETag needs no body", "[net][static_files]") {
  const folder disk;
  const auto page = *http::static_files::load(disk.path);
  const auto etag = header(page.answer(get("/")), "ETag");
  const auto brotli = page.answer(get("/", {{"accept-encoding", "br"}}));
  CHECK(header(brotli, "ETag") != etag);
  for (const auto& list : {etag, "W/" + etag, "\"other\", " + etag, std::string("*")}) {
    const auto r = page.answer(get("/", {{"if-none-match", list}}));
    CHECK(r.status == 304);
    CHECK(r.body.empty());
    CHECK(header(r, "ETag") == etag);
  }
  CHECK(page.answer(get("/", {{"if-none-match", "\"other\""}})).status == 200);
  disk.write("index.html", "<html>new</html>");
  CHECK(header(http::static_files::load(disk.path)->answer(get("/")), "ETag") != etag);
}

TEST_CASE("static_files: navigations get the page, everything else 404", "[net][static_files]") {
  const folder disk;
  const auto page = *http::static_files::load(disk.path);
  CHECK(body(page.answer(get("/watch/someone", {browser}))) == "<html>page</html>");
  CHECK(page.answer(get("/watch/someone", {{"accept", "*/*"}})).status == 404);
  for (const auto* path : {"/api", "/api/v1/x", "/live/1/master.m3u8", "/assets/gone.js"}) {
    INFO(path);
    const auto r = page.answer(get(path, {browser}));
    CHECK(r.status == 404);
    CHECK(body(r).contains("\"code\":\"not_found\""));
  }
  CHECK(page.answer(get("/apiary", {browser})).status == 200);
  CHECK(page.answer(get("/live", {browser})).status == 200);  // a route of the page's
  auto post = get("/");
  post.method = "POST";
  CHECK(page.answer(post).status == 405);
  CHECK(header(page.answer(post), "Allow") == "GET, HEAD");
}

TEST_CASE("static_files: says so when no page is built", "[net][static_files]") {
  const auto none = *http::static_files::load("/nonexistent/dist");
  const auto r = none.answer(get("/", {browser}));
  CHECK(r.status == 503);
  CHECK(header(r, "Content-Type") == "text/html; charset=utf-8");
  CHECK(body(r).contains("not built"));
  CHECK(none.answer(get("/assets/x.js")).status == 404);
}

TEST_CASE("static_files: bounds what it reads and follows no links", "[net][static_files]") {
  const folder disk;
  const auto too_many = http::static_files::load(disk.path, {.files = 6});
  REQUIRE_FALSE(too_many);
  CHECK(too_many.error().code == errc::too_large);
  CHECK_FALSE(http::static_files::load(disk.path, {.bytes = 20}));
  fs::create_symlink("/etc/passwd", disk.path / "passwd");
  CHECK(http::static_files::load(disk.path)->answer(get("/passwd")).status == 404);
}
