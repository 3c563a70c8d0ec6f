// SPDX-License-Identifier: GPL-3.0-or-later
// How many people watch, not how many sockets: a page's chat sessions and HLS players of one person
// count once. Every node counts its own and tells the channel's room (audience_report), which adds
// the nodes up. Thread: every function from any thread; none blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.hpp"

namespace troupe::presence {

/// A chat session, which a page keeps open while it shows the channel.
struct watcher {
  user_id channel = 0;
  /// Who it is: "u:USER_ID" when logged in, "v:ID" of the page's own viewer id, or empty: then
  /// address and agent tell people apart.
  std::string person;
  std::string address;
  std::string agent;            ///< the User-Agent header, at most its first 256 bytes
  bool plays_natively = false;  ///< its HLS player is the browser's own and shows another agent
  bool is_trusted = false;      ///< the operator's own: its address may be many people
};

/// Who asks for playlists and parts, as digests that only this process can make.
struct player {
  std::uint64_t device = 0;  ///< address and agent
  std::uint64_t at = 0;      ///< address; of IPv6 its /64
  std::uint64_t key = 0;     ///< X-Playback-Session-Id, else as device
  bool is_trusted = false;   ///< as of watcher
};

class presence {
 public:
  /// Names what enter() counted.
  enum class ticket : std::uint64_t { none = 0 };

  virtual ~presence() = default;

  /// none when the bound is reached: then the watcher is not counted, which is counted.
  virtual ticket enter(watcher w) = 0;
  /// The same person logged in, or out.
  virtual void change(ticket which, std::string person) = 0;
  virtual void leave(ticket which) = 0;
  /// session: X-Playback-Session-Id, empty when there is none.
  virtual player identify(std::string_view address, std::string_view agent,
                          std::string_view session) const = 0;
  /// A playlist or part of a stream that exists was given out: for every such request, so cheap. It
  /// counts for 10 s.
  virtual void played(stream_id stream, const player& by) = 0;
};

}  // namespace troupe::presence
