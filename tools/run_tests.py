#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test and counts: the last line is `N passed, N failed, N skipped`.

    tools/run_tests.py [BUILD] [--only SUITE] [--match TEXT]

Suites are the rows of SUITES. All of them speak TAP or are counted whole. A skip is printed with its
reason, and is a failure unless tests/allowed-skips.txt lists it: what cannot be tested must be known.
"""
import argparse
import fnmatch
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[1]
TAP = re.compile(r"^\s*(not ok|ok)\b\s*\d*\s*-?\s*(.*?)\s*(?:#\s*(skip)\S*\s*(.*))?$", re.IGNORECASE)


class Tally:
    """What has passed, failed and been skipped; and the list of skips that are allowed."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []
        self.allowed = []
        for line in (SOURCE / "tests/allowed-skips.txt").read_text(encoding="utf-8").splitlines():
            pattern = line.partition("#")[0].strip()
            if pattern:
                self.allowed.append(pattern)

    def passes(self):
        self.passed += 1

    def fails(self, name, why=""):
        self.failed.append(f"{name}: {why}" if why else name)

    def skips(self, name, reason):
        if any(fnmatch.fnmatch(name, pattern) for pattern in self.allowed):
            self.skipped.append(name)
            say(f"skipped: {name}: {reason or 'no reason given'}")
        else:
            self.fails(name, f"skipped, and not in tests/allowed-skips.txt: {reason or 'no reason given'}")

    def tap(self, line, prefix):
        """Counts one line if it is a result of TAP; whether it was."""
        match = TAP.match(line)
        if not match:
            return False
        good, name, skip, reason = match.groups()
        name = prefix + re.sub(r" \([\d.]+ s\)$", "", name)
        if skip:
            self.skips(name, reason)
        elif good.lower() == "ok":
            self.passes()
        else:
            self.fails(name)
        return True


def say(text):
    print(text, flush=True)


def count_meson_test(tally, test):
    """One line of Meson's log: a TAP test counts with its parts, any other as one."""
    name, output = test["name"].split(" / ")[-1], test.get("stdout", "")
    before = len(tally.failed)
    parts = [tally.tap(line, name + ": ") for line in output.splitlines() if not line.startswith(" ")]
    good = test["result"] in ("OK", "SKIP", "EXPECTEDFAIL")
    if not any(parts):
        if test["result"] == "SKIP":
            tally.skips(name, " ".join((output + test.get("stderr", "")).split()[-30:]))
        elif good:
            tally.passes()
    if not good and len(tally.failed) == before:
        tally.fails(name, f"{test['result'].lower()}, exit {test.get('returncode')}")
    if not good:
        say("\n".join("    " + line for line in (output + test.get("stderr", "")).splitlines()[-30:]))


def meson(tally, build, patterns, suite, processes):
    log = build / "meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", str(build), "--no-rebuild", "--suite", suite, "--num-processes", str(processes)]
    listed = subprocess.run(command + ["--list"], capture_output=True, text=True, check=False).stdout.splitlines()
    names = [line.split(" / ")[-1].strip() for line in listed if " / " in line or line]
    names = [n for n in names if not patterns or any(p in n for p in patterns)]
    if not names:
        if not patterns:
            tally.fails(suite, "there is no such test")
        return
    subprocess.run(command + (names if patterns else []), check=False)
    tests = [json.loads(line) for line in log.read_text(encoding="utf-8", errors="replace").splitlines()] \
        if log.exists() else []
    for test in tests:
        count_meson_test(tally, test)
    if len(tests) < len(names):
        tally.fails(suite, f"only {len(tests)} of {len(names)} tests ran")


def stream(tally, command, name, environment):
    """Runs a command that speaks TAP, showing its lines as they come."""
    before = len(tally.failed)
    with subprocess.Popen(command, cwd=SOURCE, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        for line in process.stdout:
            say(line.rstrip("\n"))
            tally.tap(line, "")
    if process.returncode and len(tally.failed) == before:
        tally.fails(name, f"exit {process.returncode}")


AGAIN_MOST = 5
WORKERS = 2  # most tests wait for an engine most of the time


def end_to_end(tally, patterns, name, environment):
    """Runs the end-to-end tests. A few that fail get one more try, alone, on a stage of their own: engines and
    browsers have bad moments on a busy machine. Whoever needed it is named; who fails twice has failed."""
    before = len(tally.failed)
    stream(tally, [sys.executable, "-u", "tests/e2e/run.py", "--workers", str(WORKERS), *patterns], name, environment)
    tests = sorted({failure.split(" ")[0].rstrip(":") for failure in tally.failed[before:]})
    if not 0 < len(tests) <= AGAIN_MOST or name in tests:
        return
    say(f"== {name}, once more and alone: {' '.join(tests)}")
    second = Tally()
    stream(second, [sys.executable, "-u", "tests/e2e/run.py", *tests], name, environment)
    if second.failed or second.passed < len(tests):
        return
    del tally.failed[before:]
    tally.passed += second.passed
    for test in tests:
        say(f"UNSTEADY {test}: failed at first, passed alone")


def unit(tally, build, patterns):
    meson(tally, build, patterns, "unit", 2)


def bpf(tally, build, patterns):
    meson(tally, build, patterns, "bpf", 1)


def web(tally, build, patterns):
    """The page's own unit tests."""
    if not shutil.which("npm"):
        tally.skips("web", "npm is not installed")
    elif not (SOURCE / "web/node_modules").is_dir():
        tally.skips("web", "web/node_modules is not there (make web)")
    elif not patterns or any(p in "web" for p in patterns):
        done = subprocess.run(["npm", "--prefix", "web", "test", "--silent"], cwd=SOURCE, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        say(done.stdout.rstrip())
        parts = [tally.tap(line, "web: ") for line in done.stdout.splitlines() if not line.startswith(" ")]
        if done.returncode:
            tally.fails("web", f"exit {done.returncode}")
        elif not any(parts):
            tally.passes()


def e2e(tally, build, patterns):
    environment = {**os.environ, "SEAWALL_BUILD": str(build)}
    end_to_end(tally, patterns, "e2e", environment)


def e2e_v1(tally, build, patterns):
    """The heart of it again, with containers told apart by cgroup v1, as on hosts that have nothing else."""
    names = ["test_miners.Block", "test_container_within", "test_edge"]
    if patterns and not any(p in n for p in patterns for n in names):
        return
    environment = {**os.environ, "SEAWALL_BUILD": str(build), "SEAWALL_CGROUP": "v1"}
    end_to_end(tally, patterns or names, "e2e-v1", environment)


SUITES = {"unit": unit, "web": web, "bpf": bpf, "e2e": e2e, "e2e-v1": e2e_v1}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build", nargs="?", default=str(SOURCE / "build"))
    parser.add_argument("--only", action="append", choices=sorted(SUITES), help="this suite only")
    parser.add_argument("--match", action="append", default=[], help="only tests whose name contains this")
    arguments = parser.parse_args()
    tally = Tally()
    for name, run in SUITES.items():
        if arguments.only and name not in arguments.only:
            continue
        begun = time.monotonic()
        say(f"== {name}")
        run(tally, pathlib.Path(arguments.build).resolve(), arguments.match)
        say(f"== {name}: {time.monotonic() - begun:.0f} s")
    for failure in tally.failed:
        say(f"FAILED {failure}")
    say(f"{tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
