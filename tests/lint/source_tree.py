# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks share: the project's files, C++ without comments and strings, and how findings end."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = {"build", "node_modules", ".git", "dist", "var", "corpus"}


def files(*extensions, root=ROOT):
    """Paths relative to root; what git ignores is left out where git is there."""
    try:
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, check=True, timeout=30).stdout.decode().split("\0")
        found = [path for path in listed if path and os.path.isfile(os.path.join(root, path))]
    except (OSError, subprocess.SubprocessError):
        found = []
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in SKIPPED]
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(path for path in found
                  if path.endswith(extensions) and not SKIPPED & set(path.split(os.sep)[:-1]))


def read(path, root=ROOT):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


# Raw strings, strings, characters (not the ' between digits), comments.
_INERT = re.compile(
    r'R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'|//[^\n]*|/\*.*?\*/",
    re.DOTALL)


def without_inert(text):
    """The same text with comments, strings and characters blanked; lines keep their numbers."""
    def blank(match):
        found = match.group(0)
        return re.sub(r"[^\n]", " ", found)
    return _INERT.sub(blank, text)


def finish(findings):
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)
