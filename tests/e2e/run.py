#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end tests, which share one engine and one Seawall, and speaks TAP.

    tests/e2e/run.py [--workers N] [PATTERN...]     only tests whose name contains one of the patterns

As root it does so in mount and network namespaces of its own: what others do on this host at the same
time does not disturb the comparisons, and no packet of a test can leave. With several workers each has
such namespaces, an engine and a Seawall of its own, and takes the next class of tests when it is done with one.
"""
import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import scene  # noqa: E402  pylint: disable=wrong-import-position


class Tap(unittest.TestResult):
    """One line for each test, as soon as it is known; what went wrong as comments below it."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.begun = 0.0
        self.subtests = []

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()
        self.subtests = []

    def _say(self, word, test, note=""):
        self.number += 1
        print(f"{word} {self.number} - {test.id()}{note}", flush=True)

    def _wrong(self, test, error):
        took = time.monotonic() - self.begun
        self._say("not ok", test)
        text = "".join(traceback.format_exception(*error)).rstrip()
        print("\n".join("# " + line for line in [f"after {took:.1f} s"] + text.splitlines()[-40:]), flush=True)

    def addSuccess(self, test):
        self._say("ok", test, f" ({time.monotonic() - self.begun:.1f} s)")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._wrong(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._wrong(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say("ok", test, f" # SKIP {reason}")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self._wrong(subtest, err)


def chosen(suite, patterns):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from chosen(item, patterns)
        elif not patterns or any(p in item.id() for p in patterns):
            yield item


def isolate():
    """Starts this program again in its namespaces."""
    if os.geteuid() == 0 and os.environ.get("SEAWALL_TEST_ISOLATED") != "1":
        os.environ["SEAWALL_TEST_ISOLATED"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c",
                              'ip link set lo up && exec "$@"', "sh", sys.executable, "-u", *sys.argv])


QUEUE = "SEAWALL_TEST_QUEUE"  # in a worker: the descriptor that the names of the classes come from
NAME_BYTES = 128              # of one name in the queue: a read takes one whole
FAILED = 3                    # tests have failed; Python's own 1 is a run that did not get to its end


def in_classes(patterns):
    """{name: suite} of the classes that have something to run; those that take longest first, so that no worker
    begins with one when the others are done."""
    tests = unittest.defaultTestLoader.discover(str(HERE), top_level_dir=str(HERE))
    classes = {}
    for test in chosen(tests, patterns):
        classes.setdefault(f"{type(test).__module__}.{type(test).__qualname__}", unittest.TestSuite()).addTest(test)
    return dict(sorted(classes.items(), key=lambda item: not any(getattr(t, "LONG", False) for t in item[1])))


def queued():
    """The names of the classes that are this worker's to run, as it comes to them."""
    while name := os.read(int(os.environ[QUEUE]), NAME_BYTES):
        yield name.decode().rstrip()


def share_out(count, patterns):
    """Starts the workers and shows what they say; whether all was well."""
    names = list(in_classes(patterns))
    reading, writing = os.pipe()
    os.write(writing, b"".join(name.encode().ljust(NAME_BYTES) for name in names))
    os.close(writing)
    say, seen = threading.Lock(), []

    def show(stream):
        for line in stream:
            if line.startswith("1.."):
                continue
            with say:
                word, number, rest = re.match(r"(ok |not ok |)(\d*)(.*)", line).groups()
                seen.extend([word] if word else [])
                print(f"{word}{len(seen) if word else number}{rest}", flush=True)

    command = [sys.executable, "-u", __file__, *patterns]
    workers = [subprocess.Popen(command, env={**os.environ, QUEUE: str(reading)}, pass_fds=[reading], text=True,
                                errors="replace", stdout=subprocess.PIPE) for _ in range(min(count, len(names)))]
    shows = [threading.Thread(target=show, args=[worker.stdout]) for worker in workers]
    try:
        for thread in shows:
            thread.start()
        for thread in shows:
            thread.join()
    finally:
        for worker in workers:
            if sys.exc_info()[0]:
                worker.terminate()
            worker.wait()
    for number, worker in enumerate(workers):
        if worker.returncode not in (0, FAILED):  # what it had in hand was not tested
            seen.append("not ok ")
            print(f"not ok {len(seen)} - worker {number} ended with {worker.returncode}", flush=True)
    print(f"1..{len(seen)}", flush=True)
    return "not ok " not in seen


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("patterns", nargs="*")
    return parser.parse_args()


def main():
    arguments = parse()
    # Ended from outside it still takes its engines with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if arguments.workers > 1 and QUEUE not in os.environ:
        return 0 if share_out(arguments.workers, arguments.patterns) else FAILED
    isolate()
    result = Tap()
    try:
        classes = in_classes(arguments.patterns)
        for name in queued() if QUEUE in os.environ else classes:
            classes[name].run(result)
            result._previousTestClass = None  # it is taken down; the next run would do so again
    finally:
        scene.stop_all()
    print(f"1..{result.number}", flush=True)
    return 0 if result.wasSuccessful() else FAILED


if __name__ == "__main__":
    sys.exit(main())
