// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/bytes.hpp"

#include <catch2/catch.hpp>

namespace troupe {

TEST_CASE("byte_writer and byte_reader: agree on every width", "[base][bytes]") {
  byte_writer out;
  out.u8(0xAB);
  out.u16(0xABCD);
  out.u24(0xABCDEF);
  out.u32(0xDEADBEEF);
  out.u64(0x0123456789ABCDEF);
  out.append("end");
  byte_reader in(out.view());
  CHECK(in.u8() == 0xAB);
  CHECK(in.u16() == 0xABCD);
  CHECK(in.u24() == 0xABCDEF);
  CHECK(in.u32() == 0xDEADBEEF);
  CHECK(in.u64() == 0x0123456789ABCDEF);
  CHECK(as_text(in.take(3)) == "end");
  CHECK(in.ok());
  CHECK(in.left() == 0);
}

TEST_CASE("byte_reader: a read beyond the end fails for good and reads zero", "[base][bytes]") {
  const bytes data{1, 2};
  byte_reader in(data);
  CHECK(in.u32() == 0);
  CHECK_FALSE(in.ok());
  CHECK(in.u8() == 0);
  CHECK(in.take(1).empty());
}

TEST_CASE("shared_bytes: a slice keeps the buffer alive without copying", "[base][bytes]") {
  shared_bytes slice;
  const std::uint8_t* where = nullptr;
  {
    const shared_bytes whole(bytes{1, 2, 3, 4});
    where = whole.data();
    slice = whole.slice(1, 2);
  }
  CHECK(slice.data() == where + 1);
  CHECK(bytes(slice.view().begin(), slice.view().end()) == bytes{2, 3});
}

}  // namespace troupe
