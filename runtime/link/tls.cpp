// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/tls.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <spdlog/fmt/fmt.h>

namespace troupe::runtime::detail {
namespace {

// gRPC 1.51 cannot be told a least version of TLS. It can be told the suites for version 1.2 (those
// of 1.3 are a setting of their own, which it leaves alone): with only this one, which needs a key
// shared beforehand that nobody has, no handshake below 1.3 succeeds. The environment is the one
// way, and is written before main(), when there is no other thread to read it.
[[maybe_unused]] const int only_tls_1_3 =
    setenv("GRPC_SSL_CIPHER_SUITES", "PSK-AES256-GCM-SHA384", 1);

struct free_x509 {
  void operator()(X509* x) const { X509_free(x); }
};

struct free_key {
  void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); }
};

struct free_store {
  void operator()(X509_STORE* s) const { X509_STORE_free(s); }
};

struct free_store_context {
  void operator()(X509_STORE_CTX* c) const { X509_STORE_CTX_free(c); }
};

struct close_file {
  void operator()(std::FILE* f) const { std::fclose(f); }
};

using x509 = std::unique_ptr<X509, free_x509>;
using key = std::unique_ptr<EVP_PKEY, free_key>;
using file = std::unique_ptr<std::FILE, close_file>;

x509 read_certificate(const std::filesystem::path& path) {
  const file opened(std::fopen(path.c_str(), "re"));
  return x509(opened ? PEM_read_X509(opened.get(), nullptr, nullptr, nullptr) : nullptr);
}

key read_key(const std::filesystem::path& path) {
  const file opened(std::fopen(path.c_str(), "re"));
  // Without a password: nobody is there to type it when the node starts.
  char none[] = "";
  return key(opened ? PEM_read_PrivateKey(opened.get(), nullptr, nullptr, none) : nullptr);
}

/// Why the certificate is not one of the CA's; empty when it is.
std::string verify(X509& cert, const std::filesystem::path& ca) {
  const std::unique_ptr<X509_STORE, free_store> store(X509_STORE_new());
  const std::unique_ptr<X509_STORE_CTX, free_store_context> context(X509_STORE_CTX_new());
  if (!store || !context || X509_STORE_load_file(store.get(), ca.c_str()) != 1 ||
      X509_STORE_CTX_init(context.get(), store.get(), &cert, nullptr) != 1) {
    return "the CA's file cannot be used";
  }
  if (X509_verify_cert(context.get()) == 1) {
    return {};
  }
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

template <class... Args>
std::unexpected<error> wrong(fmt::format_string<Args...> format, Args&&... args) {
  ERR_clear_error();  // what OpenSSL remembers of it belongs to nobody else's call
  return fail(errc::invalid_argument, "bad_certificate",
              "cluster.tls: " + fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace

link_credentials make_credentials(const link_certificates& files) {
  namespace tls = grpc::experimental;
  const auto watched = std::make_shared<tls::FileWatcherCertificateProvider>(
      files.key.string(), files.cert.string(), files.ca.string(),
      static_cast<unsigned>(files.reread.count()));
  tls::TlsChannelCredentialsOptions dialling;
  dialling.set_certificate_provider(watched);
  dialling.watch_root_certs();
  dialling.watch_identity_key_cert_pairs();
  tls::TlsServerCredentialsOptions accepting(watched);
  accepting.watch_root_certs();
  accepting.watch_identity_key_cert_pairs();
  accepting.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return {tls::TlsCredentials(dialling), tls::TlsServerCredentials(accepting)};
}

link_credentials make_plain_credentials() {
  return {grpc::InsecureChannelCredentials(), grpc::InsecureServerCredentials()};
}

result<void> check_certificates(const link_certificates& files, const std::string& node) {
  if (!read_certificate(files.ca)) {
    return wrong("{} cannot be read, or holds no certificate in PEM form", files.ca.string());
  }
  const auto cert = read_certificate(files.cert);
  if (!cert) {
    return wrong("{} cannot be read, or holds no certificate in PEM form", files.cert.string());
  }
  const auto secret = read_key(files.key);
  if (!secret) {
    return wrong("{} cannot be read, or holds no private key in PEM form without a password",
                 files.key.string());
  }
  if (X509_check_private_key(cert.get(), secret.get()) != 1) {
    return wrong("{} is not the key of {}", files.key.string(), files.cert.string());
  }
  if (const auto why = verify(*cert, files.ca); !why.empty()) {
    return wrong("{} is no certificate of {}: {}", files.cert.string(), files.ca.string(), why);
  }
  constexpr unsigned exactly = X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
  if (X509_check_host(cert.get(), node.data(), node.size(), exactly, nullptr) != 1) {
    return wrong("{} does not name this node: expected the DNS name \"{}\" in it",
                 files.cert.string(), node);
  }
  return {};
}

}  // namespace troupe::runtime::detail
