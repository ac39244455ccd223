# SPDX-License-Identifier: MIT
"""docs - README.md and proto/README.md name all that the tables have, and nothing that they lack.

Settings (src/*/settings.def), verbs, MCP tools and variables are README.md's; methods are
proto/README.md's.
"""
import re

import tree

README = "README.md"
PROTO = "proto/README.md"
SETTING = re.compile(r'^SETTING\(\w+, \w+, "([\w-]+)",(?: (?:0|\'\w\'),)? (?:"(\w+)"|NULL),', re.M)
VERBS = re.compile(r"^#define VERBS\(row\)((?:.*\\\n)*.*)", re.M)
TOOL = re.compile(r"^extern const struct tool_row tool_(\w+);", re.M)
METHOD = re.compile(r"^METHOD\(\w+, (\w+),", re.M)
VARIABLE = re.compile(r"\b(?:JOBWIRE|MCP_BG)_[A-Z][A-Z_]*[A-Z]\b")
# What no reader has to be told: the usual two, and what clients alone say to an engine.
UNTOLD = {"help", "version", "lock-fd"}


def texts(top, pattern):
    return [(p, tree.read(top, p)) for p in tree.files(top) if re.fullmatch(pattern, p)]


def settings(top):
    """What a reader looks for: the variable where there is one, else the flag."""
    for path, text in texts(top, r"src/\w+/settings\.def"):
        for flag, variable in SETTING.findall(text):
            if flag not in UNTOLD:
                yield path, variable or f"--{flag}"


def verbs(top):
    for path, text in texts(top, r"src/cli/verbs\.h"):
        for rows in VERBS.findall(text):
            for verb in re.findall(r"row\((\w+)\)", rows):
                yield path, f"jobwire {verb}"


def tools(top):
    for path, text in texts(top, r"src/tools/inside\.h"):
        for name in TOOL.findall(text):
            yield path, name


def methods(top):
    for path, text in texts(top, r"src/wire/methods\.def"):
        for method in METHOD.findall(text):
            yield path, method


def variables(top):
    """Every name of a variable that the code has in a string, and the options of the build."""
    known = set()
    for _, text in texts(top, r"src/.*\.(c|h|def)"):
        for string in re.findall(r'"([^"\n]*)"', text):
            known.update(VARIABLE.findall(string))
    for _, text in texts(top, r"CMakeLists\.txt|CMakePresets\.json|cmake/.*\.cmake"):
        known.update(VARIABLE.findall(text))
    return known


def is_named(name, text):
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def check(top):
    found = []
    readme, proto = (tree.read(top, p) if (top / p).is_file() else "" for p in (README, PROTO))
    for rows, page, text in ((settings, README, readme), (verbs, README, readme),
                             (tools, README, readme), (methods, PROTO, proto)):
        found += [f"{page}: does not name {name} of {path}" for path, name in rows(top)
                  if not is_named(name, text)]
    known = variables(top)
    for page, text in ((README, readme), (PROTO, proto)):
        found += [f"{page}: names {name}, which nothing reads"
                  for name in sorted(set(VARIABLE.findall(text)) - known)]
    return found


DEF = ('SETTING(INT, max_running, "max-running", 0, "JOBWIRE_MAX_RUNNING", "64", 1, 9, "N",\n'
       '\t"see JOBWIRE_OTHER")\n'
       'SETTING(STRING, holder, "holder", \'o\', NULL, NULL, 0, 0, "FILE", "x")\n'
       'SETTING(FLAG, help, "help", \'h\', NULL, NULL, 0, 0, NULL, "x")\n')
TOOLS_DEF = 'SETTING(INT, max_jobs, "max-jobs", "MCP_BG_MAX_JOBS", "10", 1, 100, "N", "x")\n'
VERBS_H = "#define VERBS(row) \\\n\trow(run) row(ls) \\\n\trow(rm)\n"
TOOLS_H = "extern const struct tool_row tool_run_command; /* start.c */\n"
METHODS = "METHOD(Jobs, Start, start, 1, REPEAT)\n"
CODE = {"src/engine/settings.def": DEF, "src/tools/settings.def": TOOLS_DEF,
        "src/cli/verbs.h": VERBS_H, "src/tools/inside.h": TOOLS_H,
        "src/wire/methods.def": METHODS, "CMakeLists.txt": "option(JOBWIRE_FAULTS x OFF)\n"}
GOOD = ("JOBWIRE_MAX_RUNNING `--holder` `MCP_BG_MAX_JOBS`, JOBWIRE_OTHER; JOBWIRE_FAULTS\n"
        "jobwire run, `jobwire ls`, jobwire rm. run_command\n")

CASES = [
    ("nothing at fault", {**CODE, README: GOOD, PROTO: "/jobwire.v1.Jobs/Start\n"}, []),
    ("each kind is missed once",
     {**CODE, README: "JOBWIRE_MAX_RUNNINGS --holders jobwire run-x jobwire ls\n", PROTO: "Jobs\n"},
     ["README.md: does not name JOBWIRE_MAX_RUNNING of src/engine/settings.def",
      "README.md: does not name --holder of src/engine/settings.def",
      "README.md: does not name MCP_BG_MAX_JOBS of src/tools/settings.def",
      "README.md: does not name jobwire run of src/cli/verbs.h",
      "README.md: does not name jobwire rm of src/cli/verbs.h",
      "README.md: does not name run_command of src/tools/inside.h",
      "proto/README.md: does not name Start of src/wire/methods.def",
      "README.md: names JOBWIRE_MAX_RUNNINGS, which nothing reads"]),
    ("a page that invents",
     {**CODE, README: GOOD, PROTO: "Jobs/Start MCP_BG_NONE\n"},
     ["proto/README.md: names MCP_BG_NONE, which nothing reads"]),
]

if __name__ == "__main__":
    tree.main(check, CASES)
