// SPDX-License-Identifier: GPL-3.0-or-later
// ertmp_push FILE rtmp://127.0.0.1:PORT/APP/KEY [--codec-id-12] [--loop N] [--seconds S] [--fast]
//
// Publishes an MP4 (HEVC, AV1 or H.264; AAC if there is any) through Enhanced RTMP in real time,
// which Debian's ffmpeg cannot. --codec-id-12 sends HEVC as phone encoders do. Ends with
// FCUnpublish and deleteStream. Exit codes: 0 published to the end, 1 refused or broken, 2 wrong
// usage.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <spdlog/fmt/fmt.h>

extern "C" {
#include <libavformat/avformat.h>
}

#include "tests/support/rtmp_client.hpp"

namespace {

using troupe::byte_view;
using troupe::bytes;
using troupe::test::rtmp_client;
namespace flv = troupe::test::flv;
using std::chrono::steady_clock;

/// Any wait for the server ends after this.
constexpr std::chrono::seconds patience{15};

[[noreturn]] void give_up(int code, const std::string& why) {
  fmt::print(stderr, "ertmp_push: {}\n", why);
  std::exit(code);
}

struct options {
  std::string file;
  std::string host;
  std::uint16_t port = 1935;
  rtmp_client::target target;
  bool codec_id_12 = false;
  bool fast = false;  ///< as fast as the server takes it
  int loops = 1;
  double seconds = 1e9;
};

void parse_address(const std::string& address, options& o) {
  constexpr std::string_view scheme = "rtmp://";
  const auto app = address.find('/', scheme.size());
  const auto key = address.rfind('/');
  if (!address.starts_with(scheme) || app == std::string::npos || key <= app) {
    give_up(2, "the address must look like rtmp://127.0.0.1:1935/app/KEY");
  }
  o.host = address.substr(scheme.size(), app - scheme.size());
  if (const auto colon = o.host.find(':'); colon != std::string::npos) {
    o.port = static_cast<std::uint16_t>(std::atoi(o.host.c_str() + colon + 1));
    o.host.resize(colon);
  }
  o.target.app = address.substr(app + 1, key - app - 1);
  o.target.key = address.substr(key + 1);
  o.target.tc_url = address.substr(0, key);
}

options parse(int argc, char** argv) {
  options o;
  std::vector<std::string> plain;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--codec-id-12") {
      o.codec_id_12 = true;
    } else if (argument == "--fast") {
      o.fast = true;
    } else if (argument == "--loop" && i + 1 < argc) {
      o.loops = std::atoi(argv[++i]);
    } else if (argument == "--seconds" && i + 1 < argc) {
      o.seconds = std::atof(argv[++i]);
    } else {
      plain.push_back(argument);
    }
  }
  if (plain.size() != 2) {
    give_up(2,
            "usage: ertmp_push FILE rtmp://127.0.0.1:PORT/APP/KEY [--codec-id-12] [--loop N] "
            "[--seconds S] [--fast]");
  }
  o.file = plain[0];
  parse_address(plain[1], o);
  return o;
}

/// A client on a blocking socket.
class connection {
 public:
  explicit connection(const options& o) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(o.port);
    if (inet_pton(AF_INET, o.host.c_str(), &address.sin_addr) != 1) {
      give_up(2, "the host must be an IPv4 address");
    }
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      give_up(1, "cannot connect");
    }
    client.publish(o.target);
  }

  ~connection() { ::close(socket_); }

  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  void flush() {
    const auto output = client.take_output();
    for (byte_view left = output; !left.empty();) {
      const auto sent = ::send(socket_, left.data(), left.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        explain_and_give_up();
      }
      left = left.subspan(static_cast<std::size_t>(sent));
    }
  }

  /// Reads what is there, or waits that long for something.
  void receive(std::chrono::milliseconds wait) {
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, static_cast<int>(wait.count())) <= 0) {
      return;
    }
    bytes buffer(65536);
    const auto got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      explain_and_give_up();
    }
    if (const auto fed = client.feed(byte_view(buffer).first(static_cast<std::size_t>(got)));
        !fed) {
      give_up(1, fed.error().message);
    }
    look_for_errors();
  }

  void wait_until_publishing() {
    const auto deadline = steady_clock::now() + patience;
    while (!client.is_publishing()) {
      flush();
      receive(std::chrono::milliseconds(200));
      if (steady_clock::now() > deadline) {
        give_up(1, "no answer");
      }
    }
  }

  rtmp_client client;

 private:
  void look_for_errors() {
    while (auto c = client.next_command()) {
      for (const auto& v : c->values) {
        const auto* level = v.find("level");
        if (level != nullptr && level->text() != nullptr && *level->text() == "error") {
          give_up(1, "refused: " + c->code());
        }
      }
    }
  }

  [[noreturn]] void explain_and_give_up() { give_up(1, "the server closed the connection"); }

  int socket_;
};

struct input_deleter {
  void operator()(AVFormatContext* c) const { avformat_close_input(&c); }
};

struct packet_deleter {
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};

