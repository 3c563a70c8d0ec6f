# SPDX-License-Identifier: GPL-3.0-or-later
"""Every metric of the program stands in the table of docs/operating.md, and no other does."""
import re

from source_tree import files, finish, read

MADE = re.compile(r'"(troupe_[a-z0-9_]+)"')
ROW = re.compile(r"^\| `(troupe_[a-z0-9_]+)` \|", re.MULTILINE)
FOLDERS = ("base/", "media/", "storage/", "runtime/", "actors/", "net/", "app/")
# Strings of that look which are no metrics.
OTHER = {"troupe_access", "troupe_session"}


def check(sources, guide):
    findings, made = [], set()
    for path, text in sources:
        for match in MADE.finditer(text):
            name = match.group(1)
            if name in OTHER:
                continue
            made.add(name)
            if name not in ROW.findall(guide):
                line = text.count("\n", 0, match.start()) + 1
                findings.append(f"{path}:{line}: {name} has no row in docs/operating.md")
    for name in ROW.findall(guide):
        if name not in made:
            findings.append(f"docs/operating.md: {name} is no metric of the program")
    return findings


if __name__ == "__main__":
    sources = ((path, read(path)) for path in files(".hpp", ".cpp") if path.startswith(FOLDERS))
    finish(check(sources, read("docs/operating.md")))
