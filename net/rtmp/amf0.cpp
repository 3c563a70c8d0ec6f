// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/amf0.hpp"

#include <algorithm>
#include <bit>

#include <spdlog/fmt/fmt.h>

namespace troupe::rtmp::amf0 {

namespace {

/// AMF 0, 2.1.
enum class marker : std::uint8_t {
  number = 0x00,
  boolean = 0x01,
  string = 0x02,
  object = 0x03,
  movie_clip = 0x04,
  null = 0x05,
  undefined = 0x06,
  reference = 0x07,
  ecma_array = 0x08,
  object_end = 0x09,
  strict_array = 0x0A,
  date = 0x0B,
  long_string = 0x0C,
  unsupported = 0x0D,
  record_set = 0x0E,
  xml_document = 0x0F,
  typed_object = 0x10,
  amf3 = 0x11,
};

std::unexpected<error> malformed(std::string_view what) {
  return fail(errc::invalid_argument, "amf0_malformed", fmt::format("AMF0: {}", what));
}

std::string to_string(byte_view data) {
  return std::string(as_text(data));
}

class decoder {
 public:
  decoder(byte_view input, const limits& l) : in_(input), limits_(l) {}

  result<value> read(std::size_t depth) {
    if (depth > limits_.depth) {
      return fail(errc::too_large, "amf0_limit", "AMF0: nested too deeply");
    }
    if (++values_ > limits_.values) {
      return fail(errc::too_large, "amf0_limit", "AMF0: too many values");
    }
    const auto kind = static_cast<marker>(in_.u8());
    if (!in_.ok()) {
      return malformed("a value is missing");
    }
    auto read_value = read_body(kind, depth);
    if (read_value && !in_.ok()) {
      return malformed("the data ends inside a value");
    }
    return read_value;
  }

  byte_view rest() const { return in_.rest(); }

 private:
  result<value> read_body(marker kind, std::size_t depth) {
    switch (kind) {
      case marker::number:
        return value(std::bit_cast<double>(in_.u64()));
      case marker::boolean:
        return value(in_.u8() != 0);
      case marker::string:
        return value(to_string(in_.take(in_.u16())));
      case marker::long_string:
        return value(to_string(in_.take(in_.u32())));
      case marker::xml_document:
        return value(xml{to_string(in_.take(in_.u32()))});
      case marker::null:
        return value(null{});
      case marker::undefined:
      case marker::unsupported:
        return value(undefined{});
      case marker::date: {
        const auto time = std::bit_cast<double>(in_.u64());
        return value(date{time, static_cast<std::int16_t>(in_.u16())});
      }
      case marker::strict_array:
        return read_items(depth);
      case marker::object:
      case marker::ecma_array:
      case marker::typed_object:
        return read_object(kind, depth);
      default:
        return fail(errc::unsupported, "amf0_unsupported",
                    fmt::format("AMF0: type {:#04x} is not accepted", static_cast<unsigned>(kind)));
    }
  }

  result<value> read_items(std::size_t depth) {
    const auto count = in_.u32();
    strict_array made;
    for (std::uint32_t i = 0; i < count; ++i) {  // ends early: each item counts against the limits
      auto item = read(depth + 1);
      if (!item) {
        return item;
      }
      made.items.push_back(std::move(*item));
    }
    return value(std::move(made));
  }

  result<value> read_object(marker kind, std::size_t depth) {
    std::string type;
    if (kind == marker::typed_object) {
      type = to_string(in_.take(in_.u16()));
    } else if (kind == marker::ecma_array) {
      in_.u32();  // its count: advice
    }
    auto members = read_members(kind, depth);
    if (!members) {
      return fail(members.error());
    }
    if (kind == marker::object) {
      return value(object{std::move(*members)});
    }
    if (kind == marker::ecma_array) {
      return value(ecma_array{std::move(*members)});
    }
    return value(typed_object{std::move(type), std::move(*members)});
  }

  result<properties> read_members(marker kind, std::size_t depth) {
    properties made;
    while (true) {
      // Some encoders leave out the end of an ECMA array that ends the message.
      if (kind == marker::ecma_array && in_.ok() && in_.left() == 0) {
        return made;
      }
      auto name = to_string(in_.take(in_.u16()));
      if (!in_.ok()) {
        return malformed("an object has no end");
      }
      if (name.empty() && in_.left() > 0 &&
          in_.rest().front() == static_cast<std::uint8_t>(marker::object_end)) {
        in_.u8();
        return made;
      }
      auto member = read(depth + 1);
      if (!member) {
        return fail(member.error());
      }
      made.emplace_back(std::move(name), std::move(*member));
    }
  }

