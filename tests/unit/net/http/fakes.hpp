// SPDX-License-Identifier: GPL-3.0-or-later
// The facades behind the HTTP API, in memory. They call back at once, or, when told to hold, on
// release(): a test decides when and on which thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "actors/account/accounts.hpp"
#include "actors/stream/streams.hpp"

namespace troupe::http::testing {

/// Calls back now or later; fails every call with one error when told to.
class fake_backend {
 public:
  bool is_holding = false;
  std::optional<error> failure;
  int calls = 0;

  void release() {
    for (auto& each : std::exchange(held_, {})) {
      each();
    }
  }

  /// Callbacks that never come.
  void forget() { held_.clear(); }

 protected:
  template <class T>
  void answer(callback<T> done, result<T> outcome) {
    ++calls;
    if (failure) {
      outcome = std::unexpected(*failure);
    }
    auto act = [done = std::move(done), outcome = std::move(outcome)]() mutable {
      done(std::move(outcome));
    };
    if (is_holding) {
      held_.emplace_back(std::move(act));
    } else {
      act();
    }
  }

 private:
  std::vector<std::move_only_function<void()>> held_;
};

/// Access tokens are "user-ID" and "admin-ID". The user 7 is "aya", with the password "right".
class fake_accounts final : public account::accounts, public fake_backend {
 public:
  std::string key = "key-1";
  std::string refresh_token = "refresh-1";
  std::optional<account::new_user> registered;
  account::proof last_proof;
  bool has_ended_all = false;
  wall_time expires_at = from_unix_ms(1'768'475'000'000);

  void register_user(account::new_user wanted, callback<account::user> done) override {
    registered = wanted;
    if (wanted.username == "aya") {
      return answer<account::user>(std::move(done),
                                   fail(errc::conflict, "username_taken", "taken"));
    }
    answer<account::user>(std::move(done), user_of(8, wanted.username));
  }

  void log_in(std::string username, account::proof shown,
              callback<account::token_pair> done) override {
    last_proof = shown;
    if (username != "aya" || shown.password != "right") {
      return answer<account::token_pair>(
          std::move(done), fail(errc::unauthenticated, "invalid_credentials", "wrong"));
    }
    answer<account::token_pair>(std::move(done), tokens());
  }

  void refresh(std::string token, callback<account::token_pair> done) override {
    if (token != refresh_token) {
      return answer<account::token_pair>(std::move(done),
                                         fail(errc::unauthenticated, "invalid_grant", "used"));
    }
    refresh_token = "refresh-" + std::to_string(++renewals_);
    answer<account::token_pair>(std::move(done), tokens());
  }

  void log_out(std::string token, callback<void> done) override {
    if (token != refresh_token) {
      return answer<void>(std::move(done), fail(errc::unauthenticated, "invalid_grant", "unknown"));
    }
    refresh_token = "nothing";
    answer<void>(std::move(done), {});
  }

  void identify(std::string token, callback<account::identity> done) override {
    if (token != refresh_token) {
      return answer<account::identity>(std::move(done),
                                       fail(errc::unauthenticated, "invalid_grant", "unknown"));
    }
    answer<account::identity>(
        std::move(done),
        account::identity{
            .id = 7, .username = "aya", .is_administrator = false, .expires_at = expires_at});
  }

  result<account::identity> verify(std::string_view token) const override {
    if (token == "throw") {
      throw std::runtime_error("verify");
    }
    const auto dash = token.find('-');
    const auto id = parse_id(dash == std::string_view::npos ? "" : token.substr(dash + 1));
    if (!id || (!token.starts_with("user-") && !token.starts_with("admin-"))) {
      return fail(errc::unauthenticated, "invalid_token", "not a token of ours");
    }
    return account::identity{.id = *id,
                             .username = "aya",
                             .is_administrator = token.starts_with("admin-"),
                             .expires_at = expires_at};
  }

  bool has_ended(const account::identity&) const override { return has_ended_all; }

  void find(user_id id, callback<account::user> done) override {
    answer<account::user>(std::move(done), user_of(id, "aya"));
  }

  void stream_key(user_id, callback<std::string> done) override {
    answer<std::string>(std::move(done), key);
  }

