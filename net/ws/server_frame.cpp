// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/server_frame.hpp"

#include <spdlog/fmt/fmt.h>

#include "actors/chat/wire.hpp"
#include "net/ws/frame.hpp"

namespace troupe::ws {
namespace {

constexpr std::string_view unclear =
    "no answer in time; send it again with the same nonce to learn what became of it";

std::string quoted(std::string_view text) {
  std::string out;
  chat::append_quoted(out, text);
  return out;
}

std::string user_json(const chat::speaker& who, chat::role role) {
  return fmt::format(R"({{"user_id":{},"username":{},"role":"{}"}})", who.user,
                     quoted(who.username), chat::to_string(role));
}

std::string mode_fields(const chat::mode& m) {
  const auto age =
      m.followers_only_min_age_s ? fmt::to_string(*m.followers_only_min_age_s) : "null";
  return fmt::format(R"({{"slow_mode_s":{},"followers_only_min_age_s":{}}})", m.slow_s, age);
}

std::string stream_fields(const std::optional<chat::stream_notice>& s) {
  return s ? fmt::format(R"({{"stream_id":{},"status":{},"title":{}}})", s->stream,
                         quoted(s->status), quoted(s->title))
           : "null";
}

/// ,"refusal":…; nothing while it is not known.
std::string refusal_field(const std::optional<chat::permission>& may) {
  if (!may) {
    return {};
  }
  if (!may->refusal) {
    return R"(,"refusal":null)";
  }
  const auto& why = *may->refusal;
  const auto until =
      why.until_ms ? fmt::format(R"("{}")", chat::time_text(*why.until_ms)) : std::string("null");
  const auto reason = why.reason.empty() ? std::string() : R"(,"reason":)" + quoted(why.reason);
  return fmt::format(R"(,"refusal":{{"code":{},"until":{}{}}})", quoted(why.code), until, reason);
}

/// Of the room's own verdicts the reason is the code; the runtime's are not the client's business.
std::string_view code_of(const error& why) {
  switch (why.code) {
    case errc::unavailable:
    case errc::deadline_exceeded:
    case errc::internal:
    case errc::unsupported:
    case errc::data_corrupt:
      return "unavailable";
    default:
      return why.reason == "session_lost" ? "unavailable" : std::string_view(why.reason);
  }
}

}  // namespace

std::vector<shared_bytes> welcome_frame(const viewer::opened& o, std::string_view resume,
                                        const chat::speaker& who) {
  const auto& j = o.joined;
  std::string head = R"({"type":"welcome","session":)" + quoted(o.session);
  head += R"(,"resume":)" + quoted(resume);
  head += fmt::format(R"(,"seq":{},"history":[)", j.last_seq);
  std::string tail = R"(],"user":)";
  tail += who.user == 0 ? "null" : user_json(who, o.role.value_or(chat::role::user));
  tail +=
      fmt::format(R"(,"channel":{{"user_id":{},"username":{}}})", j.owner, quoted(j.owner_name));
  tail += R"(,"mode":)" + mode_fields(j.mode);
  tail += R"(,"role":)";
  tail += o.role ? fmt::format(R"("{}")", chat::to_string(*o.role)) : "null";
  tail += refusal_field(o.permission);
  tail += R"(,"stream":)" + stream_fields(j.stream);
  tail += fmt::format(R"(,"viewers":{}}})", j.viewers);
  bytes start;
  append_header(start, opcode::text, head.size() + j.history.size() + tail.size());
  start.insert(start.end(), head.begin(), head.end());
  return {shared_bytes(std::move(start)), j.history, shared_bytes(bytes(tail.begin(), tail.end()))};
}

std::string authenticated_json(const viewer::person& who, const viewer::authenticated& as) {
  return fmt::format(R"({{"type":"auth","user":{},"expires_at":"{}"{}}})",
                     user_json(who.who, as.role), chat::time_text(who.expires_ms),
                     refusal_field(as.permission));
}

std::string ack_json(std::string_view nonce, const chat::posted& said) {
  if (said.is_held) {
    return fmt::format(R"({{"type":"ack","nonce":{},"status":"held"}})", quoted(nonce));
  }
  return fmt::format(R"({{"type":"ack","nonce":{},"message_id":{},"seq":{}}})", quoted(nonce),
                     said.message_id, said.seq);
}

std::string pending_json(std::string_view nonce) {
  return fmt::format(R"({{"type":"pending","nonce":{}}})", quoted(nonce));
}

std::string error_json(std::string_view nonce, std::string_view code, std::string_view message,
                       std::int64_t retry_after_ms) {
  std::string out = R"({"type":"error")";
  if (!nonce.empty()) {
    out += R"(,"nonce":)" + quoted(nonce);
  }
  out += fmt::format(R"(,"code":{},"message":{})", quoted(code), quoted(message));
  if (retry_after_ms > 0) {
    out += fmt::format(R"(,"retry_after_ms":{})", retry_after_ms);
  }
  out += '}';
  return out;
}

std::string refusal_json(std::string_view nonce, const error& why) {
  const auto code = code_of(why);
  const bool is_ours = code == "unavailable" && why.reason != "unavailable";
  return error_json(nonce, code, is_ours ? unclear : std::string_view(why.message),
                    why.retry_after.count());
}

std::string resume_json(std::string_view resume) {
  return fmt::format(R"({{"type":"resume","resume":{}}})", quoted(resume));
}

std::string reconnect_json(std::string_view resume, std::int64_t after_ms) {
  return fmt::format(R"({{"type":"reconnect","resume":{},"after_ms":{}}})", quoted(resume),
                     after_ms);
}

}  // namespace troupe::ws
