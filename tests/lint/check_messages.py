# SPDX-License-Identifier: GPL-3.0-or-later
"""Message types and entity kinds: names that are unique, of one form, and versioned."""
import re

from source_tree import files, finish, read

TYPE = re.compile(r'static\s+constexpr\s+std::string_view\s+(type|kind)\s*=\s*"([^"]*)"\s*;')
TYPE_FORM = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")
KIND_FORM = re.compile(r"^[a-z][a-z0-9_]*$")
VERSION = re.compile(r"static\s+constexpr\s+std::uint32_t\s+version\s*=\s*\d+\s*;")


def check(sources):
    """sources: pairs of path and text."""
    findings, first = [], {}
    for path, text in sources:
        text = re.sub(r"//[^\n]*", "", text)
        for match in TYPE.finditer(text):
            what, name = match.groups()
            where = f"{path}:{text.count(chr(10), 0, match.start(1)) + 1}"
            form = TYPE_FORM if what == "type" else KIND_FORM
            if not form.match(name):
                findings.append(f'{where}: {what} "{name}": expected {form.pattern}')
            if (what, name) in first:
                findings.append(f'{where}: {what} "{name}" stands in {first[(what, name)]} already')
            first.setdefault((what, name), where)
            following = "\n".join(text[match.end():].split("\n")[:4])
            if what == "type" and not VERSION.search(following):
                findings.append(f'{where}: message "{name}": expected its version in the next lines')
    return findings


if __name__ == "__main__":
    folders = ("runtime/", "actors/", "net/", "app/")
    finish(check((path, read(path)) for path in files(".hpp", ".cpp") if path.startswith(folders)))
