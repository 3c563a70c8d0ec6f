// SPDX-License-Identifier: GPL-3.0-or-later
// Streams of several nodes: what players were shown stays what it was, whoever makes it.
#include "tests/unit/actors/stream/stream_cluster.hpp"

#include <algorithm>

using namespace troupe;
using namespace troupe::stream;
using namespace troupe::stream::sample;

namespace {

constexpr std::uint64_t all = 420;

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

/// What an encoder at that node makes where nothing happens.
struct calm {
  explicit calm(const std::string& node) {
    stream_cluster c;
    sample_edge edge(c, node, 1);
    REQUIRE(edge.open());
    edge.push(all);
    c.cluster.advance(1s);
    playlist = c.playlist(c.home());
    parts = c.parts(c.home());
  }

  std::string playlist;
  std::map<std::string, std::string> parts;
};

/// Everything that was there is there, and the same.
void check_kept(const std::map<std::string, std::string>& before,
                const std::map<std::string, std::string>& after) {
  for (const auto& [file, content] : before) {
    CAPTURE(file);
    REQUIRE(after.contains(file));
    CHECK(after.at(file) == content);
  }
}

}  // namespace

TEST_CASE("stream cluster: a stream lives where its publisher is, another node has a copy",
          "[actors][stream][cluster]") {
  stream_cluster c;
  sample_edge edge(c, "b", 1);
  REQUIRE(edge.open());
  edge.push(all);
  CHECK(c.home() == "b");
  int copies = 0;
  for (const auto* node : {"a", "c"}) {
    if (c.nodes.at(node)->replicas.position(the_stream, media::source_rendition)) {
      ++copies;
      const auto& from = c.nodes.at("b")->live;
      const auto& to = c.nodes.at(node)->replicas;
      CHECK(to.position(the_stream, "source")->next_msn ==
            from.position(the_stream, "source")->next_msn);
      CHECK(to.position(the_stream, "source")->parts == from.position(the_stream, "source")->parts);
    }
  }
  CHECK(copies == 1);
  CHECK(edge.oldest() > 0);
}

TEST_CASE("stream cluster: a stream that moves in the midst of a segment makes the same parts",
          "[actors][stream][cluster]") {
  const auto at = GENERATE(0U, 7U, 50U, 63U, 180U, 333U);
  const auto* to = GENERATE("b", "c");
  CAPTURE(at, to);
  const calm unmoved("a");
  stream_cluster c;
  sample_edge edge(c, "a", 1);
  REQUIRE(edge.open());
  edge.push(at);
  const auto before = c.parts("a");
  const auto away = c.cluster.move(name_of_stream(), to);
  REQUIRE(away);
  CHECK(*away < 50ms);
  CHECK(c.home() == to);
  check_kept(before, c.parts(to));
  edge.push(all - at);
  c.cluster.advance(1s);
  CHECK(edge.reopened == (at == all ? 0 : 1));
  CHECK(c.playlist(to) == unmoved.playlist);
  CHECK(c.parts(to) == unmoved.parts);
  CHECK(c.stored() == storage::stream_status::live);
}

TEST_CASE("stream cluster: a stream may move again and again", "[actors][stream][cluster]") {
  const calm unmoved("a");
  stream_cluster c;
  sample_edge edge(c, "a", 1);
  REQUIRE(edge.open());
  std::uint64_t pushed = 0;
  for (const auto* to : {"b", "a", "c", "b", "c", "a"}) {
    edge.push(61);
    pushed += 61;
    REQUIRE(c.cluster.move(name_of_stream(), to));
    CHECK(c.home() == to);
  }
  edge.push(all - pushed);
  c.cluster.advance(1s);
  CHECK(c.playlist("a") == unmoved.playlist);
  CHECK(c.parts("a") == unmoved.parts);
}

TEST_CASE("stream cluster: the stream's node is killed, the encoder's is not",
          "[actors][stream][cluster]") {
  const auto at = GENERATE(3U, 50U, 63U, 180U, 333U, 400U);
  CAPTURE(at);
  const calm unmoved("a");
  stream_cluster c;
  sample_edge edge(c, "a", 1);
  REQUIRE(edge.open());
  REQUIRE(c.cluster.move(name_of_stream(), "b"));
  edge.push(at);
  const auto before = c.parts("b");
  REQUIRE(c.home() == "b");
  c.cluster.crash("b");
  edge.push(all - at);
  c.cluster.advance(1s);
  const auto now = c.home();
  CHECK((now == "a" || now == "c"));
  check_kept(before, c.parts(now));
  CHECK(c.playlist(now) == unmoved.playlist);
  CHECK(c.parts(now) == unmoved.parts);
  CHECK(count(c.playlist(now), "EXT-X-DISCONTINUITY\n") == 0);
  CHECK(c.stored() == storage::stream_status::live);
}

