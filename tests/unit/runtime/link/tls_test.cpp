// SPDX-License-Identifier: GPL-3.0-or-later
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "runtime/link/certificate_maker.hpp"
#include "tests/unit/runtime/link/link_fixture.hpp"
#include "tests/unit/runtime/link/raw_socket.hpp"

namespace troupe::runtime {
namespace {

namespace fs = std::filesystem;

/// A folder of CAs and nodes, gone with its test.
class pki {
 public:
  pki() {
    std::string pattern = fs::temp_directory_path() / "troupe-link-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    ca_ = make_ca("test").value();
    other_ca_ = make_ca("other").value();
  }

  ~pki() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  pki(const pki&) = delete;
  pki& operator=(const pki&) = delete;

  const certificate& ca() const { return ca_; }

  const certificate& other_ca() const { return other_ca_; }

  /// The files of a node: a certificate for `name` by `by`, trusting `trusted`.
  link_certificates files(const std::string& folder, const std::string& name, const certificate& by,
                          const certificate& trusted) {
    const auto made = make_node_certificate(by, name, {}).value();
    const auto in = folder_ / folder;
    fs::create_directories(in);
    link_certificates f{in / "ca.pem", in / "node.pem", in / "node.key", std::chrono::seconds(1)};
    write(f.ca, trusted.cert);
    write(f.key, made.key);
    write(f.cert, made.cert);
    return f;
  }

  link_certificates files(const std::string& name) { return files(name, name, ca_, ca_); }

  static void write(const fs::path& path, const std::string& text) {
    const auto beside = path.string() + ".new";
    std::ofstream(beside, std::ios::binary) << text;
    fs::rename(beside, path);
  }

 private:
  fs::path folder_;
  certificate ca_;
  certificate other_ca_;
};

std::function<void(grpc_link_options&)> with(link_certificates files) {
  return [files = std::move(files)](grpc_link_options& o) { o.certificates = files; };
}

/// As raw as s_client: a TLS handshake from outside, then HTTP/2's first words.
struct outsider {
  int least = TLS1_3_VERSION;
  int most = TLS1_3_VERSION;
  std::optional<link_certificates> shows;

  /// The version agreed upon when the server answered with HTTP/2, else empty.
  std::string talk(std::uint16_t port) const {
    std::signal(SIGPIPE,
                SIG_IGN);  // OpenSSL writes to a socket that the other side may have closed
    raw_socket socket;
    REQUIRE(socket.connect(port));
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
        SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_min_proto_version(context.get(), least);
    SSL_CTX_set_max_proto_version(context.get(), most);
    // h2, as gRPC wants it.
    SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);
    if (shows) {
      REQUIRE(SSL_CTX_use_certificate_file(context.get(), shows->cert.c_str(), SSL_FILETYPE_PEM) ==
              1);
      REQUIRE(SSL_CTX_use_PrivateKey_file(context.get(), shows->key.c_str(), SSL_FILETYPE_PEM) ==
              1);
    }
    const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), SSL_free);
    SSL_set_fd(tls.get(), socket.fd());
    if (SSL_connect(tls.get()) != 1) {
      return {};
    }
    // The server looks at the client's certificate after that; what it thinks comes with the
    // first read.
    const std::string preface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
    SSL_write(tls.get(), preface.data(), static_cast<int>(preface.size()));
    char answer[9];
    return SSL_read(tls.get(), answer, sizeof answer) > 0 ? SSL_get_version(tls.get()) : "";
  }
};

}  // namespace

