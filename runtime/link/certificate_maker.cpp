// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/certificate_maker.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <spdlog/fmt/fmt.h>

namespace troupe::runtime {
namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* x) const {
    Free(x);
  }
};

using x509 = std::unique_ptr<X509, freed_by<X509_free>>;
using private_key = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using extension = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;
using number = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using text_buffer = std::unique_ptr<BIO, freed_by<BIO_free>>;

// Clocks of machines differ a little.
constexpr long backdated_s = 3600;
// RFC 5280, 4.1.2.2: up to 20 octets, positive.
constexpr int serial_bits = 127;

std::unexpected<error> failed() {
  ERR_clear_error();
  return fail(errc::internal, "OpenSSL could not make the certificate");
}

text_buffer reading(const std::string& pem) {
  return text_buffer(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

std::string content(const text_buffer& b) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(b.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

result<certificate> to_pem(X509& cert, EVP_PKEY& key) {
  const text_buffer cert_out(BIO_new(BIO_s_mem()));
  const text_buffer key_out(BIO_new(BIO_s_mem()));
  if (!cert_out || !key_out || PEM_write_bio_X509(cert_out.get(), &cert) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_out.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return failed();
  }
  return certificate{content(cert_out), content(key_out)};
}

/// A certificate without extensions; nothing where OpenSSL fails.
x509 begin(EVP_PKEY& key, const std::string& name, std::chrono::days lifetime) {
  x509 cert(X509_new());
  const number serial(BN_new());
  const auto seconds = std::chrono::seconds(lifetime).count();
  auto* subject = cert ? X509_get_subject_name(cert.get()) : nullptr;
  const bool made =
      subject != nullptr && serial && X509_set_version(cert.get(), X509_VERSION_3) == 1 &&
      BN_rand(serial.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
      BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(cert.get())) != nullptr &&
      X509_gmtime_adj(X509_getm_notBefore(cert.get()), -backdated_s) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(cert.get()), seconds) != nullptr &&
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.data()),
                                 static_cast<int>(name.size()), -1, 0) == 1 &&
      X509_set_pubkey(cert.get(), &key) == 1;
  return made ? std::move(cert) : nullptr;
}

bool extend(X509& cert, X509& issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &issuer, &cert, nullptr, nullptr, 0);
  const extension made(X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
  return made && X509_add_ext(&cert, made.get(), -1) == 1;
}

bool is_address(const std::string& host) {
  in6_addr space{};
  return inet_pton(AF_INET, host.c_str(), &space) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &space) == 1;
}

/// Letters that mean something in OpenSSL's lists of names have no place in one.
bool is_host_name(const std::string& host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  });
}

}  // namespace

result<certificate> make_ca(const std::string& cluster, std::chrono::days lifetime) {
  const private_key key(EVP_EC_gen("P-256"));
  const auto cert = key ? begin(*key, fmt::format("{} cluster CA", cluster), lifetime) : nullptr;
  if (!cert || X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get())) != 1 ||
      !extend(*cert, *cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !extend(*cert, *cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !extend(*cert, *cert, NID_subject_key_identifier, "hash") ||
      X509_sign(cert.get(), key.get(), EVP_sha256()) == 0) {
    return failed();
  }
  return to_pem(*cert, *key);
}

result<certificate> make_node_certificate(const certificate& ca, const std::string& node,
                                          const std::vector<std::string>& hosts,
                                          std::chrono::days lifetime) {
  std::string names = "DNS:" + node;
  for (const auto& host : hosts) {
    if (!is_address(host) && !is_host_name(host)) {
      return fail(errc::invalid_argument, fmt::format("\"{}\" is no host name or address", host));
    }
    names += (is_address(host) ? ",IP:" : ",DNS:") + host;
  }
  char none[] = "";
  const x509 issuer(PEM_read_bio_X509(reading(ca.cert).get(), nullptr, nullptr, nullptr));
  const private_key issuer_key(
      PEM_read_bio_PrivateKey(reading(ca.key).get(), nullptr, nullptr, none));
  if (!issuer || !issuer_key || X509_check_ca(issuer.get()) == 0 ||
      X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
    ERR_clear_error();
    return fail(errc::invalid_argument, "the CA's files are no CA and its key");
  }
  const private_key key(EVP_EC_gen("P-256"));
  const auto cert = key ? begin(*key, node, lifetime) : nullptr;
  if (!cert || X509_set_issuer_name(cert.get(), X509_get_subject_name(issuer.get())) != 1 ||
      !extend(*cert, *issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !extend(*cert, *issuer, NID_key_usage, "critical,digitalSignature") ||
      !extend(*cert, *issuer, NID_ext_key_usage, "serverAuth,clientAuth") ||
      !extend(*cert, *issuer, NID_subject_alt_name, names) ||
      !extend(*cert, *issuer, NID_subject_key_identifier, "hash") ||
      !extend(*cert, *issuer, NID_authority_key_identifier, "keyid:always") ||
      X509_sign(cert.get(), issuer_key.get(), EVP_sha256()) == 0) {
    return failed();
  }
  return to_pem(*cert, *key);
}

}  // namespace troupe::runtime
