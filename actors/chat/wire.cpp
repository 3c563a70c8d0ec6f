// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/wire.hpp"

#include <array>
#include <charconv>

#include "base/clock.hpp"

namespace troupe::chat {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::size_t usual_frame = 320;                  // a message of 90 characters and its keys

void append_number(std::string& out, std::int64_t value) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_number_or_null(std::string& out, std::optional<std::int64_t> value) {
  if (value) {
    append_number(out, *value);
  } else {
    out += "null";
  }
}

unsigned char byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

/// The length of the UTF-8 sequence at the start of text, which begins with a byte above 0x7F; 0
/// when there is none (RFC 3629 section 4).
std::size_t sequence_length(std::string_view text) {
  const auto first = byte_at(text, 0);
  const auto second = byte_at(text, 1);
  const auto continues = [&](std::size_t at) { return (byte_at(text, at) & 0xC0U) == 0x80; };
  if (first >= 0xC2 && first <= 0xDF) {
    return continues(1) ? 2 : 0;
  }
  if (first >= 0xE0 && first <= 0xEF) {
    const bool is_overlong = first == 0xE0 && second < 0xA0;
    const bool is_surrogate = first == 0xED && second > 0x9F;
    return !is_overlong && !is_surrogate && continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool is_overlong = first == 0xF0 && second < 0x90;
    const bool is_beyond = first == 0xF4 && second > 0x8F;
    return !is_overlong && !is_beyond && continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

bool is_plain(unsigned char c) {
  return c >= 0x20 && c != '"' && c != '\\' && c < 0x80;
}

/// Two characters where JSON has them, else \u00XX.
void append_escape(std::string& out, unsigned char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '\\';
  switch (c) {
    case '"':
    case '\\':
      out += static_cast<char>(c);
      return;
    case '\b':
      out += 'b';
      return;
    case '\f':
      out += 'f';
      return;
    case '\n':
      out += 'n';
      return;
    case '\r':
      out += 'r';
      return;
    case '\t':
      out += 't';
      return;
    default:
      out += "u00";
      out += hex[c >> 4U];
      out += hex[c & 0xFU];
  }
}

/// {"type":"…","seq":N
void begin(std::string& out, std::string_view type, std::int64_t seq) {
  out += R"({"type":")";
  out += type;
  out += R"(","seq":)";
  append_number(out, seq);
}

void append_user(std::string& out, user_id user, std::string_view username) {
  out += R"("user_id":)";
  append_number(out, user);
  out += R"(,"username":)";
  append_quoted(out, username);
}

void append_role(std::string& out, role r) {
  out += R"(,"role":")";
  out += to_string(r);
  out += '"';
}

void append_mode(std::string& out, const mode& m) {
  out += R"("slow_mode_s":)";
  append_number(out, m.slow_s);
  out += R"(,"followers_only_min_age_s":)";
  append_number_or_null(out, m.followers_only_min_age_s);
}

void append_quote(std::string& out, const quote& q) {
  out += R"({"message_id":)";
  append_number(out, q.message_id);
  out += ',';
  append_user(out, q.user, q.username);
  out += R"(,"message":)";
  append_quoted(out, q.text);
  out += '}';
}

void append_time(std::string& out, std::int64_t unix_ms) {
  out += '"';
  out += time_text(unix_ms);
  out += '"';
}

void append_message(std::string& out, const event& e) {
  begin(out, "message", e.seq);
  out += R"(,"message_id":)";
  append_number(out, e.message_id);
  out += R"(,"stream_id":)";
  append_number_or_null(out, e.stream);
  out += R"(,"user":{)";
  append_user(out, e.user, e.username);
  append_role(out, e.author_role);
  out += R"(},"message":)";
  append_quoted(out, e.text);
  if (!e.nonce.empty()) {
    out += R"(,"nonce":)";
    append_quoted(out, e.nonce);
  }
  if (e.reply_to) {
    out += R"(,"reply_to":)";
    append_quote(out, *e.reply_to);
  }
  out += R"(,"created_at":)";
  append_time(out, e.created_ms);
  out += '}';
}

