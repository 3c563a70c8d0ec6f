// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/ffmpeg/media_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>

#include <spdlog/fmt/fmt.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace troupe::media {
namespace {

constexpr int io_buffer_bytes = 1 << 16;

struct input {
  byte_view data;
  std::size_t position = 0;
};

int read_some(void* opaque, std::uint8_t* to, int size) {
  auto& in = *static_cast<input*>(opaque);
  const auto left = in.data.size() - in.position;
  if (left == 0) {
    return AVERROR_EOF;
  }
  const auto count = std::min(left, static_cast<std::size_t>(size));
  std::memcpy(to, in.data.data() + in.position, count);
  in.position += count;
  return static_cast<int>(count);
}

std::int64_t seek(void* opaque, std::int64_t offset, int whence) {
  auto& in = *static_cast<input*>(opaque);
  if ((whence & AVSEEK_SIZE) != 0) {
    return static_cast<std::int64_t>(in.data.size());
  }
  if (whence != SEEK_SET || offset < 0 || offset > static_cast<std::int64_t>(in.data.size())) {
    return -1;
  }
  in.position = static_cast<std::size_t>(offset);
  return offset;
}

struct format_deleter {
  void operator()(AVFormatContext* c) const {
    auto* pb = c->pb;
    avformat_close_input(&c);
    if (pb != nullptr) {
      av_free(pb->buffer);
      avio_context_free(&pb);
    }
  }
};

struct packet_deleter {
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};

struct frame_deleter {
  void operator()(AVFrame* f) const { av_frame_free(&f); }
};

struct codec_deleter {
  void operator()(AVCodecContext* c) const { avcodec_free_context(&c); }
};

using format_ptr = std::unique_ptr<AVFormatContext, format_deleter>;
using packet_ptr = std::unique_ptr<AVPacket, packet_deleter>;
using codec_ptr = std::unique_ptr<AVCodecContext, codec_deleter>;

std::unexpected<error> av_fail(const char* doing, int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return fail(errc::data_corrupt, fmt::format("{}: {}", doing, text));
}

result<format_ptr> open(input& in) {
  auto* context = avformat_alloc_context();
  auto* buffer = static_cast<unsigned char*>(av_malloc(io_buffer_bytes));
  context->pb = avio_alloc_context(buffer, io_buffer_bytes, 0, &in, read_some, nullptr, seek);
  context->flags |= AVFMT_FLAG_CUSTOM_IO;
  auto* pb = context->pb;
  const int code = avformat_open_input(&context, nullptr, nullptr, nullptr);
  if (code < 0) {  // frees the context, but not our input
    av_free(pb->buffer);
    avio_context_free(&pb);
    return av_fail("opening media", code);
  }
  return format_ptr(context);
}

std::shared_ptr<const track_format> format_of(const AVCodecParameters& p) {
  auto format = std::make_shared<track_format>();
  switch (p.codec_id) {
    case AV_CODEC_ID_H264:
      format->codec = codec::h264;
      break;
    case AV_CODEC_ID_HEVC:
      format->codec = codec::hevc;
      break;
    case AV_CODEC_ID_AV1:
      format->codec = codec::av1;
      break;
    case AV_CODEC_ID_AAC:
      format->codec = codec::aac;
      break;
    case AV_CODEC_ID_MP3:
      format->codec = codec::mp3;
      break;
    case AV_CODEC_ID_OPUS:
      format->codec = codec::opus;
      break;
    default:
      return nullptr;
  }
  if (p.extradata_size > 0) {
    format->configuration = shared_bytes(bytes(p.extradata, p.extradata + p.extradata_size));
  }
  return format;
}

/// One decoder, fed until it complains.
struct decoding {
  codec_ptr context;
  std::unique_ptr<AVFrame, frame_deleter> frame{av_frame_alloc()};
  std::int64_t pictures = 0;
  std::int64_t samples = 0;

  int send(const AVPacket* p) {
    int code = avcodec_send_packet(context.get(), p);
    while (code >= 0) {
      code = avcodec_receive_frame(context.get(), frame.get());
      if (code >= 0) {
        pictures += context->codec_type == AVMEDIA_TYPE_VIDEO ? 1 : 0;
        samples += context->codec_type == AVMEDIA_TYPE_AUDIO ? frame->nb_samples : 0;
      }
    }
    return code == AVERROR(EAGAIN) || code == AVERROR_EOF ? 0 : code;
  }
};

}  // namespace

