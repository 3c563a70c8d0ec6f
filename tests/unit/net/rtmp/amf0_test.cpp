// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/amf0.hpp"

#include <cmath>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::rtmp;

namespace {

/// A file of the fuzz corpus: the vectors of another implementation.
bytes vector_file(const std::string& name) {
  std::ifstream in(TROUPE_SOURCE_DIR "/tests/fuzz/corpus/amf0/" + name, std::ios::binary);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

amf0::value decode_one(const bytes& data) {
  const auto all = amf0::decode_all(data);
  REQUIRE(all);
  REQUIRE(all->size() == 1);
  return all->front();
}

std::string reason_of(byte_view data, const amf0::limits& l = {}) {
  const auto all = amf0::decode_all(data, l);
  return all ? "" : all.error().reason;
}

bytes operator""_b(const char* text, std::size_t size) {
  return {text, text + size};
}

}  // namespace

TEST_CASE("amf0: reads another implementation's values", "[net][rtmp]") {
  CHECK(decode_one(vector_file("amf0-number")) == amf0::value(3.5));
  CHECK(decode_one(vector_file("amf0-boolean")) == amf0::value(true));
  CHECK(decode_one(vector_file("amf0-string")) == amf0::value("this is a テスト"));
  CHECK(decode_one(vector_file("amf0-null")) == amf0::value(amf0::null{}));
  CHECK(decode_one(vector_file("amf0-undefined")) == amf0::value(amf0::undefined{}));
  CHECK(decode_one(vector_file("amf0-hash")) ==
        amf0::value(amf0::ecma_array{{{"a", "b"}, {"c", "d"}}}));
  CHECK(decode_one(vector_file("amf0-ecma-ordinal-array")) ==
        amf0::value(amf0::ecma_array{{{"0", "a"}, {"1", "b"}, {"2", "c"}, {"3", "d"}}}));
  CHECK(decode_one(vector_file("amf0-empty-string-key-hash")) ==
        amf0::value(amf0::ecma_array{{{"c", "d"}, {"a", "b"}, {"", "last"}}}));
  CHECK(decode_one(vector_file("amf0-strict-array")) ==
        amf0::value(amf0::strict_array{{"a", "b", "c", "d"}}));
  CHECK(
      decode_one(vector_file("amf0-typed-object")) ==
      amf0::value(amf0::typed_object{"org.amf.ASClass", {{"baz", amf0::null{}}, {"foo", "bar"}}}));
  CHECK(decode_one(vector_file("amf0-xml-doc")) ==
        amf0::value(amf0::xml{"<parent><child prop=\"test\" /></parent>"}));
  const auto date = decode_one(vector_file("amf0-time"));
  CHECK(std::get<amf0::date>(date.data) == amf0::date{1045112400000.0, 300});
  const auto object = decode_one(vector_file("amf0-object"));
  REQUIRE(object.find("foo") != nullptr);
  CHECK(*object.find("foo")->text() == "baz");
}

TEST_CASE("amf0: writes what another implementation wrote", "[net][rtmp]") {
  for (const auto* name : {"amf0-number", "amf0-boolean", "amf0-string", "amf0-null", "amf0-object",
                           "amf0-strict-array", "amf0-typed-object", "amf0-xml-doc", "amf0-date",
                           "amf0-time", "amf0-complex-encoded-string"}) {
    const auto file = vector_file(name);
    CAPTURE(name);
    CHECK(amf0::encode_all({decode_one(file)}) == file);
  }
}

TEST_CASE("amf0: every type survives a round trip", "[net][rtmp]") {
  const std::vector<amf0::value> values{
      1.5,
      -0.0,
      INFINITY,
      true,
      false,
      "text",
      std::string(70000, 'x'),  // a long string
      amf0::null{},
      amf0::undefined{},
      amf0::date{1234.0, -60},
      amf0::xml{"<a/>"},
      amf0::object{{{"a", 1.0}, {"b", amf0::object{{{"c", "d"}}}}}},
      amf0::object{},
      amf0::ecma_array{{{"width", 1280.0}}},
      amf0::strict_array{{1.0, "two", amf0::null{}}},
      amf0::typed_object{"T", {{"x", false}}},
  };
  const auto encoded = amf0::encode_all(values);
  const auto decoded = amf0::decode_all(encoded);
  REQUIRE(decoded);
  REQUIRE(*decoded == values);
}

TEST_CASE("amf0: one value leaves the rest", "[net][rtmp]") {
  const auto data = amf0::encode_all({"name", 2.0});
  byte_view in(data);
  REQUIRE(amf0::decode(in) == amf0::value("name"));
  REQUIRE(amf0::decode(in) == amf0::value(2.0));
  REQUIRE(in.empty());
  REQUIRE(amf0::decode(in).error().reason == "amf0_malformed");
}

TEST_CASE("amf0: data cut short at any byte is refused", "[net][rtmp]") {
  const auto whole = amf0::encode_all({amf0::object{{{"a", 1.0}, {"b", "text"}, {"c", true}}}});
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CAPTURE(size);
    REQUIRE(reason_of(byte_view(whole).first(size)) == "amf0_malformed");
  }
  REQUIRE(reason_of(whole).empty());
}

