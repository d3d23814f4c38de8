# SPDX-License-Identifier: Apache-2.0
"""The pages in a real browser against the real thing: each ui/*.mjs is one test.

A script gets SEAWALL_URL, SEAWALL_STATE, SEAWALL_USER and SEAWALL_PASSWORD, the engine as DOCKER and
DOCKER_HOST with the image SEAWALL_TEST_IMAGE and an outside server's ADDRESS,PORT as SEAWALL_TEST_OUTSIDE, the browser
as CHROMIUM, and the folder SEAWALL_TEST_OUTPUT for screenshots. Exit 0: passed; 77: cannot run here, the
last line says why.
"""
import os
import pathlib
import shutil
import subprocess
import unittest

import engines
import scene
from lib import paths

FOLDER = pathlib.Path(__file__).resolve().parent / "ui"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


class Browser:
    """What a test class needs to run scripts beside self.docker and self.seawall; comes before the scene."""

    @classmethod
    def setUpClass(cls):
        cls.browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if not shutil.which("node"):
            raise unittest.SkipTest("node is not installed")
        if not cls.browser:
            raise unittest.SkipTest("no Chromium is installed")
        if not (paths.SOURCE / "web/node_modules").is_dir():
            raise unittest.SkipTest("web/node_modules is not there (make web)")
        super().setUpClass()

    def run_script(self, script):
        output = paths.BUILD / "screenshots"
        output.mkdir(exist_ok=True)
        environment = {
            **self.seawall.environment, "PATH": os.environ["PATH"],
            "SEAWALL_USER": "admin", "SEAWALL_PASSWORD": self.seawall.password or "",
            "SEAWALL": paths.program("seawall"),
            "DOCKER": self.docker.client, "SEAWALL_TEST_IMAGE": engines.IMAGE,
            "SEAWALL_TEST_OUTSIDE": f"{engines.OUTSIDE},4443", "SEAWALL_TEST_OUTPUT": str(output), "CHROMIUM": self.browser,
            "SEAWALL_BUILD": str(paths.BUILD),
        }
        with self.docker.outside(4443):
            done = subprocess.run(["node", str(script)], env=environment, cwd=paths.SOURCE / "web", text=True, errors="replace",
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240, check=False)
        if done.returncode == 77:
            self.skipTest((done.stdout.strip().splitlines() or ["no reason given"])[-1])
        self.assertEqual(done.returncode, 0, "\n" + "\n".join(done.stdout.splitlines()[-30:]))


def add_tests(cls, folder):
    """Each script of the folder as a test of the class."""
    def test(script):
        return lambda self: self.run_script(script)
    for script in sorted(folder.glob("*.mjs")):
        if not script.stem.startswith("_"):
            setattr(cls, "test_" + script.stem.replace("-", "_").removeprefix("test_"), test(script))


class Pages(Browser, scene.Scene):
    LONG = True

    def run_script(self, script):
        self.policy("alert")
        super().run_script(script)


add_tests(Pages, FOLDER)
