// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/hls/edge.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "net/http/byte_range.hpp"
#include "net/http/rate_limiter.hpp"
#include "net/http/reply.hpp"
#include "net/http/text.hpp"

namespace troupe::hls {
namespace {

constexpr std::string_view prefix = "/live/";
constexpr auto expiry_period = std::chrono::milliseconds(250);
constexpr std::string_view playlist_type = "application/vnd.apple.mpegurl";
constexpr std::size_t longest_file = 128;  // of ours: "source/1234567890.12.m4s" and the like

struct place {
  stream_id stream;
  std::string_view file;
};

std::optional<place> find_place(std::string_view path) {
  if (!path.starts_with(prefix)) {
    return std::nullopt;
  }
  path.remove_prefix(prefix.size());
  const auto slash = path.find('/');
  const auto stream = parse_id(path.substr(0, slash));
  if (!stream || slash == path.npos) {
    return std::nullopt;
  }
  const auto file = path.substr(slash + 1);
  return file.empty() || file.size() > longest_file ? std::nullopt
                                                    : std::optional(place{*stream, file});
}

std::optional<std::string> directive(const http::request& r, std::string_view name) {
  const auto value = r.query_value(name);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

// Players on other sites may play what anyone may watch: no cookie is ever looked at here.
void allow_other_origins(http::response& r) {
  r.headers.emplace_back("Access-Control-Allow-Origin", "*");
  r.headers.emplace_back("Access-Control-Expose-Headers", "Content-Length, Content-Range, Date");
  r.headers.emplace_back("Cross-Origin-Resource-Policy", "cross-origin");
  r.headers.emplace_back("X-Content-Type-Options", "nosniff");
}

void set_cache_control(http::response& r, std::chrono::seconds max_age) {
  r.headers.emplace_back("Cache-Control", max_age.count() > 0
                                              ? fmt::format("public, max-age={}", max_age.count())
                                              : "no-cache");
}

error error_of(const media::cached_answer& answer) {
  switch (answer.status) {
    case 400:
      return make_error(errc::invalid_argument, std::string(answer.message));
    case 404:
      return make_error(errc::not_found, std::string(answer.message));
    default:
      return make_error(errc::unavailable, std::string(answer.message));
  }
}

http::response failure(const error& e, std::chrono::seconds max_age) {
  auto r = http::error_response(e, std::chrono::seconds(1));  // about three parts later
  set_cache_control(r, max_age);
  allow_other_origins(r);
  return r;
}

/// What a request says of the answer it wants.
struct wishes {
  std::optional<std::string> range;
  bool takes_gzip = false;
};

void put_playlist(http::response& r, const media::cached_answer& answer, bool takes_gzip,
                  gzipped_playlists& gzipped) {
  r.headers.emplace_back("Vary", "Accept-Encoding");
  if (takes_gzip && answer.body.size() == 1) {
    if (auto shorter = gzipped.of(answer.body[0]); !shorter.empty()) {
      r.headers.emplace_back("Content-Encoding", "gzip");
      r.body = {std::move(shorter)};
      return;
    }
  }
  r.body = answer.body;
}

http::response success(media::cached_answer answer, const wishes& wanted,
                       gzipped_playlists& gzipped) {
  http::response r;
  r.headers.emplace_back("Content-Type", std::string(answer.content_type));
  set_cache_control(r, answer.max_age);
  allow_other_origins(r);
  if (answer.content_type == playlist_type) {
    put_playlist(r, answer, wanted.takes_gzip, gzipped);
    return r;
  }
  r.body = std::move(answer.body);
  r.headers.emplace_back("Accept-Ranges", "bytes");
  if (wanted.range) {
    http::apply_range(r, *wanted.range);
  }
  return r;
}

http::response preflight_response() {
  http::response r;
  r.status = 204;
  r.headers = {{"Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"},
               {"Access-Control-Allow-Headers", "Range"},
               {"Access-Control-Max-Age", "86400"}};
  allow_other_origins(r);
  return r;
}

http::response wrong_method_response() {
  auto r = http::error_response(405, "method_not_allowed", "streams are read with GET");
  r.headers.emplace_back("Allow", "GET, HEAD, OPTIONS");
  allow_other_origins(r);
  return r;
}

}  // namespace

/// How many requests of each address wait. An entry lives as long as one does. Thread: any.
class address_waits : public std::enable_shared_from_this<address_waits> {
 public:
  explicit address_waits(std::size_t most) : most_(most) {}

