# SPDX-License-Identifier: MIT
"""tree - the files that a style check looks at, planted trees to prove it on, and its main().

A check is a function from the top of a tree to a list of findings, each one line of text. Its
self-test is a table: what is wrong, a tree as {path: text}, and exactly the findings it must have.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77  # ctest's SKIP_RETURN_CODE


class Skip(Exception):
    """The check cannot run here."""


def files(top):
    """Paths from `top`, sorted: what git tracks or would add, else all that no build made."""
    paths = _by_git(top) if (top / ".git").exists() else None
    if paths is None:
        paths = _by_walk(top)
    return sorted(p for p in paths if (top / p).is_file() and not (top / p).is_symlink())


def _by_git(top):
    command = ["git", "-C", top, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        out = subprocess.run(command, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None  # no git, or a tree of somebody else, which git refuses to read
    return set(os.fsdecode(out).split("\0")) - {""}


def _by_walk(top):
    paths = set()
    for folder, folders, names in os.walk(top):
        here = pathlib.Path(folder)
        folders[:] = [f for f in folders if f not in (".git", "__pycache__")
                      and not (here == top and f == "build")
                      and not (here / f / "CMakeCache.txt").exists()]
        paths.update((here / name).relative_to(top).as_posix() for name in names if name != ".git")
    return paths


def read(top, path):
    return (top / path).read_text(encoding="utf-8", errors="replace")


class Planted:
    """A temporary tree made of {path: text or bytes}, for the length of a `with`."""

    def __init__(self, contents):
        self.contents = contents

    def __enter__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="jobwire-style-"))
        for path, content in self.contents.items():
            file = self.top / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self.top

    def __exit__(self, *_):
        shutil.rmtree(self.top)


def prove(check, cases):
    """Run the check on each planted tree; a check that misses or invents something ends here."""
    for what, contents, wanted in cases:
        with Planted(contents) as top:
            found = check(top)
        if found != wanted:
            sys.exit(f"self-test: {what}:\n  wanted {wanted}\n  found  {found}")


def prove_files():
    """files() itself: the same paths with git and without, and none that a build made."""
    contents = {"src/a.c": "", "tests/b.py": "", "build/c.c": "", "obj/CMakeCache.txt": "",
                "obj/d.c": "", "sub/.git": "gitdir: x", "tests/__pycache__/b.pyc": "",
                ".gitignore": "/build/\n/obj/\n__pycache__/\n"}
    wanted = [".gitignore", "src/a.c", "tests/b.py"]
    with Planted(contents) as top:
        found = [files(top)]
        shutil.rmtree(top / "sub")
        if shutil.which("git"):
            subprocess.run(["git", "init", "-q", top], check=True)
            found.append(files(top))
    if any(f != wanted for f in found):
        sys.exit(f"self-test: files: {found}")


def main(check, cases):
    """Prove the check, then run it on the source tree: 0, 1 with findings printed, or 77."""
    try:
        prove(check, cases)
        found = check(TOP)
    except Skip as why:
        print(f"skipped: {why}")
        sys.exit(SKIPPED)
    if not files(TOP):
        sys.exit(f"no files below {TOP}")
    for line in found:
        print(line)
    sys.exit(1 if found else 0)
