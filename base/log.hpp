// SPDX-License-Identifier: GPL-3.0-or-later
// Logging as function calls, in front of spdlog. One line per event, "key=value" pairs after the
// sentence. Levels: critical = bug or data loss, error = an operator acts, warn = degraded and
// self-healing, info = a node or stream changes state, debug = per request, trace = per packet.
// Thread: every function may be called from any thread; none blocks on a slow disk or terminal (a
// bounded queue drops the oldest lines, and counts them, instead).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <spdlog/fmt/fmt.h>

namespace troupe::log {

enum class level : std::uint8_t { trace, debug, info, warn, error, critical };

/// Starts the writer thread. Call once, from main(); without it lines of warn and above go to
/// stderr directly.
void start(level least, std::string_view node);
/// Writes what is queued and ends the writer thread.
void stop();
void flush();
bool enabled(level l) noexcept;
void write(level l, std::string_view line);
/// Lines lost because the queue was full, since the start.
std::uint64_t dropped_lines() noexcept;

template <class... Args>
void at(level l, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(l)) {
    write(l, fmt::format(format, std::forward<Args>(args)...));
  }
}

template <class... Args>
void trace(fmt::format_string<Args...> format, Args&&... args) {
  at(level::trace, format, std::forward<Args>(args)...);
}

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  at(level::debug, format, std::forward<Args>(args)...);
}

template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  at(level::info, format, std::forward<Args>(args)...);
}

template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  at(level::warn, format, std::forward<Args>(args)...);
}

template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  at(level::error, format, std::forward<Args>(args)...);
}

template <class... Args>
void critical(fmt::format_string<Args...> format, Args&&... args) {
  at(level::critical, format, std::forward<Args>(args)...);
}

}  // namespace troupe::log