  /// One request's place, given back when it is destroyed.
  class place {
   public:
    place() = default;

    place(std::shared_ptr<address_waits> of, std::uint64_t key) : of_(std::move(of)), key_(key) {}

    place(place&&) noexcept = default;

    place& operator=(place&&) = delete;

    ~place() {
      if (of_) {
        of_->give_back(key_);
      }
    }

   private:
    std::shared_ptr<address_waits> of_;
    std::uint64_t key_ = 0;
  };

  /// Nothing: there are too many.
  std::optional<place> take(const http::request& r) {
    if (most_ == 0 || r.is_trusted) {
      return place();
    }
    const auto key = address_key(r.remote_address);
    const std::lock_guard lock(mutex_);
    auto& count = counts_[key];
    if (count >= most_) {
      return std::nullopt;
    }
    ++count;
    return place(shared_from_this(), key);
  }

 private:
  void give_back(std::uint64_t key) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(key);
    if (--found->second == 0) {
      counts_.erase(found);
    }
  }

  const std::size_t most_;
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::size_t> counts_;  // of what waits now
};

edge::edge(media::cache_reader& cache, metrics& m, std::size_t waits_per_address,
           presence::presence* viewers)
    : cache_(cache),
      viewers_(viewers),
      unavailable_(m.make_counter("troupe_hls_unavailable_total",
                                  "Requests for a live stream answered 503: waited in vain, or too "
                                  "many waited")),
      over_limit_(m.make_counter("troupe_hls_waits_refused_total",
                                 "Requests refused because too many of their address waited")),
      waits_(std::make_shared<address_waits>(waits_per_address)),
      gzipped_(m) {}

/// Who fetches a media playlist or media; nothing for the master alone, which robots read too.
std::optional<presence::player> edge::player_of(const http::request& r,
                                                std::string_view file) const {
  if (viewers_ == nullptr || file.find('/') == file.npos) {
    return std::nullopt;
  }
  auto by = viewers_->identify(r.remote_address, r.header("user-agent").value_or(""),
                               r.header("x-playback-session-id").value_or(""));
  by.is_trusted = r.is_trusted;
  return by;
}

void edge::answer(const http::request& request, http::responder respond) {
  if (request.method == "OPTIONS") {
    respond(preflight_response());
    return;
  }
  if (request.method != "GET" && request.method != "HEAD") {
    respond(wrong_method_response());
    return;
  }
  const auto where = find_place(request.path);
  if (!where) {
    respond(failure(make_error(errc::not_found, "there is no such stream or file"),
                    std::chrono::seconds(1)));
    return;
  }
  auto waiting = waits_->take(request);
  if (!waiting) {
    over_limit_.add();
    respond(failure(make_error(errc::rate_limited, "too many requests of this address wait"), {}));
    return;
  }
  const media::delivery_directives directives{directive(request, "_HLS_msn"),
                                              directive(request, "_HLS_part"),
                                              directive(request, "_HLS_skip")};
  wishes wanted;
  if (const auto range = request.header("range")) {
    wanted.range.emplace(*range);
  }
  wanted.takes_gzip = http::accepts_coding(request.header("accept-encoding").value_or(""), "gzip");
  media::cache_reader::gone_check is_gone;
  if (request.peer_left) {
    is_gone = [left = request.peer_left] { return left->load(); };
  }
  cache_.get(where->stream, where->file, directives, std::move(is_gone),
             [respond = std::move(respond), wanted = std::move(wanted), &gzipped = gzipped_,
              place = *std::move(waiting), left = request.peer_left, &unavailable = unavailable_,
              viewers = viewers_, stream = where->stream,
              by = player_of(request, where->file)](media::cached_answer answer) mutable {
               if (answer.status == 200) {
                 if (by) {
                   viewers->played(stream, *by);
                 }
                 respond(success(std::move(answer), wanted, gzipped));
                 return;
               }
               if (answer.status == 503 && !(left && left->load())) {
                 unavailable.add();
               }
               respond(failure(error_of(answer), answer.max_age));
             });
}

void edge::start_expiry(net::io_thread& thread, const clock& time) {
  expiry_ = thread.call_every(expiry_period, [this, &time] { cache_.expire(time.now()); });
}

}  // namespace troupe::hls
