# SPDX-License-Identifier: Apache-2.0
"""Waiting for something to become true, always with a deadline; never by sleeping and hoping."""
import time


class Late(AssertionError):
    """The deadline passed."""


def until(what, check, seconds=5.0, every=0.02):
    """The first true value of check(), or Late saying what was awaited and what was there last.

    An exception of check() counts as "not yet", and is what Late shows when it was the last thing.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = check()
            if value:
                return value
            last = repr(value)
        except (AssertionError, OSError, KeyError, IndexError, ValueError) as error:
            last = f"{type(error).__name__}: {error}"
        if time.monotonic() >= deadline:
            raise Late(f"not within {seconds} s: {what}; last: {last[:2000]}")
        time.sleep(every)


def always(what, check, seconds, every=0.05):
    """check() must hold again and again for that long."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if not value:
            raise AssertionError(f"did not stay true for {seconds} s: {what}; now: {value!r}")
        if time.monotonic() >= deadline:
            return
        time.sleep(every)
