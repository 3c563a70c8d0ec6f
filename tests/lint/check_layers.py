# SPDX-License-Identifier: GPL-3.0-or-later
"""Which folder may include which, and where third-party headers may stand (docs/architecture.md)."""
import re

from source_tree import files, finish, read

ALLOWED = {
    "base": set(),
    "media": {"base"},
    "storage": {"base"},
    "runtime": {"base"},
    "actors": {"base", "runtime", "media", "storage"},
    "net": {"base", "runtime", "actors", "media"},
    "app": {"base", "runtime", "actors", "media", "storage", "net"},
    "bench": {"base", "runtime", "actors", "media", "storage", "net", "app", "bench", "tests"},
    "tests": {"base", "runtime", "actors", "media", "storage", "net", "app"},
}

# (what an include looks like, whose it is, path prefixes it may stand under)
CONFINED = [
    (r"caf/", "CAF", ("runtime/", "actors/", "tests/unit/runtime/", "tests/unit/actors/", "tests/support/")),
    (r"boost/(asio|beast)(\.hpp|/)", "Asio and Beast", ("net/asio/", "tests/", "bench/")),
    (r"(grpc|grpcpp|google/protobuf)/|.*\.pb\.h", "gRPC and protobuf",
     ("runtime/link/", "app/admin/", "tests/unit/runtime/link/")),
    (r"lib(av\w+|sw\w+)/", "FFmpeg", ("media/ffmpeg/", "tests/support/")),
    (r"soci/|sqlite3\.h|libpq-fe\.h", "SOCI and the databases", ("storage/sql/",)),
    (r"prometheus/", "prometheus-cpp", ("base/metrics.cpp",)),
    (r"spdlog/(?!fmt/)", "spdlog's loggers", ("base/log.cpp",)),
    (r"toml\+\+/", "toml++", ("app/config",)),
    (r"zlib\.h", "zlib", ("net/hls/", "tests/unit/net/hls/")),
    (r"CLI/", "CLI11", ("app/cli/",)),
]

# An entry is "including file -> included header": why it may.
EXCEPTIONS = {}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def check(path, text):
    """The findings of one file."""
    findings = []
    folder = path.split("/")[0]
    for match in INCLUDE.finditer(text):
        header = match.group(2)
        where = f"{path}:{text.count(chr(10), 0, match.start(2)) + 1}"
        if f"{path} -> {header}" in EXCEPTIONS:
            continue
        target = header.split("/")[0]
        if target in ALLOWED and "/" in header:
            if target != folder and target not in ALLOWED.get(folder, set()):
                findings.append(f"{where}: {folder}/ must not include {header}")
        elif match.group(1) == '"' and "/" not in header and folder != "tests":
            findings.append(f'{where}: "{header}": include by the path from the root of the project')
        for pattern, owner, places in CONFINED:
            if re.match(pattern, header) and not path.startswith(places):
                findings.append(f"{where}: {owner} ({header}) may stand in {', '.join(places)} only")
    return findings


if __name__ == "__main__":
    found = []
    for source in files(".hpp", ".cpp"):
        if source.split("/")[0] in ALLOWED:
            found += check(source, read(source))
    finish(found)
