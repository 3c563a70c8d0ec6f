// SPDX-License-Identifier: GPL-3.0-or-later
// Frames from small files and from nothing, and what the packager makes of them.
#pragma once

#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "media/ffmpeg/media_reader.hpp"
#include "media/packager.hpp"

namespace troupe::media::test {

inline bytes read_file(const std::string& path) {
  std::ifstream in(std::string(TROUPE_SOURCE_DIR) + "/tests/" + path, std::ios::binary);
  REQUIRE(in);
  return bytes(std::istreambuf_iterator<char>(in), {});
}

inline media_file load(const std::string& name) {
  auto file = read_media(read_file("data/" + name));
  REQUIRE(file);
  return *std::move(file);
}

/// A configuration of the fuzzer's corpus, whose first byte names the codec.
inline std::shared_ptr<const track_format> format(const std::string& name) {
  auto seed = read_file("fuzz/corpus/codec_config/" + name);
  auto f = std::make_shared<track_format>();
  f->codec = static_cast<codec>(seed[0]);
  f->configuration = shared_bytes(bytes(seed.begin() + 1, seed.end()));
  return f;
}

/// Frames without pictures in them: what cuts depend on is all there.
struct synthetic {
  std::shared_ptr<const track_format> video = format("h264-high-720p30");
  std::shared_ptr<const track_format> audio = format("aac-lc-48k-stereo");
  std::vector<frame> frames;
  std::uint64_t next_video = 0;
  std::uint64_t next_audio = 0;

  void add_video(std::int64_t ms, bool idr) {
    frame f;
    f.number = next_video++;
    f.dts_ms = f.pts_ms = ms;
    f.format = video;
    const auto type = static_cast<std::uint8_t>(idr ? 0x65 : 0x41);
    f.data = shared_bytes(bytes{0, 0, 0, 2, type, static_cast<std::uint8_t>(f.number)});
    frames.push_back(std::move(f));
  }

  void add_audio(std::int64_t ms) {
    frame f;
    f.number = next_audio++;
    f.track = track::audio;
    f.dts_ms = f.pts_ms = ms;
    f.format = audio;
    f.data = shared_bytes(bytes{0x21, static_cast<std::uint8_t>(f.number), 7});
    frames.push_back(std::move(f));
  }

  struct shape {
    double fps = 30;
    int gop = 60;
    bool with_video = true;
    bool with_audio = true;
  };

  /// Interleaved from one time to another; the first picture is an IDR.
  void add(std::int64_t from_ms, std::int64_t to_ms, const shape& s) {
    std::int64_t v = 0;
    std::int64_t a = 0;
    const auto video_ms = [&] {
      return from_ms + static_cast<std::int64_t>(static_cast<double>(v) * 1000 / s.fps);
    };
    const auto audio_ms = [&] { return from_ms + a * 64 / 3; };
    while ((s.with_video && video_ms() < to_ms) || (s.with_audio && audio_ms() < to_ms)) {
      if (s.with_video && (!s.with_audio || video_ms() <= audio_ms())) {
        add_video(video_ms(), v % s.gop == 0);
        ++v;
      } else {
        add_audio(audio_ms());
        ++a;
      }
    }
  }
};

inline publication publisher(std::uint64_t number = 1, bool video = true, bool audio = true) {
  publication p;
  p.number = number;
  p.anchor_wall_us = 1'768'473'000'000'000;
  p.expects_video = video;
  p.expects_audio = audio;
  return p;
}

/// Everything a packager put out, with the packets in it.
struct packaged {
  std::vector<output> outputs;

  void take(result<std::vector<output>> more) {
    if (!more) {
      FAIL(more.error().message);
    }
    for (auto& o : *more) {
      outputs.push_back(std::move(o));
    }
  }

  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const auto& o : outputs) {
      if (const auto* x = std::get_if<T>(&o)) {
        found.push_back(*x);
      }
    }
    return found;
  }

  std::map<std::pair<std::int64_t, int>, bytes> parts() const {
    std::map<std::pair<std::int64_t, int>, bytes> made;
    for (const auto& p : all<part>()) {
      made[{p.msn, p.index}] = bytes(p.data.view().begin(), p.data.view().end());
    }
    return made;
  }

  /// Init section and all parts after it.
  bytes file(std::int64_t init_number = 1) const {
    bytes out;
    std::int64_t in_use = 0;
    bool written = false;
    for (const auto& o : outputs) {
      shared_bytes data;
      if (const auto* i = std::get_if<init_section>(&o)) {
        in_use = i->number;
        data = i->number == init_number && !written ? i->data : shared_bytes();
        written = written || i->number == init_number;
      } else if (const auto* p = std::get_if<part>(&o); p != nullptr && in_use == init_number) {
        data = p->data;
      }
      out.insert(out.end(), data.view().begin(), data.view().end());
    }
    return out;
  }
};

