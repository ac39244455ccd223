# SPDX-License-Identifier: MIT
"""sizes - no file of C over 600 lines, no function over 60.

A function is counted from the "{" in column 0 to the "}" in column 0, both included; the format
check makes that exact.
"""
import re

import tree

FILE_MAX = 600
FUNCTION_MAX = 60

# "path" or "path:function" -> why it may be larger. An entry that is not needed is a finding.
EXCEPTIONS = {}


def functions(lines):
    """(name, line of the brace, lines) of each; a brace that nothing closes runs to the end."""
    name, start = "?", 0
    for number, line in enumerate(lines, 1):
        if start:
            if line.startswith("}") or number == len(lines):
                yield name, start, number - start + 1
                start = 0
        elif line == "{":
            start = number
        elif re.match(r"\w", line):
            words = re.findall(r"(\w+)\(", line)
            name = words[-1] if words else name


def check(top, exceptions=None):
    exceptions = EXCEPTIONS if exceptions is None else exceptions
    found, used = [], set()

    def report(key, where, size, most):
        if size > most and key in exceptions:
            used.add(key)
        elif size > most:
            found.append(f"{where}: {size} lines, more than {most}")

    for path in tree.files(top):
        if not path.startswith(("src/", "include/", "tests/")) or not path.endswith((".c", ".h")):
            continue
        lines = tree.read(top, path).splitlines()
        report(path, path, len(lines), FILE_MAX)
        for name, start, size in functions(lines):
            report(f"{path}:{name}", f"{path}:{start}: {name}()", size, FUNCTION_MAX)
    return found + [f"{key}: needs no exception" for key in sorted(set(exceptions) - used)]


def function(name, lines):
    return f"static int\n{name}(int a,\n\tint b)\n{{\n" + "\tx();\n" * (lines - 2) + "}\n"


CASES = [
    ("as large as allowed", {
        "src/base/a.c": function("f", 60) + function("g", 60),
        "src/base/b.h": "\n" * 600,
        "tests/t.c": "struct s {\n" + "\tint x;\n" * 70 + "};\n" + function("t", 3),
        "bindings/far.c": "\n" * 601,
        "src/base/big.def": "\n" * 601,
    }, []),
    ("a large function", {"src/base/a.c": function("f", 3) + function("long_one", 61)},
     ["src/base/a.c:10: long_one(): 61 lines, more than 60"]),
    ("two in a header", {"include/jobwire/a.h": function("f", 70) + function("g", 61)},
     ["include/jobwire/a.h:4: f(): 70 lines, more than 60",
      "include/jobwire/a.h:77: g(): 61 lines, more than 60"]),
    ("attributes in front of the name",
     {"tests/a.c": "static void PRINTF(4, 0) fill(int x)\n{\n" + "\n" * 60 + "}\n"},
     ["tests/a.c:2: fill(): 62 lines, more than 60"]),
    ("a function that nothing closes", {"src/base/a.c": "int\nf(void)\n{\n" + "\tx();\n" * 80},
     ["src/base/a.c:3: f(): 81 lines, more than 60"]),
    ("a large file", {"tests/unit/a.c": "\n" * 601},
     ["tests/unit/a.c: 601 lines, more than 600"]),
]


def prove_exceptions():
    contents = {"src/a.c": function("f", 61) + "\n" * 600, "src/b.c": function("g", 61)}
    with tree.Planted(contents) as top:
        found = check(top, {"src/a.c": "", "src/a.c:f": "", "src/b.c": "", "src/b.c:f": ""})
    assert found == ["src/b.c:4: g(): 61 lines, more than 60", "src/b.c: needs no exception",
                     "src/b.c:f: needs no exception"], found


if __name__ == "__main__":
    prove_exceptions()
    tree.prove(lambda top: check(top, {}), CASES)
    tree.main(check, [])