TEST_CASE("amf0: an ECMA array may lack its end at the end of the message", "[net][rtmp]") {
  auto data = amf0::encode_all({amf0::ecma_array{{{"width", 640.0}}}});
  data.resize(data.size() - 3);
  const auto v = decode_one(data);
  REQUIRE(v.find("width") != nullptr);
  REQUIRE(*v.find("width")->number() == 640.0);
}

TEST_CASE("amf0: references, AMF3 and Flash's own types are refused", "[net][rtmp]") {
  CHECK(reason_of(vector_file("amf0-ref-test")) == "amf0_unsupported");
  CHECK(reason_of("\x07\x00\x00"_b) == "amf0_unsupported");
  CHECK(reason_of("\x11\x01"_b) == "amf0_unsupported");
  CHECK(reason_of("\x04\x00"_b) == "amf0_unsupported");
  CHECK(reason_of("\x0e\x00"_b) == "amf0_unsupported");
  CHECK(reason_of("\x12"_b) == "amf0_unsupported");
  CHECK(reason_of("\x09"_b) == "amf0_unsupported");  // an object's end without an object
}

TEST_CASE("amf0: depth and number of values are limited", "[net][rtmp]") {
  const auto nested = [](std::size_t depth) {
    amf0::value v = 1.0;
    for (std::size_t i = 0; i < depth; ++i) {
      v = amf0::value(amf0::strict_array{{v}});
    }
    return amf0::encode_all({v});
  };
  CHECK(reason_of(nested(16)).empty());
  CHECK(reason_of(nested(17)) == "amf0_limit");
  const bytes many(4097, 0x05);
  CHECK(reason_of(byte_view(many).first(4096)).empty());
  CHECK(reason_of(many) == "amf0_limit");
  // A count of 2^32 - 1 reserves nothing: the data ends first.
  CHECK(reason_of("\x0a\xff\xff\xff\xff\x05"_b) == "amf0_malformed");
  CHECK(reason_of("\x0c\xff\xff\xff\xff"
                  "a"_b) == "amf0_malformed");
}

TEST_CASE("amf0: members are found by name in every kind of object", "[net][rtmp]") {
  const amf0::properties members{{"a", 1.0}, {"a", 2.0}};
  for (const auto& v : {amf0::value(amf0::object{members}), amf0::value(amf0::ecma_array{members}),
                        amf0::value(amf0::typed_object{"t", members})}) {
    REQUIRE(v.find("a") != nullptr);
    CHECK(*v.find("a")->number() == 1.0);
    CHECK(v.find("b") == nullptr);
  }
  CHECK(amf0::value(1.0).find("a") == nullptr);
}