TEST_CASE("link tls: nodes of one CA speak, over TLS 1.3", "[runtime][link][net][tls]") {
  pki keys;
  test_node a("a", with(keys.files("a")));
  test_node b("b", with(keys.files("b")));
  connect(a, b);
  auto e = numbered(1);
  e.body.assign(300'000, 9);
  REQUIRE(a.way->send("b", link_stream::media, e));
  REQUIRE(b.way->send("a", link_stream::control, numbered(2)));
  REQUIRE(b.wait_messages(1));
  REQUIRE(a.wait_messages(1));
  CHECK(b.got.front().from == "a");
  CHECK(b.got.front().what.body == e.body);
  CHECK(outsider{.shows = keys.files("c")}.talk(a.way->port()) == "TLSv1.3");
}

TEST_CASE("link tls: TLS 1.2 and below get nothing", "[runtime][link][net][tls]") {
  pki keys;
  test_node a("a", with(keys.files("a")));
  const auto good = keys.files("b");
  CHECK(outsider{TLS1_2_VERSION, TLS1_2_VERSION, good}.talk(a.way->port()).empty());
  CHECK(outsider{TLS1_VERSION, TLS1_1_VERSION, good}.talk(a.way->port()).empty());
  CHECK(outsider{TLS1_VERSION, TLS1_3_VERSION, good}.talk(a.way->port()) == "TLSv1.3");
}

TEST_CASE("link tls: no certificate, or another CA's, gets nothing", "[runtime][link][net][tls]") {
  pki keys;
  test_node a("a", with(keys.files("a")));
  CHECK(outsider{}.talk(a.way->port()).empty());
  const auto stranger = keys.files("stranger", "b", keys.other_ca(), keys.ca());
  CHECK(outsider{.shows = stranger}.talk(a.way->port()).empty());
  // And who speaks no TLS.
  raw_socket plain;
  REQUIRE(plain.connect(a.way->port()));
  plain.send(std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33));
  CHECK(plain.wait_closed());
  test_node clear("b");
  clear.way->set_peers({a.as_peer()});
  CHECK(clear.wait_state("a", peer_state::down));
  CHECK(a.states_heard("b") == 0);
}

TEST_CASE("link tls: a node that is shown another CA does not talk", "[runtime][link][net][tls]") {
  pki keys;
  test_node a("a", with(keys.files("a")));
  test_node b("b", with(keys.files("b", "b", keys.other_ca(), keys.other_ca())));
  a.way->set_peers({b.as_peer()});
  b.way->set_peers({a.as_peer()});
  CHECK(a.wait_state("b", peer_state::down));
  CHECK(b.wait_state("a", peer_state::down));
  CHECK_FALSE(a.way->send("b", link_stream::control, numbered(1)));
}

TEST_CASE("link tls: the right CA with another node's name is turned away",
          "[runtime][link][net][tls]") {
  pki keys;
  SECTION("when it is dialled") {
    test_node a("a", with(keys.files("a")));
    test_node c("c", with(keys.files("c")));
    a.way->set_peers({{"b", c.address()}});
    CHECK(a.wait_state("b", peer_state::down));
    CHECK_FALSE(a.way->send("b", link_stream::control, numbered(1)));
    CHECK(c.got.empty());
  }
  SECTION("when it dials, whatever name it claims") {
    test_node b("b", with(keys.files("b")));
    // c's certificate in the hands of a process that calls itself a; its own look at the files, as
    // any other program's, is left out by letting it start with a's and changing them after.
    const auto files = keys.files("a");
    test_node a("a", with(files));
    const auto of_c = make_node_certificate(keys.ca(), "c", {}).value();
    pki::write(files.key, of_c.key);
    pki::write(files.cert, of_c.cert);
    // The files are read every second: dialling anew until what is shown has changed.
    const auto until = std::chrono::steady_clock::now() + patience;
    while (b.turned_away("name") == 0) {
      REQUIRE(std::chrono::steady_clock::now() < until);
      const auto heard = a.states_heard("b");
      a.way->set_peers({});
      a.way->set_peers({b.as_peer()});
      REQUIRE(a.wait([&] { return a.states["b"].size() > heard; }));
    }
    REQUIRE(a.wait_state("b", peer_state::down));
    CHECK_FALSE(a.way->send("b", link_stream::control, numbered(1)));
    CHECK(b.got.empty());
  }
}