  byte_reader in_;
  const limits limits_;
  std::size_t values_ = 0;
};

class encoder {
 public:
  explicit encoder(byte_writer& out) : out_(out) {}

  void operator()(undefined) const { put(marker::undefined); }

  void operator()(null) const { put(marker::null); }

  void operator()(double v) const {
    put(marker::number);
    out_.u64(std::bit_cast<std::uint64_t>(v));
  }

  void operator()(bool v) const {
    put(marker::boolean);
    out_.u8(v ? 1 : 0);
  }

  void operator()(const std::string& v) const {
    if (v.size() <= 0xFFFF) {
      put(marker::string);
      name(v);
    } else {
      put(marker::long_string);
      long_text(v);
    }
  }

  void operator()(const object& v) const {
    put(marker::object);
    members(v.members);
  }

  void operator()(const ecma_array& v) const {
    put(marker::ecma_array);
    out_.u32(v.members.size());
    members(v.members);
  }

  void operator()(const typed_object& v) const {
    put(marker::typed_object);
    name(v.type);
    members(v.members);
  }

  void operator()(const strict_array& v) const {
    put(marker::strict_array);
    out_.u32(v.items.size());
    for (const auto& item : v.items) {
      encode(item, out_);
    }
  }

  void operator()(const date& v) const {
    put(marker::date);
    out_.u64(std::bit_cast<std::uint64_t>(v.unix_ms));
    out_.u16(static_cast<std::uint16_t>(v.time_zone));
  }

  void operator()(const xml& v) const {
    put(marker::xml_document);
    long_text(v.text);
  }

 private:
  void put(marker kind) const { out_.u8(static_cast<std::uint8_t>(kind)); }

  void name(std::string_view text) const {
    text = text.substr(0, 0xFFFF);  // a name has 16 bits of length and no long form
    out_.u16(text.size());
    out_.append(text);
  }

  void long_text(std::string_view text) const {
    out_.u32(text.size());
    out_.append(text);
  }

  void members(const properties& all) const {
    for (const auto& [key, member] : all) {
      name(key);
      encode(member, out_);
    }
    name("");
    put(marker::object_end);
  }

  byte_writer& out_;
};

}  // namespace

const properties* value::members() const {
  if (const auto* o = std::get_if<object>(&data)) {
    return &o->members;
  }
  if (const auto* a = std::get_if<ecma_array>(&data)) {
    return &a->members;
  }
  if (const auto* t = std::get_if<typed_object>(&data)) {
    return &t->members;
  }
  return nullptr;
}

const value* value::find(std::string_view name) const {
  const auto* all = members();
  if (all == nullptr) {
    return nullptr;
  }
  const auto found = std::ranges::find(*all, name, &property::first);
  return found == all->end() ? nullptr : &found->second;
}

bool operator==(const value& a, const value& b) {
  return a.data == b.data;
}

bool operator==(const object& a, const object& b) {
  return a.members == b.members;
}

bool operator==(const ecma_array& a, const ecma_array& b) {
  return a.members == b.members;
}

bool operator==(const strict_array& a, const strict_array& b) {
  return a.items == b.items;
}

bool operator==(const typed_object& a, const typed_object& b) {
  return a.type == b.type && a.members == b.members;
}

result<value> decode(byte_view& input, const limits& l) {
  decoder d(input, l);
  auto read = d.read(0);
  if (read) {
    input = d.rest();
  }
  return read;
}

result<std::vector<value>> decode_all(byte_view input, const limits& l) {
  decoder d(input, l);
  std::vector<value> all;
  while (!d.rest().empty()) {
    auto read = d.read(0);
    if (!read) {
      return fail(read.error());
    }
    all.push_back(std::move(*read));
  }
  return all;
}

void encode(const value& v, byte_writer& out) {
  std::visit(encoder(out), v.data);
}

bytes encode_all(const std::vector<value>& values) {
  byte_writer out;
  for (const auto& v : values) {
    encode(v, out);
  }
  return out.take();
}

}  // namespace troupe::rtmp::amf0
