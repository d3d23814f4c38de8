#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end tests in one process, so that they share one engine and one Seawall, and speaks TAP.

    tests/e2e/run.py [PATTERN...]     only tests whose name contains one of the patterns

As root it does so in mount and network namespaces of its own: what others do on this host at the same
time does not disturb the comparisons, and no packet of a test can leave.
"""
import os
import pathlib
import signal
import sys
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


def main():
    isolate()
    # Ended from outside it still takes its engines with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    result = Tap()
    try:
        tests = unittest.defaultTestLoader.discover(str(HERE), top_level_dir=str(HERE))
        unittest.TestSuite(chosen(tests, sys.argv[1:])).run(result)
    finally:
        scene.stop_all()
    print(f"1..{result.number}", flush=True)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