void append_ban(std::string& out, const event& e) {
  begin(out, "ban", e.seq);
  out += ',';
  append_user(out, e.user, e.username);
  out += e.is_on ? R"(,"active":true,"until":)" : R"(,"active":false,"until":)";
  if (e.until_ms) {
    append_time(out, *e.until_ms);
  } else {
    out += "null";
  }
  out += '}';
}

std::string count_json(std::string_view type, std::int64_t count) {
  std::string out = R"({"type":")";
  out += type;
  out += R"(","count":)";
  append_number(out, count);
  out += '}';
  return out;
}

}  // namespace

std::string_view to_string(word_action a) {
  switch (a) {
    case word_action::refuse:
      return "refuse";
    case word_action::mask:
      return "mask";
    case word_action::hold:
      break;
  }
  return "hold";
}

std::string_view to_string(role r) {
  switch (r) {
    case role::owner:
      return "owner";
    case role::moderator:
      return "moderator";
    case role::user:
      break;
  }
  return "user";
}

std::string to_json(const event& e) {
  std::string out;
  switch (e.kind) {
    case event_kind::message:
      out.reserve(usual_frame + e.text.size());
      append_message(out, e);
      return out;
    case event_kind::deleted:
      return deleted_json(e.seq, e.message_id);
    case event_kind::cleared:
      begin(out, "cleared", e.seq);
      out += R"(,"user_id":)";
      append_number(out, e.user);
      break;
    case event_kind::mode:
      begin(out, "mode", e.seq);
      out += ',';
      append_mode(out, e.mode);
      break;
    case event_kind::ban:
      append_ban(out, e);
      return out;
    case event_kind::role:
      begin(out, "role", e.seq);
      out += ',';
      append_user(out, e.user, e.username);
      append_role(out, e.author_role);
      break;
  }
  out += '}';
  return out;
}

std::string to_json(const stream_notice& n) {
  std::string out = R"({"type":"stream","stream_id":)";
  append_number(out, n.stream);
  out += R"(,"status":)";
  append_quoted(out, n.status);
  out += R"(,"title":)";
  append_quoted(out, n.title);
  out += '}';
  return out;
}

std::string to_json(const mode& m) {
  std::string out = "{";
  append_mode(out, m);
  out += '}';
  return out;
}

std::string to_json(const quote& q) {
  std::string out;
  append_quote(out, q);
  return out;
}

std::string user_json(user_id user, std::string_view username, role r) {
  std::string out = "{";
  append_user(out, user, username);
  append_role(out, r);
  out += '}';
  return out;
}

std::string deleted_json(std::int64_t seq, id message_id) {
  std::string out;
  begin(out, "deleted", seq);
  out += R"(,"message_id":)";
  append_number(out, message_id);
  out += '}';
  return out;
}

std::string viewers_json(std::int64_t count) {
  return count_json("viewers", count);
}

std::string held_json(std::int64_t count) {
  return count_json("held", count);
}

std::string to_json(const verdict& v) {
  std::string out = R"({"type":"error")";
  if (!v.nonce.empty()) {
    out += R"(,"nonce":)";
    append_quoted(out, v.nonce);
  }
  out += R"(,"session":)";
  append_quoted(out, v.session);
  out += R"(,"code":)";
  append_quoted(out, v.code);
  out += v.code == "held_denied"
             ? R"(,"message":"a moderator decided against this message"})"
             : R"(,"message":"this message was let go: too many wait for the moderators"})";
  return out;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;  // what needs no change is copied in runs
  for (std::size_t at = 0; at < text.size();) {
    const auto c = byte_at(text, at);
    if (is_plain(c)) {
      ++at;
      continue;
    }
    if (const auto length = c < 0x80 ? 0 : sequence_length(text.substr(at)); length > 0) {
      at += length;
      continue;
    }
    out.append(text, plain, at - plain);
    if (c < 0x80) {
      append_escape(out, c);
    } else {
      out += replacement;
    }
    plain = ++at;
  }
  out.append(text, plain);
  out += '"';
}

std::string time_text(std::int64_t unix_ms) {
  return to_iso8601(from_unix_ms(unix_ms));
}

}  // namespace troupe::chat
