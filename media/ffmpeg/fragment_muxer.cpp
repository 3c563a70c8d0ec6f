// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/ffmpeg/fragment_muxer.hpp"

#include <cstring>
#include <string>

#include <spdlog/fmt/fmt.h>

extern "C" {
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
}

namespace troupe::media {
namespace {

constexpr auto mov_flags = "frag_custom+empty_moov+default_base_moof+frag_discont+skip_trailer";
/// The muxer goes back inside it to fill in box sizes, so it must hold the largest moov or moof: a
/// configuration of 16 KiB, or 1,000 samples at 16 bytes (packager_cut.cpp).
constexpr int io_buffer_bytes = 64 << 10;

std::unexpected<error> av_fail(const char* doing, int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return fail(errc::internal, fmt::format("{}: {}", doing, text));
}

int append(void* opaque, std::uint8_t* data, int size) {
  auto& out = *static_cast<bytes*>(opaque);
  out.insert(out.end(), data, data + size);
  return size;
}

AVCodecID codec_id(codec c) {
  switch (c) {
    case codec::h264:
      return AV_CODEC_ID_H264;
    case codec::hevc:
      return AV_CODEC_ID_HEVC;
    case codec::av1:
      return AV_CODEC_ID_AV1;
    case codec::aac:
      return AV_CODEC_ID_AAC;
    default:
      return AV_CODEC_ID_NONE;
  }
}

struct format_deleter {
  void operator()(AVFormatContext* c) const {
    if (c->pb != nullptr) {
      av_free(c->pb->buffer);  // avio_context_free() leaves it alone
      avio_context_free(&c->pb);
    }
    avformat_free_context(c);
  }
};

struct packet_deleter {
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};

result<void> add_stream(AVFormatContext* context, const mux_track& track) {
  AVStream* stream = avformat_new_stream(context, nullptr);
  if (stream == nullptr) {
    return fail(errc::internal, "no memory for a track");
  }
  auto& parameters = *stream->codecpar;
  parameters.codec_id = codec_id(track.info.codec);
  const auto size = track.configuration.size();
  parameters.extradata =
      static_cast<std::uint8_t*>(av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE));
  if (parameters.extradata == nullptr) {
    return fail(errc::internal, "no memory for a configuration");
  }
  std::memcpy(parameters.extradata, track.configuration.data(), size);
  parameters.extradata_size = static_cast<int>(size);
  if (track.info.track == track::video) {
    parameters.codec_type = AVMEDIA_TYPE_VIDEO;
    parameters.width = track.info.width;
    parameters.height = track.info.height;
    parameters.sample_aspect_ratio = {track.info.sar_width, track.info.sar_height};
    stream->sample_aspect_ratio = parameters.sample_aspect_ratio;
    stream->time_base = {1, static_cast<int>(video_timescale)};
    if (track.info.codec == codec::hevc) {
      parameters.codec_tag = MKTAG('h', 'v', 'c', '1');  // Apple's players refuse hev1
    }
  } else {
    parameters.codec_type = AVMEDIA_TYPE_AUDIO;
    parameters.sample_rate = track.info.sample_rate;
    parameters.frame_size = track.info.samples_per_frame;
    av_channel_layout_default(&parameters.ch_layout, track.info.channels);
    stream->time_base = {1, track.info.sample_rate};
  }
  return {};
}

}  // namespace

struct fragment_muxer::impl {
  std::unique_ptr<AVFormatContext, format_deleter> context;
  std::unique_ptr<AVPacket, packet_deleter> packet;
  int video_index = -1;
  int audio_index = -1;
  bool has_composition = false;
  bytes out;  // what the muxer wrote since it was last taken
  shared_bytes init;

  result<void> open(std::int64_t fragment_index);
  result<void> write(const mux_sample& sample);
};

