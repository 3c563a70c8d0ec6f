// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/permission.hpp"

#include <chrono>
#include <string>

namespace troupe::chat {

std::optional<refusal> ban_of(const storage::member_record& who, wall_time now) {
  if (!who.is_banned || (who.banned_until && *who.banned_until <= now)) {
    return {};
  }
  refusal why{.code = "banned", .until_ms = {}, .reason = who.ban_reason};
  if (who.banned_until) {
    why.until_ms = to_unix_ms(*who.banned_until);
  }
  return why;
}

std::optional<refusal> follow_refusal_of(const storage::member_record& who, const mode& m,
                                         wall_time now) {
  if (!m.followers_only_min_age_s) {
    return {};
  }
  refusal why{.code = "followers_only", .until_ms = {}, .reason = {}};
  if (who.followed_at) {
    const auto due = *who.followed_at + std::chrono::seconds(*m.followers_only_min_age_s);
    if (due <= now) {
      return {};
    }
    // Rounded up: at that moment it is over.
    why.until_ms = to_unix_ms(std::chrono::ceil<std::chrono::milliseconds>(due));
  }
  return why;
}

permission permission_of(const storage::member_record& who, const mode& m, wall_time now) {
  auto why = ban_of(who, now);
  return {why ? std::move(why) : follow_refusal_of(who, m, now)};
}

}  // namespace troupe::chat