TEST_CASE("link tls: a new certificate is taken up without a restart",
          "[runtime][link][net][tls]") {
  pki keys;
  const auto files = keys.files("a");
  test_node a("a", with(files));
  // Of another CA, as when all certificates are replaced: nobody of the new one is let in yet.
  const auto old_peer = keys.files("old", "b", keys.ca(), keys.ca());
  const auto new_peer = keys.files("new", "b", keys.other_ca(), keys.other_ca());
  REQUIRE(outsider{.shows = old_peer}.talk(a.way->port()) == "TLSv1.3");
  REQUIRE(outsider{.shows = new_peer}.talk(a.way->port()).empty());
  const auto fresh = make_node_certificate(keys.other_ca(), "a", {}).value();
  pki::write(files.key, fresh.key);
  pki::write(files.cert, fresh.cert);
  pki::write(files.ca, keys.other_ca().cert);
  const auto until = std::chrono::steady_clock::now() + patience;
  while (outsider{.shows = new_peer}.talk(a.way->port()).empty()) {
    REQUIRE(std::chrono::steady_clock::now() < until);
  }
  CHECK(outsider{.shows = old_peer}.talk(a.way->port()).empty());
  test_node b("b", with(new_peer));
  connect(a, b);
}

TEST_CASE("link tls: wrong files are told by name", "[runtime][link][tls]") {
  pki keys;
  metrics figures;
  const auto why = [&](const link_certificates& files, const std::string& node) {
    grpc_link_options o;
    o.node = node;
    o.listen = "127.0.0.1";
    o.certificates = files;
    const auto made = make_grpc_link(o, figures);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == errc::invalid_argument);
    return made.error().message;
  };
  const auto good = keys.files("a");
  CHECK_THAT(why(good, "b"), Catch::Contains("does not name this node"));
  auto files = good;
  files.ca = "/nonexistent";
  CHECK_THAT(why(files, "a"), Catch::Contains("/nonexistent cannot be read"));
  files = good;
  files.cert = good.key;
  CHECK_THAT(why(files, "a"), Catch::Contains("holds no certificate"));
  files = good;
  files.key = good.cert;
  CHECK_THAT(why(files, "a"), Catch::Contains("holds no private key"));
  files = good;
  files.key = keys.files("b").key;
  CHECK_THAT(why(files, "a"), Catch::Contains("is not the key of"));
  CHECK_THAT(why(keys.files("x", "a", keys.other_ca(), keys.ca()), "a"),
             Catch::Contains("is no certificate of"));
}

TEST_CASE("certificates: what they say", "[runtime][link][tls]") {
  const auto ca = make_ca("home").value();
  const auto node = make_node_certificate(ca, "a", {"a.example.org", "10.0.0.1", "::1"}).value();
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(
      BIO_new_mem_buf(node.cert.data(), static_cast<int>(node.cert.size())), BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> cert(
      PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), X509_free);
  REQUIRE(cert);
  CHECK(X509_check_host(cert.get(), "a", 1, 0, nullptr) == 1);
  CHECK(X509_check_host(cert.get(), "a.example.org", 13, 0, nullptr) == 1);
  CHECK(X509_check_host(cert.get(), "b", 1, 0, nullptr) == 0);
  CHECK(X509_check_ip_asc(cert.get(), "10.0.0.1", 0) == 1);
  CHECK(X509_check_ip_asc(cert.get(), "::1", 0) == 1);
  CHECK(X509_check_ca(cert.get()) == 0);
  CHECK(X509_check_purpose(cert.get(), X509_PURPOSE_SSL_CLIENT, 0) == 1);
  CHECK(X509_check_purpose(cert.get(), X509_PURPOSE_SSL_SERVER, 0) == 1);
  CHECK_FALSE(make_node_certificate(ca, "a", {"x,DNS:b"}));
  CHECK_FALSE(make_node_certificate(ca, "a", {""}));
  CHECK_FALSE(make_node_certificate(node, "b", {}));  // a node makes no nodes
  CHECK_FALSE(make_node_certificate({ca.cert, node.key}, "b", {}));
  CHECK(make_ca("home").value().key != ca.key);
}

}  // namespace troupe::runtime
