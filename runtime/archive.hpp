// SPDX-License-Identifier: GPL-3.0-or-later
// Messages and states as bytes, driven by inspect functions in the shape CAF 0.17 has them:
//   template <class Inspector> auto inspect(Inspector& f, T& x) { return f(x.a, x.b); }
// Our own bytes and not CAF's: snapshots outlive a version of CAF, and a length that claims more
// than there is must not allocate. Layout: integers big-endian in their own width, bool and enums
// as integers, doubles as IEEE 754 bits, containers and strings a u32 count and the elements,
// optional and shared_ptr a presence byte, variants a u8 index, times their tick count as i64.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/result.hpp"

namespace troupe::runtime {

class archive_writer;
class archive_reader;

namespace detail {

template <class T, template <class...> class Template>
constexpr bool is_a = false;
template <template <class...> class Template, class... Args>
constexpr bool is_a<Template<Args...>, Template> = true;

template <class T>
concept map_like = is_a<T, std::map> || is_a<T, std::unordered_map>;
template <class T>
concept set_like = is_a<T, std::set> || is_a<T, std::unordered_set>;
template <class T>
concept tuple_like = is_a<T, std::pair> || is_a<T, std::tuple>;
template <class T>
concept number_like = std::integral<T> || std::is_enum_v<T> || std::floating_point<T>;
template <class T>
concept bytes_like = std::same_as<T, std::string> || std::same_as<T, bytes>;

template <class T>
constexpr bool is_array = false;
template <class T, std::size_t N>
constexpr bool is_array<std::array<T, N>> = true;
template <class T>
constexpr bool is_duration = false;
template <class Rep, class Period>
constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;
template <class T>
constexpr bool is_time_point = false;
template <class Clock, class Duration>
constexpr bool is_time_point<std::chrono::time_point<Clock, Duration>> = true;

}  // namespace detail

/// Writes whatever inspect hands it. Never fails.
class archive_writer {
 public:
  using result_type = bool;
  static constexpr bool reads_state = true;  // of the inspected object, as in CAF
  static constexpr bool writes_state = false;

  template <class... Ts>
  bool operator()(const Ts&... xs) {
    (put(xs), ...);
    return true;
  }

  std::size_t size() const { return out_.size(); }

  bytes take() { return out_.take(); }

 private:
  template <detail::number_like T>
  void put(const T& x) {
    if constexpr (std::floating_point<T>) {
      out_.u64(std::bit_cast<std::uint64_t>(static_cast<double>(x)));
    } else {
      // NOLINTNEXTLINE(bugprone-signed-char-misuse): of the sign no more than T's bytes is written
      const auto wide = static_cast<std::uint64_t>(x);
      for (auto shift = 8 * sizeof(T); shift > 0; shift -= 8) {
        out_.u8((wide >> (shift - 8)) & 0xFF);
      }
    }
  }

  void put_count(std::size_t count) { out_.u32(count); }

  template <detail::bytes_like T>
  void put(const T& x) {
    put_count(x.size());
    if constexpr (std::same_as<T, std::string>) {
      out_.append(std::string_view(x));
    } else {
      out_.append(byte_view(x));
    }
  }

  void put(const shared_bytes& x) {
    put_count(x.size());
    out_.append(x.view());
  }

  void put(const error& x) { (*this)(x.code, x.reason, x.message); }

  template <class T>
    requires detail::is_a<T, std::vector> && (!detail::bytes_like<T>)
  void put(const T& x) {
    put_count(x.size());
    for (const auto& element : x) {
      put(static_cast<const typename T::value_type&>(element));
    }
  }

  template <class T>
    requires detail::map_like<T> || detail::set_like<T>
  void put(const T& x) {
    put_count(x.size());
    for (const auto& element : x) {
      put(element);
    }
  }

  template <class T>
    requires detail::is_array<T>
  void put(const T& x) {
    for (const auto& element : x) {
      put(element);
    }
  }

  template <detail::tuple_like T>
  void put(const T& x) {
    std::apply([this](const auto&... parts) { (this->put(parts), ...); }, x);
  }

  template <class T>
    requires detail::is_a<T, std::optional> || detail::is_a<T, std::shared_ptr>
  void put(const T& x) {
    out_.u8(x ? 1 : 0);
    if (x) {
      put(*x);
    }
  }

  template <class T>
    requires detail::is_a<T, std::variant>
  void put(const T& x) {
    out_.u8(x.index());
    std::visit([this](const auto& alternative) { this->put(alternative); }, x);
  }

  template <class T>
    requires detail::is_duration<T>
  void put(const T& x) {
    put(static_cast<std::int64_t>(x.count()));
  }

  template <class T>
    requires detail::is_time_point<T>
  void put(const T& x) {
    put(x.time_since_epoch());
  }

  template <class T>
    requires requires(archive_writer& f, T& x) { inspect(f, x); }
  void put(const T& x) {
    // One inspect serves both directions, so it takes T&; this direction only reads.
    inspect(*this, const_cast<T&>(x));
  }

