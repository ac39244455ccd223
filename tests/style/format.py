# SPDX-License-Identifier: MIT
"""format - clang-format 14 leaves src, tests and include as they are.

Other versions format differently. Where 14 is missing the check is skipped, and fails with
JOBWIRE_TEST_STRICT=1.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

import tree

FINDING = re.compile(r"(.*?):(\d+):\d+: (?:error|warning): .*")


def formatter():
    for name in ("clang-format-14", "clang-format"):
        program = shutil.which(name)
        if not program:
            continue
        out = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
        if "version 14." in out.stdout:
            return program
    why = "clang-format 14 is not here"
    if os.environ.get("JOBWIRE_TEST_STRICT") == "1":
        sys.exit(why)
    raise tree.Skip(why)


def check(top):
    program = formatter()
    paths = [p for p in tree.files(top)
             if p.startswith(("src/", "tests/", "include/")) and p.endswith((".c", ".h"))]

    def run(part):
        return subprocess.run([program, "--dry-run", "-Werror", "--style=file", *part], cwd=top,
                              check=False, capture_output=True, text=True) if part else None

    workers = os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        runs = [r for r in pool.map(run, [paths[i::workers] for i in range(workers)]) if r]
    lines = {(m[1], int(m[2])) for r in runs for m in map(FINDING.match, r.stderr.splitlines()) if m}
    if not lines and any(r.returncode for r in runs):
        return [r.stderr for r in runs if r.returncode]
    return [f"{path}:{line}: not as clang-format -i writes it" for path, line in sorted(lines)]


STYLE = {".clang-format": tree.read(tree.TOP, ".clang-format")}
GOOD = "int\nf(void)\n{\n\treturn 1;\n}\n"
CASES = [
    ("well formatted", {**STYLE, "src/a.c": GOOD, "tests/b.c": GOOD, "include/c.h": GOOD}, []),
    ("elsewhere", {**STYLE, "bindings/a.c": "int  x ;\n", "src/a.def": "int  x ;\n"}, []),
    ("badly formatted", {
        **STYLE, "src/a.c": "int f(void)\n{\n  return 1;\n}\n", "tests/b.h": "int  x;\n",
    }, ["src/a.c:1: not as clang-format -i writes it", "src/a.c:2: not as clang-format -i writes it",
        "tests/b.h:1: not as clang-format -i writes it"]),
]

if __name__ == "__main__":
    tree.main(check, CASES)
