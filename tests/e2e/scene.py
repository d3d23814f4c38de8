# SPDX-License-Identifier: Apache-2.0
"""The stage of the end-to-end tests: one Docker engine and one Seawall for the whole run.

A test class that derives from Scene gets both as self.docker and self.seawall, its containers are
removed after each test, and it is skipped, with the reason, where the host cannot carry it.
"""
import os
import unittest
import uuid

import engines
from lib import poll
from lib.seawall import Seawall

POLICY = """version: 1
collections:
  - {{name: everything}}
runtime:
  - name: stop miners
    scope: [everything]
    processes:
      crypto_miners: {effect}
"""

_shared = {}


def seawall():
    """The Seawall that the tests share, up."""
    if "seawall" not in _shared:
        docker = engines.docker()
        _shared["seawall"] = Seawall(docker, engines.containerd())
        try:
            _shared["seawall"].up()
        except BaseException:
            stop_all()
            raise
    return _shared["seawall"]


def put_away():
    """Takes the shared Seawall down, for tests that need the host to themselves."""
    if "seawall" in _shared:
        _shared.pop("seawall").destroy()


def stop_all():
    """The end of the run: nothing of us stays on the host."""
    put_away()
    engines.stop_all()


class Engine(unittest.TestCase):
    """Tests that need root and the Docker engine."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root: engines, BPF")
        try:
            cls.docker = engines.docker()
        except engines.Missing as missing:
            raise unittest.SkipTest(str(missing)) from None

    def tearDown(self):
        self.docker.remove_containers()

    def name(self):
        """A container name that no other test uses."""
        return f"{self._testMethodName.removeprefix('test_').replace('_', '-')[:40]}-{uuid.uuid4().hex[:6]}"


class Scene(Engine):
    """Tests that need the shared Seawall as well."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seawall = seawall()

    def policy(self, effect):
        """The policy of the README with crypto_miners set to `effect`; its revision."""
        return self.seawall.apply(POLICY.format(effect=effect))

    def bench(self, *arguments):
        """A quiet container to work in; its id."""
        return self.docker.start_container("--name", self.name(), *arguments)

    def inside(self, container, script):
        """Runs a shell script in a container; its output."""
        return self.docker.docker("exec", container, "sh", "-ec", script)

    def audit(self, container, seconds=2.0, **wanted):
        """The first audit of a container with these values."""
        return poll.until(f"an audit with {wanted}; " + "there is something else",
                          lambda: self.seawall.audits(container, **wanted), seconds, 0.1)[0]