  void rotate_stream_key(user_id, callback<std::string> done) override {
    key = "key-" + std::to_string(++rotations_);
    answer<std::string>(std::move(done), key);
  }

  void owner_of_key(std::string, callback<account::user> done) override {
    answer<account::user>(std::move(done), user_of(7, "aya"));
  }

 private:
  static account::user user_of(user_id id, std::string name) {
    return {.id = id,
            .username = std::move(name),
            .email = "aya@example.org",
            .is_administrator = false,
            .created_at = from_unix_ms(1'768'471'200'000)};
  }

  account::token_pair tokens() const {
    return {.access_token = "user-7",
            .refresh_token = refresh_token,
            .expires_in = std::chrono::minutes(15)};
  }

  int renewals_ = 1;
  int rotations_ = 1;
};

/// The stream 42 is the user 7's.
class fake_streams : public stream::streams, public fake_backend {
 public:
  std::map<stream_id, stream::info> all = {{42, make(42, 7)}};
  std::optional<stream::list_request> listed;
  stream::health health{.status = stream::status::live,
                        .video_codec = "avc1.64001f",
                        .audio_codec = {},
                        .width = 1280,
                        .height = 720,
                        .frame_rate = 29.97,
                        .video_bitrate_bps = 2'500'000,
                        .audio_bitrate_bps = 0,
                        .key_frame_interval_s = 8,
                        .dropped_frames = 3,
                        .warnings = {{"key_frames_far_apart", "set 2 s in OBS"}}};

  static stream::info make(stream_id id, user_id owner) {
    return {.id = id,
            .owner = owner,
            .username = "aya",
            .title = "Building a keyboard",
            .game_id = std::nullopt,
            .status = stream::status::live,
            .viewer_count = 12,
            .peak_viewers = 15,
            .mean_viewers = 9,
            .created_at = from_unix_ms(1'768'471'200'003),
            .started_at = from_unix_ms(1'768'471'201'123),
            .ended_at = std::nullopt};
  }

  void start(const account::identity& who, std::optional<std::string> title,
             std::optional<std::int64_t> game_id, callback<stream::info> done) override {
    auto& mine = all.try_emplace(40 + who.id - 5, make(40 + who.id - 5, who.id)).first->second;
    mine.title = title.value_or(mine.title);
    mine.game_id = game_id ? game_id : mine.game_id;
    answer<stream::info>(std::move(done), mine);
  }

  void end(const account::identity& who, stream_id id, callback<stream::info> done) override {
    auto found = look_up(id);
    if (found && found->owner != who.id && !who.is_administrator) {
      found = fail(errc::forbidden, "the stream is another user's");
    }
    if (found) {
      found->status = stream::status::ended;
      found->ended_at = from_unix_ms(1'768'475'000'000);
    }
    answer<stream::info>(std::move(done), std::move(found));
  }

  void find(stream_id id, callback<stream::info> done) override {
    answer<stream::info>(std::move(done), look_up(id));
  }

  void find_current(user_id owner, callback<stream::info> done) override {
    for (const auto& [id, each] : all) {
      if (each.owner == owner) {
        return answer<stream::info>(std::move(done), each);
      }
    }
    answer<stream::info>(std::move(done), fail(errc::not_found, "no unfinished stream"));
  }

  void list(stream::list_request request, callback<page<stream::info>> done) override {
    listed = request;
    page<stream::info> found;
    for (const auto& [id, each] : all) {
      found.items.push_back(each);
    }
    found.next = request.cursor ? std::nullopt : std::optional<std::string>("after-42");
    answer<page<stream::info>>(std::move(done), std::move(found));
  }

  void health_of(const account::identity& who, stream_id id,
                 callback<stream::health> done) override {
    const auto found = look_up(id);
    if (!found) {
      return answer<stream::health>(std::move(done), std::unexpected(found.error()));
    }
    if (found->owner != who.id && !who.is_administrator) {
      return answer<stream::health>(std::move(done), fail(errc::forbidden, "not yours"));
    }
    answer<stream::health>(std::move(done), health);
  }

 private:
  result<stream::info> look_up(stream_id id) const {
    const auto found = all.find(id);
    if (found == all.end()) {
      return fail(errc::not_found, "no stream " + std::to_string(id));
    }
    return found->second;
  }
};

}  // namespace troupe::http::testing
