# SPDX-License-Identifier: MIT
"""text - what holds for every file of text: licence line, width, blanks, forbidden words.

And for the fuzz targets: each names its module and has a corpus to replay.
"""
import re

import tree

C_FILES = (".c", ".h")
WIDTH = 100
TAB = 8
SPDX = "/* SPDX-License-Identifier: MIT */"

# Recorded data: what is in there was written by others, so only machines' paths are looked for.
DATA = {"corpus", "fixtures"}

# In brackets so that this file does not find itself.
OPEN_ENDS = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X])\b")
MACHINE_PATHS = re.compile(rb"(?<![\w.~-])/(wo[r]k|fa[r]m)/")


def machine_paths(top):
    """The patterns, and the tree's own place where that is long enough to mean nothing else."""
    patterns = [MACHINE_PATHS]
    if len(top.parts) > 3:
        patterns.append(re.compile(re.escape(str(top).encode()) + rb"\b"))
    return patterns


def check_line(path, line):
    if line != line.rstrip():
        yield "a blank at the end"
    if OPEN_ENDS.search(line):
        yield "an open end: NEEDSWORK: with its reason, or do it"
    if path.endswith(C_FILES) and len(line.expandtabs(TAB)) > WIDTH:
        yield f"over {WIDTH} columns"


def check_text(path, text):
    lines = text.split("\n")
    if path.endswith(C_FILES) and lines[0] != SPDX:
        yield f"{path}:1: not '{SPDX}'"
    for number, line in enumerate(lines, 1):
        for why in check_line(path, line):
            yield f"{path}:{number}: {why}"


def check_fuzz(paths, top):
    """Targets, the modules that they name, and corpora belong together."""
    targets = {p.split("/")[-1][:-2]: p for p in paths if re.fullmatch(r"tests/fuzz/\w+\.c", p)}
    targets.pop("driver", None)
    corpora = {p.split("/")[3] for p in paths if re.match(r"tests/fuzz/corpus/\w+/[^.]", p)}
    for name, path in sorted(targets.items()):
        module = re.search(r"fuzz: ([a-z_]+)", tree.read(top, path))
        if not module:
            yield f"{path}: names no module: 'fuzz: MODULE'"
        elif not any(p.startswith(f"src/{module[1]}/") for p in paths):
            yield f"{path}: no module {module[1]} in src"
        if name not in corpora:
            yield f"tests/fuzz/corpus/{name}: no files for {path}"
    for name in sorted(corpora - set(targets)):
        yield f"tests/fuzz/corpus/{name}: belongs to no target"


def check(top):
    found = []
    paths = tree.files(top)
    patterns = machine_paths(top)
    for path in paths:
        data = (top / path).read_bytes()
        for pattern in patterns:
            found += [f"{path}:{data.count(bytes([10]), 0, m.start()) + 1}: a path of some machine"
                      for m in pattern.finditer(data)]
        if b"\0" not in data and not DATA & set(path.split("/")[:-1]):
            found += check_text(path, data.decode(errors="replace"))
    return found + list(check_fuzz(paths, top))


def c_file(text):
    return f"{SPDX}\n{text}\n"


FUZZ = {"src/base/a.h": c_file(""), "tests/fuzz/driver.c": c_file("")}
LONG = "x" * 92
CASES = [
    ("what is allowed", {
        "src/a.c": c_file(f"\t{LONG}"),
        "src/utf8.h": c_file("\u00e9" * 100),
        "README.md": "long " + LONG + LONG + "\nnetwork/" "wo" "rk/x XX" "XX\n",
        "tests/fixtures/a.txt": "blank \nTO" "DO\n",
        "image.png": b"\x89PNG\0 TO" b"DO \n",
    }, []),
    ("no licence line", {"src/a.c": "\n" + c_file(""), "src/b.h": ""},
     [f"src/a.c:1: not '{SPDX}'", f"src/b.h:1: not '{SPDX}'"]),
    ("too wide", {"src/a.c": c_file(f"\t{LONG}y")}, ["src/a.c:2: over 100 columns"]),
    ("blanks at the end", {"src/a.c": c_file("x \n\t"), "doc.md": "y\r\nz\n"},
     ["doc.md:1: a blank at the end", "src/a.c:2: a blank at the end",
      "src/a.c:3: a blank at the end"]),
    ("open ends", {"a.py": "# TO" "DO: x\n", "b.md": "FIX" "ME\n", "c.txt": "(XX" "X)\n"},
     [f"{p}:1: an open end: NEEDSWORK: with its reason, or do it"
      for p in ("a.py", "b.md", "c.txt")]),
    ("paths of machines", {
        "a.md": "1\n2 \"/wo" "rk/x\"\n", "tests/fuzz/corpus/x/1": b"\0file:///fa" b"rm/y",
        "tests/fuzz/x.c": c_file("/* fuzz: base */"), **FUZZ,
    }, ["a.md:2: a path of some machine", "tests/fuzz/corpus/x/1:1: a path of some machine"]),
    ("a whole fuzz target", {
        "tests/fuzz/x.c": c_file("/* fuzz: base */"), "tests/fuzz/corpus/x/seed": "1", **FUZZ,
    }, []),
    ("no corpus, or an empty one", {
        "tests/fuzz/x.c": c_file("/* fuzz: base */"), "tests/fuzz/y.c": c_file("/* fuzz: base */"),
        "tests/fuzz/corpus/y/.keep": "", **FUZZ,
    }, ["tests/fuzz/corpus/x: no files for tests/fuzz/x.c",
        "tests/fuzz/corpus/y: no files for tests/fuzz/y.c"]),
    ("a corpus of nobody", {"tests/fuzz/corpus/x/seed": "1"},
     ["tests/fuzz/corpus/x: belongs to no target"]),
    ("no module, or an unknown one", {
        "tests/fuzz/x.c": c_file(""), "tests/fuzz/corpus/x/1": "",
        "tests/fuzz/y.c": c_file("/* fuzz: nobody */"), "tests/fuzz/corpus/y/1": "", **FUZZ,
    }, ["tests/fuzz/x.c: names no module: 'fuzz: MODULE'",
        "tests/fuzz/y.c: no module nobody in src"]),
]


def prove_own_path():
    with tree.Planted({}) as top:
        deep = top / "deep" / "tree"
        deep.mkdir(parents=True)
        (deep / "a.md").write_text(f"see {deep}/x and {deep}er\n")
        found = check(deep)
    assert found == ["a.md:1: a path of some machine"], found


if __name__ == "__main__":
    tree.prove_files()
    prove_own_path()
    tree.main(check, CASES)