  byte_writer out_;
};

/// Reads what archive_writer wrote. After the first thing that does not fit, everything reads as
/// nothing and ok() is false. Allocates no more than a small multiple of the bytes it was given.
class archive_reader {
 public:
  using result_type = bool;
  static constexpr bool reads_state = false;
  static constexpr bool writes_state = true;

  explicit archive_reader(byte_view data) : in_(data) {}

  template <class... Ts>
  bool operator()(Ts&... xs) {
    (get(xs), ...);
    return ok();
  }

  bool ok() const { return ok_ && in_.ok(); }

  /// Everything fitted, and nothing is left.
  bool complete() const { return ok() && in_.left() == 0; }

 private:
  template <detail::number_like T>
  void get(T& x) {
    if constexpr (std::floating_point<T>) {
      x = static_cast<T>(std::bit_cast<double>(in_.u64()));
    } else {
      std::uint64_t wide = 0;
      for (std::size_t i = 0; i < sizeof(T); ++i) {
        wide = (wide << 8) | in_.u8();
      }
      if constexpr (std::same_as<T, bool>) {
        ok_ = ok_ && wide <= 1;
        x = wide == 1;
      } else {
        x = static_cast<T>(wide);
      }
    }
  }

  /// Each element takes a byte at least, so a count beyond what is left is a lie.
  std::size_t get_count() {
    const std::size_t count = in_.u32();
    if (!ok() || count > in_.left()) {
      ok_ = false;
      return 0;
    }
    return count;
  }

  template <detail::bytes_like T>
  void get(T& x) {
    const auto taken = in_.take(get_count());
    x.assign(taken.begin(), taken.end());
  }

  void get(shared_bytes& x) {
    const auto taken = in_.take(get_count());
    x = shared_bytes(bytes(taken.begin(), taken.end()));
  }

  void get(error& x) {
    (*this)(x.code, x.reason, x.message);
    ok_ = ok_ && x.code <= errc::internal;
  }

  template <class T>
    requires detail::is_a<T, std::vector> && (!detail::bytes_like<T>)
  void get(T& x) {
    x.clear();
    for (auto left = get_count(); left > 0 && ok(); --left) {
      typename T::value_type element{};
      get(element);
      x.push_back(std::move(element));
    }
  }

  template <detail::map_like T>
  void get(T& x) {
    x.clear();
    for (auto left = get_count(); left > 0 && ok(); --left) {
      typename T::key_type key{};
      typename T::mapped_type value{};
      (*this)(key, value);
      x.emplace(std::move(key), std::move(value));
    }
  }

  template <detail::set_like T>
  void get(T& x) {
    x.clear();
    for (auto left = get_count(); left > 0 && ok(); --left) {
      typename T::value_type element{};
      get(element);
      x.insert(std::move(element));
    }
  }

  template <class T>
    requires detail::is_array<T>
  void get(T& x) {
    for (auto& element : x) {
      get(element);
    }
  }

  template <detail::tuple_like T>
  void get(T& x) {
    std::apply([this](auto&... parts) { (this->get(parts), ...); }, x);
  }

  bool get_presence() {
    bool present = false;
    get(present);
    return present && ok();
  }

  template <class T>
    requires detail::is_a<T, std::optional>
  void get(T& x) {
    x.reset();
    if (get_presence()) {
      get(x.emplace());
    }
  }

  template <class T>
    requires detail::is_a<T, std::shared_ptr>
  void get(T& x) {
    x.reset();
    if (get_presence()) {
      auto made = std::make_shared<std::remove_const_t<typename T::element_type>>();
      get(*made);
      x = std::move(made);
    }
  }

  template <class T>
    requires detail::is_a<T, std::variant>
  void get(T& x) {
    const std::size_t wanted = in_.u8();
    [&]<std::size_t... Index>(std::index_sequence<Index...>) {
      const bool found =
          ((wanted == Index ? (get(x.template emplace<Index>()), true) : false) || ...);
      ok_ = ok_ && found;
    }(std::make_index_sequence<std::variant_size_v<T>>{});
  }

  template <class T>
    requires detail::is_duration<T>
  void get(T& x) {
    std::int64_t ticks = 0;
    get(ticks);
    x = T(static_cast<typename T::rep>(ticks));
  }

  template <class T>
    requires detail::is_time_point<T>
  void get(T& x) {
    typename T::duration since{};
    get(since);
    x = T(since);
  }

  template <class T>
    requires requires(archive_reader& f, T& x) { inspect(f, x); }
  void get(T& x) {
    inspect(*this, x);
  }

  byte_reader in_;
  bool ok_ = true;
};

/// What can travel: messages, answers, states.
template <class T>
concept archivable =
    std::default_initializable<T> && requires(archive_writer w, archive_reader r, T& x) {
      w(x);
      r(x);
    };

template <class T>
bytes encode(const T& x) {
  archive_writer out;
  out(x);
  return out.take();
}

/// Errors: data_corrupt.
template <class T>
result<T> decode(byte_view data) {
  T x{};
  archive_reader in(data);
  in(x);
  if (!in.complete()) {
    return fail(errc::data_corrupt, "the bytes are not of this type");
  }
  return x;
}

}  // namespace troupe::runtime