TEST_CASE("stream cluster: node after node is killed, each when the next has a standby",
          "[actors][stream][cluster]") {
  const calm unmoved("a");
  stream_cluster c;
  sample_edge edge(c, "a", 1);
  REQUIRE(edge.open());
  REQUIRE(c.cluster.move(name_of_stream(), "b"));
  edge.push(120);
  c.cluster.crash("b");
  edge.push(100);
  REQUIRE(c.home() == "a");
  c.cluster.start("b");
  c.cluster.advance(1s);
  REQUIRE(c.cluster.move(name_of_stream(), "c"));
  edge.push(30);
  c.cluster.crash("c");
  edge.push(all - 250);
  c.cluster.advance(1s);
  CHECK(c.playlist(c.home()) == unmoved.playlist);
  CHECK(c.parts(c.home()) == unmoved.parts);
}

TEST_CASE("stream cluster: the node of stream and encoder is killed, every listed part stays",
          "[actors][stream][cluster]") {
  const auto at = GENERATE(9U, 20U, 63U, 180U, 333U);
  CAPTURE(at);
  stream_cluster c;
  sample_edge edge(c, "a", 1);
  REQUIRE(edge.open());
  edge.push(at);
  REQUIRE(c.home() == "a");
  const auto before = c.parts("a");
  const auto listed = c.playlist("a");
  c.cluster.crash("a");
  sample_edge again(c, "b", 2);
  SECTION("and its encoder comes back at once") {
    REQUIRE(again.open());
  }
  SECTION("and its encoder comes back later, when another node has looked after the stream") {
    c.cluster.node("c").tell(c.cluster.session_on("c"), name_of_stream(), reconcile{});
    c.cluster.advance(10s);
    CHECK(c.home() == "c");
    CHECK(c.stored() == storage::stream_status::reconnecting);
    check_kept(before, c.parts("c"));
    REQUIRE(again.open());
  }
  again.push(120);
  c.cluster.advance(1s);
  const auto now = c.home();
  check_kept(before, c.parts(now));
  const auto after = c.playlist(now);
  CHECK(count(after, "EXT-X-DISCONTINUITY\n") == 1);
  CHECK(count(after, "EXT-X-MEDIA-SEQUENCE:0\n") == 1);
  // Of the segments before all are listed, and the next one's number is the next.
  const auto segments = static_cast<std::int64_t>(count(after, "#EXTINF"));
  CHECK(c.nodes.at(now)->live.position(the_stream, "source")->next_msn == segments);
  CHECK(count(after, "#EXTINF") > count(listed, "#EXTINF"));
  CHECK(c.stored() == storage::stream_status::live);
}

TEST_CASE("stream cluster: a standby that is silent holds nothing up for longer than a second",
          "[actors][stream][cluster]") {
  stream_cluster c;
  sample_edge edge(c, "a", 1);
  REQUIRE(edge.open());
  edge.push(180);
  const auto standby =
      c.nodes.at("b")->replicas.position(the_stream, media::source_rendition) ? "b" : "c";
  const auto other = standby == std::string("b") ? "c" : "b";
  const auto acknowledged = edge.oldest();
  c.cluster.network().hold("a", standby);
  const auto before = c.parts("a").size();
  edge.push(60);
  CHECK(edge.oldest() == acknowledged);  // what the standby lacks is not acknowledged
  CHECK(c.parts("a").size() == before);  // nor listed
  c.cluster.advance(1100ms);
  CHECK(c.parts("a").size() > before);
  edge.push(2);
  CHECK(edge.oldest() > acknowledged);
  CHECK(c.nodes.at("a")->copy_counters.lost.value() == 1);
  c.cluster.advance(6s);  // another is found
  edge.push(60);
  REQUIRE(c.nodes.at(other)->replicas.position(the_stream, media::source_rendition));
  const auto shown = c.parts("a");
  c.cluster.crash("a");
  sample_edge again(c, other, 2);
  REQUIRE(again.open());
  again.push(60);
  check_kept(shown, c.parts(c.home()));
}

TEST_CASE("stream cluster: a copy that is out of date is not taken for the stream",
          "[actors][stream][cluster]") {
  const auto at = GENERATE(100U, 110U, 140U);
  CAPTURE(at);
  stream_cluster c;
  c.cluster.set_state("c", runtime::member_state::left);
  sample_edge edge(c, "a", 1);
  REQUIRE(edge.open());
  edge.push(at);
  c.cluster.network().hold("a", "b");
  edge.push(10);
  c.cluster.advance(1100ms);
  REQUIRE(c.nodes.at("a")->copy_counters.lost.value() == 1);
  edge.push(200);  // listed without the standby
  const auto shown = c.parts("a");
  c.cluster.crash("a");
  c.cluster.network().mend_all();
  sample_edge again(c, "b", 2);
  REQUIRE(again.open());
  again.push(120);
  for (const auto& [file, content] : c.parts("b")) {
    CAPTURE(file);
    if (shown.contains(file)) {
      CHECK(shown.at(file) == content);
    }
  }
  CHECK(c.nodes.at("b")->live.position(the_stream, "source")->next_msn > 1000);
  CHECK(c.nodes.at("b")->copy_counters.cut_off.value() == 1);
}
