// SPDX-License-Identifier: GPL-3.0-or-later
// What a message is: a plain struct with a name and a version for the wire, the type of its answer,
// and an inspect function.
//   struct cast_vote {
//     static constexpr std::string_view type = "poll.cast_vote";
//     static constexpr std::uint32_t version = 1;
//     using answer = runtime::accepted;        // void: one-way, the sender learns only that it
//     came std::string choice;
//   };
// Locally a message travels as the struct it is; bytes are for other nodes and for the disk.
// Thread: messages are immutable once sent.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "runtime/archive.hpp"

namespace troupe::runtime {

/// The answer that says only: done.
struct accepted {
  friend bool operator==(const accepted&, const accepted&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, accepted&) {
  return f();
}

template <class M>
concept message = archivable<M> && std::copy_constructible<M> && requires {
  typename M::answer;
  { M::type } -> std::convertible_to<std::string_view>;
  { M::version } -> std::convertible_to<std::uint32_t>;
} && (std::is_void_v<typename M::answer> || archivable<typename M::answer>);

/// The list of what a behaviour understands.
template <message... Ms>
struct messages {};

/// A value whose type is known to the message_type it came with; empty for void.
using erased_value = std::shared_ptr<const void>;
using erased_answer = result<erased_value>;

/// A message's type as a value: one object per type, compared by address.
struct message_type {
  std::string_view name;
  std::uint32_t version = 0;
  bytes (*encode)(const void* message) = nullptr;
  result<erased_value> (*decode)(byte_view) = nullptr;
  bytes (*encode_answer)(const void* answer) = nullptr;
  result<erased_value> (*decode_answer)(byte_view) = nullptr;
};

namespace detail {

template <class T>
bytes encode_erased(const void* x) {
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return encode(*static_cast<const T*>(x));
  }
}

template <class T>
result<erased_value> decode_erased(byte_view data) {
  if constexpr (std::is_void_v<T>) {
    return erased_value{};
  } else {
    auto decoded = decode<T>(data);
    if (!decoded) {
      return fail(std::move(decoded.error()));
    }
    return std::make_shared<const T>(std::move(*decoded));
  }
}

template <message M>
inline constexpr message_type type_object{M::type,
                                          M::version,
                                          encode_erased<M>,
                                          decode_erased<M>,
                                          encode_erased<typename M::answer>,
                                          decode_erased<typename M::answer>};

}  // namespace detail

/// The type of M, the same object everywhere in the program.
template <message M>
constexpr const message_type& type_of() {
  return detail::type_object<M>;
}

}  // namespace troupe::runtime
