// SPDX-License-Identifier: GPL-3.0-or-later
// What a client says in one text frame, and what it is answered. What must hold: a command keeps to
// its bounds, and an answer that quotes it is one JSON object that quotes it unchanged.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <variant>

#include <boost/json.hpp>

#include "net/http/text.hpp"
#include "net/ws/client_frame.hpp"
#include "net/ws/server_frame.hpp"
#include "net/ws/utf8.hpp"

namespace {

using namespace troupe;

void check(bool holds) {
  if (!holds) {
    std::abort();
  }
}

/// The nonce in an answer; an answer without one has none.
std::string nonce_in(const std::string& json) {
  boost::system::error_code problem;
  const auto value = boost::json::parse(json, problem);
  check(!problem && value.is_object());
  const auto* nonce = value.as_object().if_contains("nonce");
  return nonce == nullptr ? "" : std::string(nonce->as_string());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text({data, size});
  if (size > ws::largest_client_frame || !ws::is_utf8({data, size})) {
    return 0;  // the frame reader takes no such text
  }
  const auto frame = ws::parse_client_frame(text);
  if (!frame) {
    const auto& bad = frame.error();
    check(bad.code == "malformed" || bad.code == "unknown_type" || bad.code == "invalid_nonce");
    check(nonce_in(ws::error_json(bad.nonce, bad.code, bad.message)) == bad.nonce);
    return 0;
  }
  if (const auto* m = std::get_if<ws::message_frame>(&*frame)) {
    const auto length = http::count_code_points(m->nonce);
    check(length && *length >= 1 && *length <= ws::longest_nonce);
    check(m->reply_to >= 0 && m->reply_to <= largest_id);
    check(ws::is_utf8(as_bytes(m->text)));
    check(nonce_in(ws::ack_json(m->nonce, {})) == m->nonce);
    check(nonce_in(ws::pending_json(m->nonce)) == m->nonce);
    check(nonce_in(ws::refusal_json(m->nonce, make_error(errc::forbidden, "banned", m->text))) ==
          m->nonce);
  }
  return 0;
}
