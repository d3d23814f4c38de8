# SPDX-License-Identifier: Apache-2.0
"""Where things are: the source tree, the build directory, programs in it."""
import os
import pathlib

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SEAWALL_BUILD", SOURCE / "build")).resolve()


def program(name):
    """One of our programs, wherever the build puts it; FileNotFoundError when it was not built."""
    for folder in (BUILD, BUILD / "src/ctl", BUILD / "src/defender", BUILD / "src/gate", BUILD / "src/registry", BUILD / "src/console"):
        path = folder / name
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    raise FileNotFoundError(f"{name} is not built in {BUILD}")


def test_program(name):
    """One of tests/programs."""
    path = BUILD / "tests/programs" / name
    if not path.is_file():
        raise FileNotFoundError(f"{name} is not built in {BUILD}")
    return str(path)
