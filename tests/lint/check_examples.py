# SPDX-License-Identifier: GPL-3.0-or-later
"""Code in a document that says where it is from stands there, letter by letter."""
import os
import re

from source_tree import ROOT, files, finish, read

EXAMPLE = re.compile(r"^<!-- from: (\S+) -->\n```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def check(path, text, source_of):
    """source_of(path): the text of a file, or None."""
    findings = []
    for match in EXAMPLE.finditer(text):
        source = source_of(match.group(1))
        where = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        if source is None:
            findings.append(f"{where}: there is no {match.group(1)}")
        elif match.group(2) not in source:
            findings.append(f"{where}: this code does not stand in {match.group(1)}")
    return findings


def source_of(path):
    return read(path) if os.path.isfile(os.path.join(ROOT, path)) else None


if __name__ == "__main__":
    finish([finding for path in files(".md") for finding in check(path, read(path), source_of)])
