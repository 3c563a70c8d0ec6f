// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/log.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace troupe::log {
namespace {

// 8192 lines of about 200 bytes: under 2 MB, several seconds of a busy node at info.
constexpr std::size_t queue_lines = 8192;

std::shared_ptr<spdlog::details::thread_pool> writer;
std::shared_ptr<spdlog::logger> sink;
std::atomic<level> threshold = level::warn;

spdlog::level::level_enum to_spdlog(level l) {
  return static_cast<spdlog::level::level_enum>(l);
}

/// One call is one line, whatever peers put into names that end up in it.
std::string without_control_characters(std::string_view line) {
  std::string safe;
  safe.reserve(line.size() + 16);
  for (const char c : line) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7F) {
      safe += fmt::format("\\x{:02x}", octet);
    } else {
      safe += c;
    }
  }
  return safe;
}

bool has_control_characters(std::string_view line) {
  return std::ranges::any_of(line, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x20 || octet == 0x7F;
  });
}

}  // namespace

void start(level least, std::string_view node) {
  threshold = least;
  writer = std::make_shared<spdlog::details::thread_pool>(queue_lines, 1);
  auto out = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  sink = std::make_shared<spdlog::async_logger>(std::string(node), out, writer,
                                                spdlog::async_overflow_policy::overrun_oldest);
  sink->set_level(to_spdlog(least));
  sink->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%-5l%$ node=%n %v");
  sink->flush_on(spdlog::level::warn);
}

void stop() {
  threshold = level::warn;
  if (sink) {
    sink->flush();
  }
  sink.reset();
  writer.reset();
}

void flush() {
  if (sink) {
    sink->flush();
  }
}

bool enabled(level l) noexcept {
  return l >= threshold.load(std::memory_order_relaxed);
}

void write(level l, std::string_view line) {
  if (has_control_characters(line)) {
    write(l, without_control_characters(line));
    return;
  }
  if (sink) {
    sink->log(to_spdlog(l), line);
  } else {
    fmt::print(stderr, "{}\n", line);
  }
}

std::uint64_t dropped_lines() noexcept {
  return writer ? writer->overrun_counter() : 0;
}

}  // namespace troupe::log
