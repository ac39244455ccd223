# SPDX-License-Identifier: MIT
"""Processes as /proc shows them: who lives, who descends from whom, and waiting for either."""
import ctypes
import os
import select
import signal
import time

LIMIT = 60.0
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """From now on a process whose parent has died becomes a child of ours: none can hide."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def until(holds, what, limit=LIMIT):
    """Look again and again until holds() is true, for things that give no event; its value."""
    deadline = time.monotonic() + limit
    while not (value := holds()):
        if time.monotonic() > deadline:
            raise AssertionError("not after %g s: %s" % (limit, what))
        select.select([], [], [], 0.005)
    return value


def until_passed(seconds):
    """For tests whose subject is a moment: nothing but time passes."""
    select.select([], [], [], seconds)


def stat_of(pid):
    """(state letter, parent, session) or None."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0].decode(), int(fields[1]), int(fields[3])


def state_of(pid):
    stat = stat_of(pid)
    return stat[0] if stat else "gone"


def is_alive(pid):
    return state_of(pid) not in ("gone", "Z", "X")


def parent_of(pid):
    return stat_of(pid)[1]


def name_of(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return "gone"


def wait_dead(pid, what="its end", limit=LIMIT):
    """Dead, or a zombie that its parent has not collected."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([fd], [], [], limit)[0]:
            raise AssertionError("process %d (%s) lives on: %s" % (pid, name_of(pid), what))
    finally:
        os.close(fd)


def wait_stopped(pid):
    """Halted by SIGSTOP."""
    until(lambda: state_of(pid) in ("T", "t"), "process %d halts" % pid)


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def descendants(root):
    """Every living process below `root`."""
    parents = {}
    for pid in pids():
        stat = stat_of(pid)
        if stat and stat[0] not in ("Z", "X"):
            parents[pid] = stat[1]
    found = []
    level = {root}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        found += level
    return found


def reap(known=()):
    """Collect orphans of ours that have ended, but not the processes that somebody waits for."""
    for task in os.listdir("/proc/self/task"):
        try:
            with open("/proc/self/task/%s/children" % task) as file:
                children = [int(word) for word in file.read().split()]
        except FileNotFoundError:
            continue
        for pid in children:
            if pid not in known and state_of(pid) == "Z":
                os.waitpid(pid, os.WNOHANG)


def memory_kib(pid, field="VmRSS"):
    with open("/proc/%d/status" % pid) as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise AssertionError("no %s" % field)


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
