// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a decoder configuration record can be what it claims, and whether a frame fits it: enough
// that nothing behind ingest has to fear a length field. What is in the picture is not read here.
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "media/frame.hpp"

namespace troupe::rtmp {

/// Bytes of a NAL unit's length prefix; 0 for codecs without NAL units.
/// Errors: data_corrupt (bad_configuration).
result<std::size_t> check_configuration(media::codec codec, byte_view record);

/// How much of data is whole NAL units. Zero bytes of padding behind the last one are left out.
/// Nothing when the lengths do not add up.
std::optional<std::size_t> nal_units_size(byte_view data, std::size_t length_size);

/// Size of the ADTS header (ISO/IEC 13818-7, 6.2) before the one AAC frame that is all of data; 0
/// when there is none. FLV forbids it; some encoders leave it in.
std::size_t adts_header_size(byte_view data);

/// Size of the temporal delimiter OBUs (AV1, 5.3 and 5.6) at the front. Nothing when the OBU
/// headers and sizes do not add up to all of data.
std::optional<std::size_t> temporal_delimiters_size(byte_view data);

}  // namespace troupe::rtmp
