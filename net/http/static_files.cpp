// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/static_files.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "net/http/reply.hpp"
#include "net/http/text.hpp"

namespace troupe::http {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view index_path = "/index.html";
constexpr std::string_view assets_prefix = "/assets/";  // Vite puts a hash into each name there

constexpr std::string_view no_page =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Troupe</title>"
    "<h1>Troupe is running, but its web page is not built</h1>"
    "<p>Build it with <code>scripts/run</code>, or with <code>npm ci &amp;&amp; npm run "
    "build</code> "
    "in <code>web/</code>, and start Troupe again. Streams and the API work without "
    "it.</p></html>\n";

constexpr std::array<std::pair<std::string_view, std::string_view>, 17> types{{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".webp", "image/webp"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".wasm", "application/wasm"},
    {".txt", "text/plain; charset=utf-8"},
    {".mp4", "video/mp4"},
    {".xml", "application/xml"},
}};

std::string_view type_of(std::string_view path) {
  const auto dot = std::min(path.rfind('.'), path.size());
  const auto* found =
      std::ranges::find(types, path.substr(dot), [](const auto& t) { return t.first; });
  return found == types.end() ? "application/octet-stream" : found->second;
}

void add_security_headers(response& r) {
  // Everything comes from here; media through blob: (hls.js feeds a MediaSource). 'self' covers the
  // chat's WebSocket too (CSP 3, 6.7.2.8): "ws:" would let a script talk to any host.
  r.headers.emplace_back(
      "Content-Security-Policy",
      "default-src 'self'; script-src 'self'; style-src 'self'; media-src 'self' blob:; "
      "connect-src 'self'; img-src 'self' data:; worker-src 'self' blob:; "
      "frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'self'");
  r.headers.emplace_back("X-Content-Type-Options", "nosniff");
  r.headers.emplace_back("Referrer-Policy", "same-origin");
  r.headers.emplace_back("Permissions-Policy",
                         "camera=(), microphone=(), geolocation=(), payment=(), usb=()");
  r.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
}

/// FNV-1a, 64 bits: tells two builds of a file apart; it protects nothing.
std::string make_etag(byte_view content, std::string_view encoding) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const auto octet : content) {
    hash = (hash ^ octet) * 0x100000001b3;
  }
  return fmt::format("\"{:016x}-{}\"", hash, encoding);
}

/// If-None-Match: "*", or a list of tags that may be weak.
bool matches_etag(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    auto tag = trimmed(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (tag.starts_with("W/")) {
      tag.remove_prefix(2);
    }
    if (tag == "*" || tag == etag) {
      return true;
    }
  }
  return false;
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

bool is_navigation(const request& r) {
  // "/live" itself is the page's; what lies below it are streams.
  if (is_below(r.path, "/api") || r.path.starts_with("/live/") || is_below(r.path, "/assets")) {
    return false;
  }
  return r.path == "/" || r.header("accept").value_or("").contains("text/html");
}

result<bytes> read_file(const fs::path& path, std::size_t limit) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return fail(errc::unavailable, "cannot read " + path.string());
  }
  bytes content;
  std::array<char, 64 * 1024> block{};
  while (in) {
    in.read(block.data(), block.size());
    const auto got = as_bytes({block.data(), static_cast<std::size_t>(in.gcount())});
    content.insert(content.end(), got.begin(), got.end());
    if (content.size() > limit) {
      return fail(errc::too_large, "the files of the page are too large, at " + path.string());
    }
  }
  if (!in.eof()) {
    return fail(errc::unavailable, "cannot read " + path.string());
  }
  return content;
}

}  // namespace

result<static_files> static_files::load(const fs::path& folder, static_limits limits) {
  static_files page;
  std::error_code problem;
  if (!fs::is_regular_file(folder / "index.html", problem)) {
    return page;
  }
  std::size_t left = limits.bytes;
  std::size_t count = 0;
  for (auto i = fs::recursive_directory_iterator(folder, problem);
       !problem && i != fs::recursive_directory_iterator(); i.increment(problem)) {
    if (i->is_symlink(problem) || !i->is_regular_file(problem)) {
      continue;
    }
    if (++count > limits.files) {
      return fail(errc::too_large,
                  fmt::format("{} holds more than {} files", folder.string(), limits.files));
    }
    auto content = read_file(i->path(), left);
    if (!content) {
      return fail(content.error());
    }
    left -= content->size();
    std::string path = "/" + i->path().lexically_relative(folder).generic_string();
    auto kind = &file::plain;
    std::string_view coding = "id";
    if (path.ends_with(".br") || path.ends_with(".gz")) {
      kind = path.ends_with(".br") ? &file::brotli : &file::gzip;
      coding = path.ends_with(".br") ? "br" : "gz";
      path.resize(path.size() - 3);
    }
    auto& entry = page.files_[path];
    entry.content_type = type_of(path);
    entry.is_immutable = path.starts_with(assets_prefix);
    auto etag = make_etag(*content, coding);
    entry.*kind = {shared_bytes(*std::move(content)), std::move(etag)};
  }
  if (problem) {
    return fail(errc::unavailable,
                fmt::format("cannot read {}: {}", folder.string(), problem.message()));
  }
  // A compressed file without its plain one is no variant of anything.
  std::erase_if(page.files_, [](const auto& entry) { return entry.second.plain.etag.empty(); });
  return page;
}

const static_files::file* static_files::find(const request& r) const {
  auto found = files_.find(r.path);
  if (found == files_.end() && is_navigation(r)) {
    found = files_.find(index_path);
  }
  return found == files_.end() ? nullptr : &found->second;
}

response static_files::make_response(const file& f, const request& r) {
  const auto codings = r.header("accept-encoding").value_or("");
  const auto* chosen = &f.plain;
  response out;
  if (!f.brotli.content.empty() && accepts_coding(codings, "br")) {
    chosen = &f.brotli;
    out.headers.emplace_back("Content-Encoding", "br");
  } else if (!f.gzip.content.empty() && accepts_coding(codings, "gzip")) {
    chosen = &f.gzip;
    out.headers.emplace_back("Content-Encoding", "gzip");
  }
  out.headers.emplace_back("Content-Type", f.content_type);
  out.headers.emplace_back("ETag", chosen->etag);
  out.headers.emplace_back("Vary", "Accept-Encoding");
  out.headers.emplace_back("Cache-Control",
                           f.is_immutable ? "public, max-age=31536000, immutable" : "no-cache");
  add_security_headers(out);
  if (matches_etag(r.header("if-none-match").value_or(""), chosen->etag)) {
    out.status = 304;
  } else {
    out.body = {chosen->content};
  }
  return out;
}

response static_files::answer(const request& r) const {
  if (r.method != "GET" && r.method != "HEAD") {
    auto out = error_response(405, "method_not_allowed", "the page is read with GET");
    out.headers.emplace_back("Allow", "GET, HEAD");
    return out;
  }
  if (const auto* f = find(r)) {
    return make_response(*f, r);
  }
  response out;
  if (files_.empty() && is_navigation(r)) {
    out = text_response(503, "text/html; charset=utf-8", std::string(no_page));
  } else {
    out = error_response(make_error(errc::not_found, "there is nothing at this address"));
  }
  out.headers.emplace_back("Cache-Control", "no-store");
  add_security_headers(out);
  return out;
}

}  // namespace troupe::http