/// An MP4's video and AAC tracks as FLV bodies.
class movie {
 public:
  explicit movie(const options& o) : codec_id_12_(o.codec_id_12), packet_(av_packet_alloc()) {
    AVFormatContext* opened = nullptr;
    if (avformat_open_input(&opened, o.file.c_str(), nullptr, nullptr) != 0) {
      give_up(2, "cannot open " + o.file);
    }
    input_.reset(opened);
    avformat_find_stream_info(opened, nullptr);
    for (unsigned i = 0; i < opened->nb_streams; ++i) {
      const auto* codec = opened->streams[i]->codecpar;
      if (codec->codec_type == AVMEDIA_TYPE_VIDEO && !video_) {
        video_ = i;
        four_cc_ = four_cc_of(codec->codec_id);
      } else if (codec->codec_id == AV_CODEC_ID_AAC && !audio_) {
        audio_ = i;
      }
    }
    if (four_cc_.empty() || (codec_id_12_ && four_cc_ != "hvc1")) {
      give_up(2, "no video that can be sent so");
    }
  }

  void send_configurations(rtmp_client& client) const {
    const auto record = extradata(*video_);
    client.send_video(
        0, codec_id_12_
               ? flv::video(flv::hevc_12, flv::kind::sequence_start, true, 0, record)
               : flv::enhanced_video(four_cc_, flv::kind::sequence_start, true, 0, record));
    if (audio_) {
      client.send_audio(0, flv::aac(flv::kind::sequence_start, extradata(*audio_)));
    }
  }

  /// Sends the next packet; its decoding time in milliseconds, or nothing at the end of the file.
  /// wait is called with that time before.
  template <class Wait>
  std::optional<std::int64_t> send_next(rtmp_client& client, std::int64_t offset, Wait wait) {
    while (av_read_frame(input_.get(), packet_.get()) >= 0) {
      const std::unique_ptr<AVPacket, void (*)(AVPacket*)> release(packet_.get(), av_packet_unref);
      const auto stream = static_cast<unsigned>(packet_->stream_index);
      if (stream != *video_ && (!audio_ || stream != *audio_)) {
        continue;
      }
      const AVRational milliseconds{1, 1000};
      const auto base = input_->streams[stream]->time_base;
      const auto pts = av_rescale_q(packet_->pts, base, milliseconds);
      // the first decoding times of a stream with B-frames are below zero
      const auto dts =
          std::max<std::int64_t>(0, offset + av_rescale_q(packet_->dts, base, milliseconds));
      wait(dts);
      const byte_view data(packet_->data, static_cast<std::size_t>(packet_->size));
      const auto time = static_cast<std::uint32_t>(dts);
      if (stream == *video_) {
        client.send_video(time, video_body(data, static_cast<std::int32_t>(offset + pts - dts)));
      } else {
        client.send_audio(time, flv::aac(flv::kind::coded_frames, data));
      }
      return dts;
    }
    return std::nullopt;
  }

  void rewind() { av_seek_frame(input_.get(), -1, 0, AVSEEK_FLAG_BACKWARD); }

  std::int64_t duration_ms() const { return input_->duration / (AV_TIME_BASE / 1000); }

 private:
  static std::string four_cc_of(AVCodecID codec) {
    switch (codec) {
      case AV_CODEC_ID_H264:
        return "avc1";
      case AV_CODEC_ID_HEVC:
        return "hvc1";
      case AV_CODEC_ID_AV1:
        return "av01";
      default:
        return {};
    }
  }

  byte_view extradata(unsigned stream) const {
    const auto* codec = input_->streams[stream]->codecpar;
    return {codec->extradata, static_cast<std::size_t>(codec->extradata_size)};
  }

  bytes video_body(byte_view data, std::int32_t composition) const {
    const bool key = (packet_->flags & AV_PKT_FLAG_KEY) != 0;
    if (codec_id_12_) {
      return flv::video(flv::hevc_12, flv::kind::coded_frames, key, composition, data);
    }
    const auto kind = composition == 0 && four_cc_ != "av01" ? flv::kind::coded_frames_x
                                                             : flv::kind::coded_frames;
    return flv::enhanced_video(four_cc_, kind, key, composition, data);
  }

  bool codec_id_12_;
  std::string four_cc_;
  std::optional<unsigned> video_;
  std::optional<unsigned> audio_;
  std::unique_ptr<AVFormatContext, input_deleter> input_;
  std::unique_ptr<AVPacket, packet_deleter> packet_;
};

void publish(const options& o) {
  movie film(o);
  connection server(o);
  server.wait_until_publishing();
  server.client.set_chunk_size(4096);
  film.send_configurations(server.client);
  const auto start = steady_clock::now();
  const auto wait = [&](std::int64_t dts) {
    server.flush();
    server.receive(std::chrono::milliseconds(0));
    if (!o.fast) {
      std::this_thread::sleep_until(start + std::chrono::milliseconds(dts));
    }
  };
  std::int64_t offset = 0;
  bool more = true;
  for (int loop = 0; loop < o.loops && more; ++loop) {
    while (const auto dts = film.send_next(server.client, offset, wait)) {
      if (static_cast<double>(*dts) >= o.seconds * 1000) {
        more = false;
        break;
      }
    }
    offset += film.duration_ms();
    film.rewind();
  }
  server.client.send_end();
  server.flush();
  server.receive(std::chrono::milliseconds(1000));  // so that closing does not overtake the end
}

}  // namespace

int main(int argc, char** argv) {
  publish(parse(argc, argv));
  return 0;
}