result<void> fragment_muxer::impl::open(std::int64_t fragment_index) {
  auto* c = context.get();
  auto* buffer = static_cast<unsigned char*>(av_malloc(io_buffer_bytes));
  c->pb = avio_alloc_context(buffer, io_buffer_bytes, 1, &out, nullptr, append, nullptr);
  if (c->pb == nullptr) {
    av_free(buffer);
    return fail(errc::internal, "no memory for the muxer's output");
  }
  c->pb->seekable = 0;
  c->flags = (c->flags | AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO) & ~AVFMT_FLAG_AUTO_BSF;
  c->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
  av_opt_set(c->priv_data, "movflags", mov_flags, 0);
  av_opt_set_int(c->priv_data, "fragment_index", fragment_index, 0);
  av_opt_set_int(c->priv_data, "use_editlist", 0, 0);
  const int code = avformat_write_header(c, nullptr);
  if (code < 0) {
    return av_fail("writing the init section", code);
  }
  for (unsigned i = 0; i < c->nb_streams; ++i) {
    const bool video = c->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
    const auto wanted = video ? int{video_timescale} : c->streams[i]->codecpar->sample_rate;
    if (c->streams[i]->time_base.num != 1 || c->streams[i]->time_base.den != wanted) {
      return fail(errc::internal, "the muxer chose another timescale");
    }
  }
  avio_flush(c->pb);
  init = shared_bytes(std::move(out));
  out.clear();
  return {};
}

result<void> fragment_muxer::impl::write(const mux_sample& sample) {
  auto* p = packet.get();
  // Borrowed memory: av_write_frame() neither keeps nor changes it, and the muxer copies.
  p->data = const_cast<std::uint8_t*>(sample.data.data());
  p->size = static_cast<int>(sample.data.size());
  p->stream_index = sample.track == track::video ? video_index : audio_index;
  p->dts = sample.dts;
  p->pts = sample.pts;
  p->duration = sample.duration;
  has_composition = has_composition || sample.pts != sample.dts;
  p->flags = sample.sync ? AV_PKT_FLAG_KEY : 0;
  const int code = av_write_frame(context.get(), p);
  p->data = nullptr;
  p->size = 0;
  if (code < 0) {
    return av_fail("writing a sample", code);
  }
  return {};
}

result<std::unique_ptr<fragment_muxer>> fragment_muxer::make(const std::optional<mux_track>& video,
                                                             const std::optional<mux_track>& audio,
                                                             std::int64_t fragment_index) {
  // Its warnings go to stderr otherwise; what fails comes back as a code.
  static const bool silenced = (av_log_set_level(AV_LOG_FATAL), true);
  static_cast<void>(silenced);
  AVFormatContext* context = nullptr;
  const int code = avformat_alloc_output_context2(&context, nullptr, "mp4", nullptr);
  if (code < 0) {
    return av_fail("starting the muxer", code);
  }
  auto made = std::make_unique<impl>();
  made->context.reset(context);
  made->packet.reset(av_packet_alloc());
  if (!made->packet) {
    return fail(errc::internal, "no memory for a packet");
  }
  int index = 0;
  for (const auto* track : {&video, &audio}) {
    if (!*track) {
      continue;
    }
    if (auto added = add_stream(context, **track); !added) {
      return fail(added.error());
    }
    ((*track)->info.track == track::video ? made->video_index : made->audio_index) = index++;
  }
  if (auto opened = made->open(fragment_index); !opened) {
    return fail(opened.error());
  }
  return std::unique_ptr<fragment_muxer>(new fragment_muxer(std::move(made)));
}

fragment_muxer::fragment_muxer(std::unique_ptr<impl> i) : impl_(std::move(i)) {}

fragment_muxer::~fragment_muxer() = default;

const shared_bytes& fragment_muxer::init_section() const {
  return impl_->init;
}

bool fragment_muxer::has_history() const {
  return impl_->has_composition;
}

result<shared_bytes> fragment_muxer::fragment(std::span<const mux_sample> samples) {
  std::size_t expected = 1024;
  for (const auto& s : samples) {
    expected += s.data.size() + 16;
  }
  impl_->out.reserve(expected);
  for (const auto& s : samples) {
    if (auto written = impl_->write(s); !written) {
      return fail(written.error());
    }
  }
  const int code = av_write_frame(impl_->context.get(), nullptr);
  if (code < 0) {
    return av_fail("ending a fragment", code);
  }
  avio_flush(impl_->context->pb);
  shared_bytes done(std::move(impl_->out));
  impl_->out.clear();
  return done;
}

}  // namespace troupe::media
