// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes as they travel: a borrowed view, an owned vector, and an immutable buffer that many hold at
// once; readers and writers in network byte order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

using bytes = std::vector<std::uint8_t>;
using byte_view = std::span<const std::uint8_t>;  ///< borrowed: never stored beyond the call

inline byte_view as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(byte_view data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// An immutable, reference-counted piece of memory: what makes "copied once at most per hop"
/// possible. A slice shares the whole buffer's life. Thread: const and copying from any thread.
class shared_bytes {
 public:
  shared_bytes() = default;

  explicit shared_bytes(bytes data)
      : owner_(std::make_shared<const bytes>(std::move(data))), view_(*owner_) {}

  byte_view view() const { return view_; }

  const std::uint8_t* data() const { return view_.data(); }

  std::size_t size() const { return view_.size(); }

  bool empty() const { return view_.empty(); }

  /// offset and size must lie inside.
  shared_bytes slice(std::size_t offset, std::size_t size) const {
    shared_bytes part = *this;
    part.view_ = view_.subspan(offset, size);
    return part;
  }

 private:
  std::shared_ptr<const bytes> owner_;
  byte_view view_;
};

/// Reads big-endian fields. After the first read beyond the end everything reads as zero and ok()
/// is false, so a parser checks once at the end of a structure instead of after every field.
class byte_reader {
 public:
  explicit byte_reader(byte_view data) : data_(data) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }

  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }

  std::uint32_t u24() { return static_cast<std::uint32_t>(number(3)); }

  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }

  std::uint64_t u64() { return number(8); }

  /// The next count bytes, or an empty view and ok() == false.
  byte_view take(std::size_t count) {
    if (count > data_.size()) {
      ok_ = false;
      data_ = {};
      return {};
    }
    const auto taken = data_.first(count);
    data_ = data_.subspan(count);
    return taken;
  }

  byte_view rest() const { return data_; }

  std::size_t left() const { return data_.size(); }

  bool ok() const { return ok_; }

 private:
  std::uint64_t number(std::size_t count) {
    std::uint64_t value = 0;
    for (const auto b : take(count)) {
      value = (value << 8) | b;
    }
    return value;
  }

  byte_view data_;
  bool ok_ = true;
};

/// Appends big-endian fields.
class byte_writer {
 public:
  void u8(std::uint64_t v) { number(v, 1); }

  void u16(std::uint64_t v) { number(v, 2); }

  void u24(std::uint64_t v) { number(v, 3); }

  void u32(std::uint64_t v) { number(v, 4); }

  void u64(std::uint64_t v) { number(v, 8); }

  void append(byte_view data) { out_.insert(out_.end(), data.begin(), data.end()); }

  void append(std::string_view text) { append(as_bytes(text)); }

  std::size_t size() const { return out_.size(); }

  byte_view view() const { return out_; }

  bytes take() { return std::move(out_); }

 private:
  void number(std::uint64_t v, int count) {
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8) {
      out_.push_back(static_cast<std::uint8_t>((v >> shift) & 0xFF));
    }
  }

  bytes out_;
};

}  // namespace troupe