result<media_file> read_media(byte_view file) {
  input in{file};
  auto opened = open(in);
  if (!opened) {
    return fail(opened.error());
  }
  auto& context = **opened;
  media_file out;
  for (unsigned i = 0; i < context.nb_streams; ++i) {
    const auto& parameters = *context.streams[i]->codecpar;
    const bool video = parameters.codec_type == AVMEDIA_TYPE_VIDEO;
    (video ? out.video : out.audio) = format_of(parameters);
  }
  const packet_ptr packet(av_packet_alloc());
  for (int code = 0; (code = av_read_frame(&context, packet.get())) != AVERROR_EOF;) {
    if (code < 0) {
      return av_fail("reading media", code);
    }
    const auto& stream = *context.streams[packet->stream_index];
    const bool video = stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
    (video ? out.video_timescale : out.audio_timescale) =
        stream.time_base.den / stream.time_base.num;
    media_packet p;
    p.track = video ? track::video : track::audio;
    p.dts = packet->dts;
    p.pts = packet->pts;
    p.duration = packet->duration;
    p.key = (packet->flags & AV_PKT_FLAG_KEY) != 0;
    p.data = shared_bytes(bytes(packet->data, packet->data + packet->size));
    out.packets.push_back(std::move(p));
    av_packet_unref(packet.get());
  }
  if (!out.video || !out.audio) {  // an FLV file names its codecs in its first packets
    for (unsigned i = 0; i < context.nb_streams; ++i) {
      const auto& parameters = *context.streams[i]->codecpar;
      (parameters.codec_type == AVMEDIA_TYPE_VIDEO ? out.video : out.audio) = format_of(parameters);
    }
  }
  return out;
}

std::vector<frame> frames_of(const media_file& file, std::int64_t start_ms) {
  const auto ms = [](std::int64_t ticks, std::int64_t scale) {
    return av_rescale_q_rnd(ticks, {1, static_cast<int>(scale)}, {1, 1000}, AV_ROUND_NEAR_INF);
  };
  std::int64_t earliest = 0;  // RTMP has no negative times
  for (const auto& p : file.packets) {
    const auto scale = p.track == track::video ? file.video_timescale : file.audio_timescale;
    earliest = std::min(earliest, ms(p.dts, scale));
  }
  std::vector<frame> frames;
  std::array<std::uint64_t, 2> next{};
  for (const auto& p : file.packets) {
    const bool video = p.track == track::video;
    const auto scale = video ? file.video_timescale : file.audio_timescale;
    frame f;
    f.track = p.track;
    f.dts_ms = ms(p.dts, scale) - earliest + start_ms;
    f.pts_ms = ms(p.pts, scale) - earliest + start_ms;
    f.container_key = p.key;
    f.format = video ? file.video : file.audio;
    f.data = p.data;
    f.number = next[video ? 0 : 1]++;
    frames.push_back(std::move(f));
  }
  std::ranges::sort(frames, {}, [](const frame& f) {
    return std::tuple(f.dts_ms, f.track == track::audio, f.number);
  });
  return frames;
}

result<decoded_counts> decode_media(byte_view file) {
  input in{file};
  auto opened = open(in);
  if (!opened) {
    return fail(opened.error());
  }
  auto& context = **opened;
  std::vector<decoding> decoders(context.nb_streams);
  for (unsigned i = 0; i < context.nb_streams; ++i) {
    const auto* parameters = context.streams[i]->codecpar;
    const auto* decoder = avcodec_find_decoder(parameters->codec_id);
    if (decoder == nullptr) {
      return fail(errc::unsupported, "no decoder");
    }
    decoders[i].context.reset(avcodec_alloc_context3(decoder));
    avcodec_parameters_to_context(decoders[i].context.get(), parameters);
    decoders[i].context->err_recognition = AV_EF_EXPLODE | AV_EF_BITSTREAM;
    decoders[i].context->thread_count = 1;
    if (const int code = avcodec_open2(decoders[i].context.get(), decoder, nullptr); code < 0) {
      return av_fail("opening a decoder", code);
    }
  }
  const packet_ptr packet(av_packet_alloc());
  while (av_read_frame(&context, packet.get()) >= 0) {
    const int code = decoders[static_cast<std::size_t>(packet->stream_index)].send(packet.get());
    av_packet_unref(packet.get());
    if (code < 0) {
      return av_fail("decoding", code);
    }
  }
  decoded_counts counts;
  for (auto& d : decoders) {
    if (const int code = d.send(nullptr); code < 0) {
      return av_fail("decoding", code);
    }
    counts.pictures += d.pictures;
    counts.samples += d.samples;
  }
  return counts;
}

}  // namespace troupe::media
