// SPDX-License-Identifier: GPL-3.0-or-later
// The chunked transfer coding (RFC 9112, 7.1), strict: every line ends with CRLF and holds no
// control character, extensions and trailers are skipped. (Beast's decoder reads an unclosed quoted
// extension differently when the bytes are cut elsewhere; our fuzz target found it.) Thread: one at
// a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::net {

class chunk_decoder {
 public:
  enum class state : std::uint8_t { more, complete, malformed, too_large };

  /// Appends to body, up to limit bytes in all. How much of text it took: all while state is more.
  std::size_t put(std::string_view text, std::string& body, std::size_t limit);

  state now() const { return now_; }

 private:
  enum class step : std::uint8_t { size, data, data_end, trailer };

  std::size_t put_line(std::string_view text);
  void on_line(std::size_t room);
  void read_size(std::size_t room);

  state now_ = state::more;
  step step_ = step::size;
  std::string line_;      // incomplete, or complete with its CRLF
  std::size_t left_ = 0;  // of the present chunk's data
  std::size_t trailer_bytes_ = 0;
};

}  // namespace troupe::net
