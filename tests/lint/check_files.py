# SPDX-License-Identifier: GPL-3.0-or-later
"""First lines, TODOs, macros, and lock files that name no registry."""
import re

from source_tree import files, finish, read, without_inert

LICENSE = "SPDX-License-Identifier: GPL-3.0-or-later"
# Where the license line may stand: after a #! or, in a page, inside the first tag.
FIRST_LINES = 3

TODO = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
TODO_FORM = re.compile(r"TODO\(issue-\d+\): \S")
MACRO = re.compile(r"^\s*#\s*define\s+(\w+)", re.MULTILINE)
# TROUPE_CHECK is the project's one macro; the others configure libraries.
MACROS = re.compile(r"^(TROUPE_CHECK|TOML_\w+|CATCH_CONFIG_\w+|BOOST_\w+|_GNU_SOURCE)$")


def check_source(path, text):
    findings = []
    if LICENSE not in "\n".join(text.split("\n")[:FIRST_LINES]):
        findings.append(f"{path}:1: expected the line {LICENSE}")
    for number, line in enumerate(text.split("\n"), 1):
        if TODO.search(line) and not TODO_FORM.search(line) and "tests/lint/" not in path:
            findings.append(f"{path}:{number}: expected TODO(issue-N): what is to be done")
    if path.endswith((".hpp", ".cpp")) and not path.startswith("tests/"):
        for match in MACRO.finditer(without_inert(text)):
            if not MACROS.match(match.group(1)):
                line = text.count("\n", 0, match.start(1)) + 1
                findings.append(f"{path}:{line}: {match.group(1)}: TROUPE_CHECK is the one macro")
        if path.endswith(".hpp") and "#pragma once" not in text:
            findings.append(f"{path}:1: expected #pragma once")
    return findings


def check_lock(path, text):
    """A lock file pins versions and digests; where packages come from is the installer's own setting."""
    findings = []
    for number, line in enumerate(text.split("\n"), 1):
        if re.search(r'"resolved"\s*:\s*"https?:', line):
            findings.append(f"{path}:{number}: names a registry (npm: omit-lockfile-registry-resolved)")
    return findings


if __name__ == "__main__":
    found = []
    for source in files(".hpp", ".cpp", ".py", ".sh", ".ts", ".tsx", ".mjs", ".proto"):
        found += check_source(source, read(source))
    for source in files("package-lock.json"):
        found += check_lock(source, read(source))
    finish(found)
