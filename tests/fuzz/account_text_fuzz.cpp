// SPDX-License-Identifier: GPL-3.0-or-later
// What strangers type: usernames, addresses, passwords, codes. What must hold: a name that is taken
// has characters of ours alone and a skeleton that is its own; nothing overflows or throws.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "actors/account/look_alike.hpp"
#include "actors/account/rules.hpp"
#include "actors/account/second_factor.hpp"
#include "base/check.hpp"

using namespace troupe;
using namespace troupe::account;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const sealer master(bytes(32, 0x11));
  static const auto sealed = seal_recovery_codes(master, 7, {"abcde-fghjk"});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto skeleton = look_alike_skeleton(text);
  TROUPE_CHECK(skeleton.size() <= text.size(), "a skeleton is no longer than its name");
  std::ignore = is_reserved_name(text.substr(0, 64));
  if (check_username(text)) {
    TROUPE_CHECK(size >= 3 && size <= 24, "names are bounded");
    TROUPE_CHECK(!skeleton.empty(), "a name with a letter has a skeleton");
    TROUPE_CHECK(look_alike_skeleton(skeleton) == skeleton, "a skeleton is its own");
    TROUPE_CHECK(!is_reserved_name(text), "a name that is taken is not reserved");
  }
  const auto at = text.find('\n');
  const auto first = text.substr(0, at);
  const auto rest = at == text.npos ? std::string_view() : text.substr(at + 1);
  std::ignore = check_email(first);
  std::ignore = check_password(first, rest, rest);
  const wall_time now{std::chrono::seconds(1'800'000'000)};
  const auto step = find_totp_step(as_bytes("12345678901234567890"), first, now, 0);
  TROUPE_CHECK(!step || first.size() == 6, "a code has six digits");
  if (const auto code = read_recovery_code(first)) {
    TROUPE_CHECK(code->size() == 10, "a recovery code has ten characters");
    TROUPE_CHECK(read_recovery_code(*code) == code, "a code that was read is itself");
    std::ignore = use_recovery_code(master, 7, sealed, *code);
  }
  std::ignore = use_recovery_code(master, 7, byte_view(data, size), "abcdefghjk");
  std::ignore = totp_uri(first, rest, byte_view(data, size));
  return 0;
}
