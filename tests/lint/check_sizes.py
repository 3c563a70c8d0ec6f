# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and functions that outgrew one sitting."""
import re

from source_tree import files, finish, read, without_inert

FILE_LIMIT = 500
TEST_FILE_LIMIT = 700
FUNCTION_LIMIT = 80

# path: (limit in lines, why)
LARGER_FILES = {}
# "path name": (limit in lines, why)
LARGER_FUNCTIONS = {}

_TYPE = re.compile(r"\b(class|struct|union|enum|namespace|extern)\b")
_NAME = re.compile(r"([A-Za-z_~][\w:~]*|operator\s*\S+)\s*\(")


def functions(text):
    """(name, first line, number of lines) of each function in C++ text, by its braces."""
    bare = without_inert(text)
    found, stack, begin = [], [], 0
    parens = 0
    for at, char in enumerate(bare):
        if char in "([":
            parens += 1
        elif char in ")]":
            parens = max(0, parens - 1)
        elif char == "{":
            head = bare[begin:at].strip()
            inside_function = any(kind == "function" for kind, *_ in stack)
            kind = "other"
            if not inside_function and parens == 0:
                before_parens = head.split("(")[0]
                if re.search(r"\bnamespace\b[\w:\s]*$", head):
                    kind = "scope"  # also after a macro that stands without a semicolon
                elif _TYPE.search(before_parens) and not _NAME.search(head.split(":")[0]):
                    kind = "scope"
                elif "(" in head and not re.search(r"=\s*$|=\s*\[", before_parens + head[-2:]):
                    kind = "function"
                elif _TYPE.search(before_parens):
                    kind = "scope"
            name = _NAME.search(head)
            start = begin + len(bare[begin:at]) - len(bare[begin:at].lstrip())
            stack.append((kind, name.group(1) if name else "?", start, parens))
            parens = 0
            begin = at + 1
        elif char == "}":
            if stack:
                kind, name, start, parens = stack.pop()
                if kind == "function":
                    first = bare.count("\n", 0, start) + 1
                    found.append((name, first, bare.count("\n", start, at) + 1))
            begin = at + 1
        elif char == ";":
            begin = at + 1
        elif char == ":" and re.search(r"\b(public|private|protected)\s*$", bare[begin:at]):
            begin = at + 1
    return found


def check(path, text):
    findings = []
    limit = TEST_FILE_LIMIT if path.startswith("tests/") else FILE_LIMIT
    limit = LARGER_FILES.get(path, (limit,))[0]
    lines = text.count("\n")
    if lines > limit:
        findings.append(f"{path}:1: {lines} lines, the limit is {limit}")
    if path.endswith((".cpp", ".hpp")):
        for name, first, length in functions(text):
            allowed = LARGER_FUNCTIONS.get(f"{path} {name}", (FUNCTION_LIMIT,))[0]
            # A test case is a story with sections, not a function to be called.
            if length > allowed and name != "TEST_CASE":
                findings.append(f"{path}:{first}: {name} has {length} lines, the limit is {allowed}")
    return findings


if __name__ == "__main__":
    found = []
    for source in files(".hpp", ".cpp", ".ts", ".tsx", ".mjs", ".py", ".sh", ".css"):
        found += check(source, read(source))
    finish(found)
