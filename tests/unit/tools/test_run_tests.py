#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The runner must not be kind: each of these is a way in which a suite could grow quiet."""
import contextlib
import io
import pathlib
import sys
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(SOURCE / "tools"))

import run_tests  # noqa: E402  pylint: disable=wrong-import-position


class Counting(unittest.TestCase):

    def setUp(self):
        self.tally = run_tests.Tally()
        self.tally.allowed = ["known.*"]

    def counts(self, lines):
        with contextlib.redirect_stdout(io.StringIO()):
            for line in lines:
                self.tally.tap(line, "")
        return self.tally.passed, len(self.tally.failed), len(self.tally.skipped)

    def test_results(self):
        self.assertEqual(self.counts(["1..3", "ok 1 - a", "not ok 2 - b", "# talk", "ok 3 - c (0.1 s)"]), (2, 1, 0))
        self.assertEqual(self.tally.failed, ["b"])

    def test_words_that_only_begin_like_a_result(self):
        self.assertEqual(self.counts(["okay then", "nothing", "not okay"]), (0, 0, 0))

    def test_skip_that_is_listed(self):
        self.assertEqual(self.counts(["ok 1 - known.thing # SKIP no engine"]), (0, 0, 1))

    def test_skip_that_is_not_listed_fails(self):
        self.assertEqual(self.counts(["ok 1 - other # skip no engine"]), (0, 1, 0))
        self.assertIn("no engine", self.tally.failed[0])

    def test_meson_test_that_crashed_after_its_results(self):
        with contextlib.redirect_stdout(io.StringIO()):
            run_tests.count_meson_test(self.tally, {"name": "seawall / x", "result": "ERROR", "returncode": -11,
                                                    "stdout": "1..2\nok 1 - a\n"})
        self.assertEqual((self.tally.passed, len(self.tally.failed)), (1, 1))

    def test_meson_test_without_parts(self):
        with contextlib.redirect_stdout(io.StringIO()):
            for result in ("OK", "FAIL", "TIMEOUT", "SKIP"):
                run_tests.count_meson_test(self.tally, {"name": "x", "result": result, "stdout": "why\n"})
        self.assertEqual((self.tally.passed, len(self.tally.failed)), (1, 3))


if __name__ == "__main__":
    unittest.main()