inline void push_all(packager& p, packaged& out, const std::vector<frame>& frames) {
  for (const auto& f : frames) {
    out.take(p.push(f));
  }
}

inline packaged package(const std::vector<frame>& frames, const publication& who = publisher(),
                        int target_duration_s = 4) {
  packager p(packager_options{target_duration_s, false});
  packaged out;
  out.take(p.begin_publication(who));
  push_all(p, out, frames);
  out.take(p.finish());
  return out;
}

struct written_sample {
  std::int64_t dts = 0;
  std::int64_t duration = 0;
  std::int64_t composition = 0;
  bool sync = false;
};

using written = std::map<int, std::vector<written_sample>>;  // by track id

/// The samples of a part as its boxes say them (ISO/IEC 14496-12, 8.8), independent of libavformat.
inline void read_fragment(byte_view data, written& out) {
  std::int64_t dts = 0;
  std::uint32_t default_duration = 0;
  std::uint32_t default_flags = 0;
  int track_id = 0;
  const auto walk = [&](auto&& self, byte_view boxes) -> void {
    byte_reader in(boxes);
    while (in.left() >= 8) {
      const auto size = in.u32();
      const auto type = as_text(in.take(4));
      REQUIRE(size >= 8);
      const auto body = in.take(size - 8);
      REQUIRE(in.ok());
      byte_reader b(body);
      if (type == "moof" || type == "traf") {
        self(self, body);
        continue;
      }
      const auto flags = type == "tfhd" || type == "tfdt" || type == "trun" ? b.u32() : 0;
      if (type == "tfhd") {
        REQUIRE((flags & 0x020000) != 0);  // default-base-is-moof
        track_id = static_cast<int>(b.u32());
        default_duration = (flags & 8) != 0 ? b.u32() : 0;
        b.take((flags & 0x10) != 0 ? 4 : 0);
        default_flags = (flags & 0x20) != 0 ? b.u32() : 0;
      } else if (type == "tfdt") {
        dts = static_cast<std::int64_t>((flags >> 24) == 1 ? b.u64() : b.u32());
      } else if (type == "trun") {
        const auto count = b.u32();
        b.take((flags & 1) != 0 ? 4 : 0);
        const auto first_flags = (flags & 4) != 0 ? b.u32() : default_flags;
        for (std::uint32_t i = 0; i < count; ++i) {
          written_sample s;
          s.dts = dts;
          s.duration = (flags & 0x100) != 0 ? b.u32() : default_duration;
          b.take((flags & 0x200) != 0 ? 4 : 0);
          const auto own = (flags & 0x400) != 0 ? b.u32() : (i == 0 ? first_flags : default_flags);
          s.sync = (own & 0x10000) == 0;
          s.composition = (flags & 0x800) != 0 ? static_cast<std::int32_t>(b.u32()) : 0;
          REQUIRE(b.ok());
          dts += s.duration;
          out[track_id].push_back(s);
        }
      }
    }
  };
  walk(walk, data);
}

/// All parts with the given init section.
inline written samples_of(const packaged& made, std::int64_t init_number = 1) {
  written out;
  std::int64_t in_use = 0;
  for (const auto& o : made.outputs) {
    if (const auto* i = std::get_if<init_section>(&o)) {
      in_use = i->number;
    } else if (const auto* p = std::get_if<part>(&o); p != nullptr && in_use == init_number) {
      read_fragment(p->data.view(), out);
    }
  }
  return out;
}

/// Each sample of a track begins where the one before ended.
inline void require_no_holes(const written& tracks) {
  REQUIRE_FALSE(tracks.empty());
  for (const auto& [id, samples] : tracks) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
      REQUIRE(samples[i].duration > 0);
      REQUIRE((i == 0 || samples[i].dts == samples[i - 1].dts + samples[i - 1].duration));
    }
  }
}

inline void require_legal_parts(const packaged& made, std::int64_t target_us = 334'000) {
  for (const auto& p : made.all<part>()) {
    REQUIRE(p.duration.count() > 0);
    REQUIRE(p.duration.count() <= target_us);
  }
}

/// Every checkpoint is a place to go on from: the same frames make the same bytes.
inline void require_replayable(const std::vector<frame>& frames,
                               const publication& who = publisher()) {
  const auto whole = package(frames, who);
  const auto expected = whole.parts();
  for (const auto& finished : whole.all<segment_finished>()) {
    packager again(finished.state);
    packaged replayed;
    replayed.take(again.begin_publication(who));
    push_all(again, replayed, frames);
    replayed.take(again.finish());
    const auto made = replayed.parts();
    REQUIRE(std::all_of(made.begin(), made.end(), [&](const auto& p) {
      return expected.contains(p.first) && expected.at(p.first) == p.second;
    }));
    const auto later = std::count_if(expected.begin(), expected.end(),
                                     [&](const auto& p) { return p.first.first > finished.msn; });
    REQUIRE(static_cast<std::ptrdiff_t>(made.size()) == later);
  }
}

}  // namespace troupe::media::test
