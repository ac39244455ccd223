# SPDX-License-Identifier: MIT
"""layers - every #include in src/ against src/LAYERS: who may include whom."""
import re

import tree

ROW = re.compile(r"(\d+) +([a-z_]+) *: *([a-z_ ]*)")
INCLUDE = re.compile(r"[ \t]*#[ \t]*include(?:_next)?\b[ \t]*(.*)")
NAMED = re.compile(r'(["<])([^">]+)[">]')
GENERATED = re.compile(r"jobwire/v1/[^/]+\.pb-c\.h")
C_FILES = (".c", ".h", ".def")


def read_layers(top):
    """{folder: (level, folders it may include)} and what is wrong with the table itself."""
    rows, found = {}, []
    for number, line in enumerate(tree.read(top, "src/LAYERS").splitlines(), 1):
        line = line.rstrip()
        if not line or line.startswith("#"):
            continue
        row = ROW.fullmatch(line)
        if not row:
            found.append(f"src/LAYERS:{number}: not 'level folder : folders'")
            continue
        level, folder, may = int(row[1]), row[2], row[3].split()
        if folder in rows:
            found.append(f"src/LAYERS:{number}: {folder} has a row already")
        for other in may:
            if other not in rows:
                found.append(f"src/LAYERS:{number}: {folder} names {other}, which has no row above")
            elif rows[other][0] >= level:
                found.append(f"src/LAYERS:{number}: {folder} names {other}, which is not lower")
        rows[folder] = (level, may)
    return rows, found


def judge(rows, path, quote, name):
    """Why the file `path`, from src/, may not include `name`; None if it may."""
    folder = path.split("/")[0]
    may = ["base", folder, *rows[folder][1]]
    owner = name.split("/")[0]
    if ".." in name.split("/"):
        return "includes are written from src/, without .."
    if GENERATED.fullmatch(name):
        return None if "wire" in may else f"{folder} may not include wire's generated {name}"
    if owner == "jobwire":
        return None if "client" in may else f"{folder} may not include client's public {name}"
    if owner == "nng":
        nng_is_his = path == "engine/rpc.c" or folder == "bus"
        return None if nng_is_his else "libnng is called in engine/rpc.c and bus/ alone"
    if quote == "<":
        return f"{owner} is ours: write \"{name}\"" if owner in rows and "/" in name else None
    if "/" not in name:
        return f"\"{name}\" is not written from src/"
    if owner not in rows:
        return f"no folder {owner} in src/LAYERS"
    return None if owner in may else f"{folder} may not include {owner}"


def check(top):
    rows, found = read_layers(top)
    unknown = set()
    for path in tree.files(top):
        if not path.startswith("src/") or not path.endswith(C_FILES):
            continue
        below = path[len("src/"):]
        folder = below.split("/")[0]
        if "/" not in below:
            found.append(f"{path}: lies in no folder")
        elif folder not in rows:
            unknown.add(folder)
        else:
            found += check_file(top, rows, path, below)
    return found + [f"src/{folder}: has no row in src/LAYERS" for folder in sorted(unknown)]


def check_file(top, rows, path, below):
    found = []
    for number, line in enumerate(tree.read(top, path).splitlines(), 1):
        include = INCLUDE.match(line)
        if not include:
            continue
        named = NAMED.match(include[1])
        why = judge(rows, below, named[1], named[2]) if named else "an include by a macro"
        if why:
            found.append(f"{path}:{number}: {why}")
    return found


LAYERS = """# words
0 base :
1 wire :
1 store :
2 bus : wire
2 client : wire
3 job : store
4 cli : client
5 engine : wire bus
"""


def planted(path, include):
    return {"src/LAYERS": LAYERS, path: f"/* x */\n{include}\n"}


CASES = [
    ("what is allowed", {
        "src/LAYERS": LAYERS,
        "src/base/err.c": '#include "base/err.h"\n#include "base/err.def"\n#include <errno.h>\n',
        "src/job/jobs.c": '#include "job/jobs.h"\n# include "store/db.h"\n#include "base/buf.h"\n',
        "src/wire/pack.c": '#include "jobwire/v1/jobs.pb-c.h"\n#include <jobwire/v1/x.pb-c.h>\n',
        "src/engine/rpc.c": '#include <nng/nng.h>\n#include "jobwire/v1/jobs.pb-c.h"\n',
        "src/client/a.c": "#include <jobwire/client.h>\n",
        "src/cli/a.c": '#include "jobwire/client.h"\n',
        "src/bus/pub.c": "#include <nng/protocol/pubsub0/pub.h>\n",
    }, []),
    ("a folder beside", planted("src/job/a.c", '#include "bus/bus.h"'),
     ["src/job/a.c:2: job may not include bus"]),
    ("a folder above", planted("src/base/a.h", '\t#  include\t"job/jobs.h" /* x */'),
     ["src/base/a.h:2: base may not include job"]),
    ("a folder that a folder may include", planted("src/job/a.c", '#include "wire/wire.h"'),
     ["src/job/a.c:2: job may not include wire"]),
    ("in a table", planted("src/base/a.def", '#include "job/jobs.def"'),
     ["src/base/a.def:2: base may not include job"]),
    ("an unknown folder", planted("src/job/a.c", '#include "jobs/jobs.h"'),
     ["src/job/a.c:2: no folder jobs in src/LAYERS"]),
    ("in angle brackets", planted("src/job/a.c", "#include <bus/bus.h>"),
     ['src/job/a.c:2: bus is ours: write "bus/bus.h"']),
    ("without its folder", planted("src/job/a.c", '#include "jobs.h"'),
     ['src/job/a.c:2: "jobs.h" is not written from src/']),
    ("upwards", planted("src/job/a.c", '#include "../job/jobs.h"'),
     ["src/job/a.c:2: includes are written from src/, without .."]),
    ("upwards in the middle", planted("src/job/a.c", '#include "job/../bus/bus.h"'),
     ["src/job/a.c:2: includes are written from src/, without .."]),
    ("by a macro", planted("src/job/a.c", "#include HEADER"),
     ["src/job/a.c:2: an include by a macro"]),
    ("a generated header", planted("src/job/a.c", '#include "jobwire/v1/jobs.pb-c.h"'),
     ["src/job/a.c:2: job may not include wire's generated jobwire/v1/jobs.pb-c.h"]),
    ("a public header", planted("src/job/a.c", "#include <jobwire/client.h>"),
     ["src/job/a.c:2: job may not include client's public jobwire/client.h"]),
    ("libnng", planted("src/engine/main.c", "#include <nng/nng.h>"),
     ["src/engine/main.c:2: libnng is called in engine/rpc.c and bus/ alone"]),
    ("a folder without a row", {"src/LAYERS": LAYERS, "src/new/a.c": "", "src/new/b.c": ""},
     ["src/new: has no row in src/LAYERS"]),
    ("a file without a folder", {"src/LAYERS": LAYERS, "src/a.c": ""},
     ["src/a.c: lies in no folder"]),
    ("rows that do not descend", {"src/LAYERS": "0 base :\n1 a :\n1 b : a\n2 c : d\n2 d : c\n"},
     ["src/LAYERS:3: b names a, which is not lower",
      "src/LAYERS:4: c names d, which has no row above",
      "src/LAYERS:5: d names c, which is not lower"]),
    ("a row twice, and no row", {"src/LAYERS": "0 base :\n0 base :\nx\n"},
     ["src/LAYERS:2: base has a row already", "src/LAYERS:3: not 'level folder : folders'"]),
]

if __name__ == "__main__":
    tree.main(check, CASES)
