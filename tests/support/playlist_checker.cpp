// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/playlist_checker.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <set>

#include <spdlog/fmt/fmt.h>

namespace troupe::test {
namespace {

constexpr double sum_tolerance = 0.001;  // EXTINF against its parts
constexpr double date_tolerance = 0.05;

using attributes = std::map<std::string, std::string>;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// 4.2: names, "=", quoted strings or bare values, commas.
attributes attributes_of(std::string_view text) {
  attributes out;
  while (!text.empty()) {
    const auto equals = text.find('=');
    if (equals == text.npos) {
      break;
    }
    const std::string name(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    std::size_t end = 0;
    if (text.starts_with('"')) {
      end = text.find('"', 1);
      out[name] = text.substr(1, end == text.npos ? end : end - 1);
      end = end == text.npos ? text.size() : end + 1;
    } else {
      end = std::min(text.find(','), text.size());
      out[name] = text.substr(0, end);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

double number(const std::string& text) {
  return std::strtod(text.c_str(), nullptr);
}

double number(const attributes& a, const char* name) {
  const auto found = a.find(name);
  return found == a.end() ? 0 : number(found->second);
}

std::optional<double> date(const std::string& text) {
  int y = 0, mo = 0, d = 0, h = 0, mi = 0;
  double s = 0;
  char zone = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%lf%c", &y, &mo, &d, &h, &mi, &s, &zone) != 7 ||
      zone != 'Z') {
    return std::nullopt;
  }
  const std::chrono::sys_days day = std::chrono::year(y) / mo / d;
  return static_cast<double>(day.time_since_epoch().count()) * 86400 + h * 3600 + mi * 60 + s;
}

/// Reads the lines of one playlist.
class reader {
 public:
  reader(checked_playlist& p, complaints& found) : p_(p), found_(found) {}

  void read(std::string_view text) {
    const auto lines = lines_of(text);
    if (lines.empty() || lines[0] != "#EXTM3U") {
      say("header", "the first line is not #EXTM3U");
    }
    for (const auto& line : lines) {
      if (line.starts_with("#EXT")) {
        const auto colon = std::min(line.find(':'), line.size());
        tag(line.substr(0, colon), colon < line.size() ? line.substr(colon + 1) : "");
      } else if (!line.empty() && line[0] != '#') {
        uri(line);
      }
    }
    if (open_.parts.size() + (open_.program_date_time ? 1U : 0U) > 0) {
      p_.segments.push_back(open_);
    }
    auto msn = p_.media_sequence + p_.skipped;
    for (auto& s : p_.segments) {
      s.msn = msn++;
    }
  }

 private:
  void say(std::string_view rule, std::string_view what) {
    found_.push_back(fmt::format("{}: {}", rule, what));
  }

  void once(const std::string& name) {
    if (!seen_.insert(name).second) {
      say("once", name + " stands twice");
    }
  }

  void tag(const std::string& name, const std::string& value) {
    if (p_.ended) {
      say("endlist", name + " after EXT-X-ENDLIST");
    }
    if (header_tag(name, value)) {
      once(name);
      return;
    }
    if (name == "#EXTINF") {
      open_.duration = number(value);
    } else if (name == "#EXT-X-GAP") {
      open_.gap = true;
    } else if (name == "#EXT-X-DISCONTINUITY") {
      open_.discontinuity = true;
    } else if (name == "#EXT-X-MAP") {
      map_ = attributes_of(value)["URI"];
    } else if (name == "#EXT-X-PROGRAM-DATE-TIME") {
      open_.program_date_time = date(value);
      if (!open_.program_date_time) {
        say("date", value);
      }
    } else if (name == "#EXT-X-PART") {
      const auto a = attributes_of(value);
      open_.map = map_;
      open_.parts.push_back({a.contains("URI") ? a.at("URI") : "", number(a, "DURATION"),
                             a.contains("INDEPENDENT"), a.contains("GAP")});
    } else if (name == "#EXT-X-PRELOAD-HINT") {
      once(name);
      auto a = attributes_of(value);
      p_.preload_hint = a["URI"];
      if (a["TYPE"] != "PART" || p_.preload_hint.empty()) {
        say("hint", "not a part with an address");
      }
    } else if (name == "#EXT-X-PLAYLIST-TYPE") {
      say("type", "a live playlist has no EXT-X-PLAYLIST-TYPE");
    }
  }

  bool header_tag(const std::string& name, const std::string& value) {
    if (name == "#EXT-X-VERSION") {
      p_.version = static_cast<int>(number(value));
    } else if (name == "#EXT-X-TARGETDURATION") {
      p_.target_duration = number(value);
    } else if (name == "#EXT-X-SERVER-CONTROL") {
      p_.server_control = attributes_of(value);
    } else if (name == "#EXT-X-PART-INF") {
      p_.part_target = number(attributes_of(value), "PART-TARGET");
    } else if (name == "#EXT-X-MEDIA-SEQUENCE") {
      p_.media_sequence = static_cast<std::int64_t>(number(value));
      if (!p_.segments.empty() || !open_.parts.empty()) {
        say("sequence-place", "EXT-X-MEDIA-SEQUENCE after a segment");
      }
    } else if (name == "#EXT-X-DISCONTINUITY-SEQUENCE") {
      p_.discontinuity_sequence = static_cast<std::int64_t>(number(value));
    } else if (name == "#EXT-X-SKIP") {
      p_.skipped = static_cast<std::int64_t>(number(attributes_of(value), "SKIPPED-SEGMENTS"));
      if (p_.skipped < 1) {
        say("skip", "skips nothing");
      }
    } else if (name == "#EXT-X-ENDLIST") {
      p_.ended = true;
    } else {
      return false;
    }
    return true;
  }

  void uri(const std::string& line) {
    if (!open_.duration) {
      say("extinf", line + " has no EXTINF");
    }
    open_.uri = line;
    open_.map = map_;
    p_.segments.push_back(open_);
    open_ = {};
  }

  checked_playlist& p_;
  complaints& found_;
  checked_segment open_;
  std::string map_;
  std::set<std::string> seen_;
};

void check_header(const checked_playlist& p, complaints& found) {
  if (p.version < 9) {
    found.push_back("version: below 9, which EXT-X-SKIP needs");
  }
  if (p.target_duration < 1 || p.target_duration != std::floor(p.target_duration)) {
    found.push_back("target: EXT-X-TARGETDURATION is not a whole number of seconds");
  }
  const auto& c = p.server_control;
  if (!c.contains("CAN-BLOCK-RELOAD") || c.at("CAN-BLOCK-RELOAD") != "YES") {
    found.push_back("block: no CAN-BLOCK-RELOAD=YES");
  }
  if (p.part_target <= 0) {
    found.push_back("part-inf: no PART-TARGET");
  }
  if (number(c, "PART-HOLD-BACK") < 3 * p.part_target) {
    found.push_back("part-hold-back: below three part targets");
  }
  if (number(c, "HOLD-BACK") < 3 * p.target_duration) {
    found.push_back("hold-back: below three target durations");
  }
  if (number(c, "CAN-SKIP-UNTIL") < 6 * p.target_duration) {
    found.push_back("skip-until: below six target durations");
  }
}

void check_parts(const checked_playlist& p, const checked_segment& s, complaints& found) {
  double sum = 0;
  for (std::size_t i = 0; i < s.parts.size(); ++i) {
    const auto& part = s.parts[i];
    sum += part.duration;
    if (part.uri.empty() || part.duration <= 0) {
      found.push_back("part: without address or duration in " + std::to_string(s.msn));
    }
    if (part.duration > p.part_target + 1e-9) {
      found.push_back(fmt::format("part-target: {} lasts {}", part.uri, part.duration));
    }
    const bool last = i + 1 == s.parts.size();
    if (!last && !part.independent && part.duration < 0.85 * p.part_target) {
      found.push_back(fmt::format("part-85: {} lasts {}", part.uri, part.duration));
    }
  }
  if (s.duration && !s.parts.empty() && std::abs(sum - *s.duration) > sum_tolerance) {
    found.push_back(fmt::format("part-sum: {} against EXTINF {}", sum, *s.duration));
  }
}

void check_segments(const checked_playlist& p, complaints& found) {
  std::set<std::string> addresses;
  const auto unique = [&](const std::string& uri) {
    if (!uri.empty() && !addresses.insert(uri).second) {
      found.push_back("unique: " + uri + " stands twice");
    }
  };
  double from_end = 0;
  for (auto s = p.segments.rbegin(); s != p.segments.rend(); ++s) {
    if (s->duration && !s->parts.empty() && from_end > 3 * p.target_duration) {
      found.push_back("old-parts: parts more than three target durations from the end");
    }
    from_end += s->duration.value_or(0);
  }
  for (std::size_t i = 0; i < p.segments.size(); ++i) {
    const auto& s = p.segments[i];
    unique(s.uri);
    for (const auto& part : s.parts) {
      unique(part.uri);
    }
    check_parts(p, s, found);
    if (s.duration && !s.gap && std::ranges::any_of(s.parts, &checked_part::gap)) {
      found.push_back("gap: " + s.uri + " has a part that is one, and no EXT-X-GAP");
    }
    if (s.duration && std::lround(*s.duration) > std::lround(p.target_duration)) {
      found.push_back(fmt::format("extinf-target: {} lasts {}", s.uri, *s.duration));
    }
    if (!s.duration && i + 1 < p.segments.size()) {
      found.push_back("extinf: a segment before the last is not finished");
    }
    if (s.map.empty() && p.skipped == 0) {
      found.push_back("map: " + s.uri + " has no EXT-X-MAP");
    }
    if (i > 0 && s.program_date_time && p.segments[i - 1].program_date_time && !s.discontinuity) {
      const auto expected =
          *p.segments[i - 1].program_date_time + p.segments[i - 1].duration.value_or(0);
      if (std::abs(*s.program_date_time - expected) > date_tolerance) {
        found.push_back(
            fmt::format("date: {} is off by {:.3f} s", s.uri, *s.program_date_time - expected));
      }
    }
  }
  unique(p.preload_hint);
  if (p.ended && !p.preload_hint.empty()) {
    found.push_back("endlist: a hint for what never comes");
  }
  if (!p.ended && p.preload_hint.empty()) {
    found.push_back("hint: none");
  }
  if (p.media_sequence > 0 && p.skipped == 0 && from_end < 3 * p.target_duration) {
    found.push_back("length: shorter than three target durations though segments were removed");
  }
  if (p.skipped > 0 && from_end < number(p.server_control, "CAN-SKIP-UNTIL")) {
    found.push_back("skip: segments within the skip boundary are left out");
  }
}

bool same(const checked_segment& a, const checked_segment& b) {
  const bool parts_grow = std::equal(
      a.parts.begin(),
      a.parts.begin() + static_cast<std::ptrdiff_t>(std::min(a.parts.size(), b.parts.size())),
      b.parts.begin(), [](const auto& x, const auto& y) {
        return x.uri == y.uri && x.duration == y.duration && x.independent == y.independent;
      });
  const bool gap_vanished = a.gap && !b.gap;
  return !gap_vanished && a.discontinuity == b.discontinuity && a.map == b.map &&
         a.program_date_time == b.program_date_time && parts_grow &&
         (!a.duration || (a.duration == b.duration && a.uri == b.uri));
}

void check_constants(const checked_playlist& a, const checked_playlist& b, complaints& found) {
  if (a.version != b.version || a.target_duration != b.target_duration ||
      a.part_target != b.part_target || a.server_control != b.server_control) {
    found.push_back("constant: version, target durations or hold-backs changed");
  }
}

void check_sequences(const checked_playlist& a, const checked_playlist& b, complaints& found) {
  if (b.media_sequence < a.media_sequence) {
    found.push_back("sequence: the media sequence number went back");
    return;
  }
  std::int64_t removed = 0;
  for (const auto& s : a.segments) {
    if (s.msn < b.media_sequence) {
      removed += s.discontinuity ? 1 : 0;
      continue;
    }
    const auto index = static_cast<std::size_t>(s.msn - b.media_sequence);
    if (index >= b.segments.size()) {
      found.push_back("removed: a segment at the end is gone");
    } else if (!same(s, b.segments[index])) {
      found.push_back("changed: segment " + std::to_string(s.msn));
    } else if (!s.duration && b.segments[index].parts.size() < s.parts.size()) {
      found.push_back("removed: parts of the open segment are gone");
    }
  }
  if (b.discontinuity_sequence != a.discontinuity_sequence + removed) {
    found.push_back("discontinuity-sequence: does not count the removed tags");
  }
}

// The hinted part is the next one, unless its segment ended before it (6.2.6).
void check_hint(const checked_playlist& a, const checked_playlist& b, complaints& found) {
  if (a.preload_hint.empty() || a.segments.empty()) {
    return;
  }
  const auto& last = a.segments.back();
  for (const auto& s : b.segments) {
    if (s.msn < last.msn) {
      continue;
    }
    const auto known = s.msn == last.msn ? last.parts.size() : 0;
    if (s.parts.size() > known) {
      const bool hinted = s.parts[known].uri == a.preload_hint;
      const bool segment_ended = s.msn > last.msn && !last.duration;
      if (!hinted && !segment_ended) {
        found.push_back("hint: " + a.preload_hint + " was hinted, " + s.parts[known].uri + " came");
      }
      return;
    }
  }
}

}  // namespace

complaints check_playlist(std::string_view text, checked_playlist* parsed) {
  checked_playlist p;
  complaints found;
  reader(p, found).read(text);
  check_header(p, found);
  check_segments(p, found);
  if (parsed != nullptr) {
    *parsed = std::move(p);
  }
  return found;
}

complaints check_master(std::string_view text) {
  complaints found;
  const auto lines = lines_of(text);
  if (lines.empty() || lines[0] != "#EXTM3U") {
    found.push_back("header: the first line is not #EXTM3U");
  }
  bool any = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].starts_with("#EXT-X-STREAM-INF:")) {
      continue;
    }
    any = true;
    auto a = attributes_of(lines[i].substr(lines[i].find(':') + 1));
    if (number(a, "BANDWIDTH") <= 0 || number(a, "AVERAGE-BANDWIDTH") <= 0 ||
        number(a, "AVERAGE-BANDWIDTH") > number(a, "BANDWIDTH")) {
      found.push_back("bandwidth: missing, or the average above the peak");
    }
    if (a["CODECS"].empty()) {
      found.push_back("codecs: missing");
    }
    const bool picture = !a["CODECS"].starts_with("mp4a");
    if (picture && (a["RESOLUTION"].empty() || number(a, "FRAME-RATE") <= 0)) {
      found.push_back("resolution: a picture without RESOLUTION and FRAME-RATE");
    }
    if (i + 1 >= lines.size() || lines[i + 1].empty() || lines[i + 1][0] == '#') {
      found.push_back("uri: no address after EXT-X-STREAM-INF");
    }
  }
  if (!any) {
    found.push_back("empty: no variant stream");
  }
  return found;
}

complaints check_delta(std::string_view before, std::string_view delta, std::string_view expected) {
  checked_playlist a, d, e;
  check_playlist(before, &a);
  complaints found = check_playlist(delta, &d);
  check_playlist(expected, &e);
  if (d.skipped == 0) {
    if (delta != expected) {
      found.push_back("delta: neither an update nor the playlist");
    }
    return found;
  }
  auto merged = d;
  merged.segments.clear();
  for (auto msn = d.media_sequence; msn < d.media_sequence + d.skipped; ++msn) {
    const auto index = msn - a.media_sequence;
    if (index < 0 || index >= std::ssize(a.segments) ||
        !a.segments[static_cast<std::size_t>(index)].duration) {
      found.push_back("delta: skips a segment that was not known");
      return found;
    }
    merged.segments.push_back(a.segments[static_cast<std::size_t>(index)]);
  }
  for (auto s : d.segments) {
    if (s.map.empty()) {
      s.map = merged.segments.back().map;
    }
    merged.segments.push_back(std::move(s));
  }
  bool equal = merged.segments.size() == e.segments.size() && d.media_sequence == e.media_sequence;
  for (std::size_t i = 0; equal && i < e.segments.size(); ++i) {
    equal = same(merged.segments[i], e.segments[i]);
  }
  if (!equal) {
    found.push_back("delta: put together it is another playlist");
  }
  return found;
}

complaints playlist_watcher::next(std::string_view text, bool standing_still) {
  checked_playlist now;
  auto found = check_playlist(text, &now);
  if (before_) {
    if (text == text_ && !before_->ended && !standing_still) {
      found.push_back("progress: nothing new came");
    }
    if (before_->ended && text != text_) {
      found.push_back("endlist: changed after the end");
    }
    check_constants(*before_, now, found);
    check_sequences(*before_, now, found);
    check_hint(*before_, now, found);
  }
  before_ = std::move(now);
  text_ = text;
  return found;
}

}  // namespace troupe::test
