# SPDX-License-Identifier: Apache-2.0
"""Processes, by /proc: found by what they are, ended by their id and never by a name."""
import os
import signal

from lib import poll


def _read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def every():
    """Ids of all living processes, ours excepted."""
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]


def alive(pid):
    """Whether it still runs: a zombie does not."""
    stat = _read(pid, "stat")
    return bool(stat) and stat.rpartition(b")")[2].split()[:1] not in ([b"Z"], [b"X"])


def executable(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    except OSError:
        return ""


def arguments(pid):
    return [a.decode(errors="replace") for a in _read(pid, "cmdline").split(b"\0")[:-1]]


def environment(pid):
    pairs = (e.decode(errors="replace").partition("=") for e in _read(pid, "environ").split(b"\0") if e)
    return {name: value for name, _, value in pairs}


def with_argument(text):
    """Processes one of whose arguments contains text."""
    return [p for p in every() if any(text in a for a in arguments(p))]


def in_cgroup(path):
    """Processes of a cgroup directory and all below it."""
    found = []
    for folder, _, _ in os.walk(path):
        try:
            with open(os.path.join(folder, "cgroup.procs"), encoding="ascii") as file:
                found += [int(line) for line in file]
        except OSError:
            pass
    return found


def end(pids, seconds=5.0):
    """SIGTERM, and SIGKILL for those that are still there after that long."""
    for number, limit in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        for pid in filter(alive, pids):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        try:
            poll.until("processes end", lambda: not any(map(alive, pids)), limit)
            return
        except poll.Late:
            continue
