// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/crypto.hpp"

#include <algorithm>
#include <memory>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/check.hpp"

namespace troupe::account {

namespace {

constexpr std::size_t key_size = 32;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;

constexpr std::string_view base62 =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view base64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct cipher_deleter {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};

using cipher = std::unique_ptr<EVP_CIPHER_CTX, cipher_deleter>;

int length_of(byte_view data) {
  return static_cast<int>(data.size());
}

std::string encode(byte_view data, std::string_view alphabet) {
  std::string text;
  text.reserve((data.size() * 4 + 2) / 3);
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const auto byte : data) {
    buffer = (buffer << 8) | byte;
    for (bits += 8; bits >= 6; bits -= 6) {
      text.push_back(alphabet[(buffer >> (bits - 6)) & 63]);
    }
  }
  if (bits > 0) {
    text.push_back(alphabet[(buffer << (6 - bits)) & 63]);
  }
  return text;
}

}  // namespace

bytes random_bytes(std::size_t count) {
  bytes data(count);
  TROUPE_CHECK(RAND_bytes(data.data(), static_cast<int>(count)) == 1, "the system gives entropy");
  return data;
}

std::string random_base62(std::size_t length) {
  std::string text;
  while (text.size() < length) {
    for (const auto byte : random_bytes(length)) {
      // 248 = 4 * 62: what lies above would make some characters more likely.
      if (byte < 248 && text.size() < length) {
        text.push_back(base62[byte % 62]);
      }
    }
  }
  return text;
}

digest sha256(byte_view data) {
  digest out;
  SHA256(data.data(), data.size(), out.data());
  return out;
}

digest hmac_sha256(byte_view key, byte_view data) {
  digest out;
  TROUPE_CHECK(HMAC(EVP_sha256(), key.data(), length_of(key), data.data(), data.size(), out.data(),
                    nullptr) != nullptr,
               "HMAC-SHA-256 is always there");
  return out;
}

bool equal_in_constant_time(byte_view a, byte_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bytes aes_gcm_seal(byte_view key, byte_view nonce, byte_view plain, byte_view associated) {
  TROUPE_CHECK(key.size() == key_size && nonce.size() == nonce_size, "sizes are ours to choose");
  bytes out(plain.size() + tag_size);
  const cipher c(EVP_CIPHER_CTX_new());
  int n = 0;
  int tail = 0;
  const bool done =
      EVP_EncryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce.data()) == 1 &&
      (associated.empty() ||
       EVP_EncryptUpdate(c.get(), nullptr, &n, associated.data(), length_of(associated)) == 1) &&
      EVP_EncryptUpdate(c.get(), out.data(), &n, plain.data(), length_of(plain)) == 1 &&
      EVP_EncryptFinal_ex(c.get(), out.data() + plain.size(), &tail) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag_size),
                          out.data() + plain.size()) == 1;
  TROUPE_CHECK(done, "AES-256-GCM is always there");
  return out;
}

std::optional<bytes> aes_gcm_open(byte_view key, byte_view nonce, byte_view sealed,
                                  byte_view associated) {
  if (key.size() != key_size || nonce.size() != nonce_size || sealed.size() < tag_size) {
    return std::nullopt;
  }
  const auto text = sealed.first(sealed.size() - tag_size);
  bytes tag(sealed.end() - tag_size, sealed.end());
  bytes out(text.size() + tag_size);  // never empty: data() must not be null
  const cipher c(EVP_CIPHER_CTX_new());
  int n = 0;
  int tail = 0;
  const bool done =
      EVP_DecryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce.data()) == 1 &&
      (associated.empty() ||
       EVP_DecryptUpdate(c.get(), nullptr, &n, associated.data(), length_of(associated)) == 1) &&
      EVP_DecryptUpdate(c.get(), out.data(), &n, text.data(), length_of(text)) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag_size), tag.data()) ==
          1 &&
      EVP_DecryptFinal_ex(c.get(), out.data() + text.size(), &tail) == 1;
  if (!done) {
    return std::nullopt;
  }
  out.resize(text.size());
  return out;
}

std::string to_base64url(byte_view data) {
  return encode(data, base64url);
}

std::string to_base64(byte_view data) {
  auto text = encode(data, base64);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<bytes> from_base64url(std::string_view text) {
  bytes data;
  data.reserve(text.size() * 3 / 4);
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const auto place = base64url.find(c);
    if (place == base64url.npos) {
      return std::nullopt;
    }
    buffer = (buffer << 6) | static_cast<std::uint32_t>(place);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      data.push_back(static_cast<std::uint8_t>((buffer >> bits) & 0xFF));
    }
  }
  // A lone character, or bits left that are not zero: another spelling of the same bytes.
  if (bits == 6 || (buffer & ((1U << bits) - 1)) != 0) {
    return std::nullopt;
  }
  return data;
}

}  // namespace troupe::account
