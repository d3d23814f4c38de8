# SPDX-License-Identifier: Apache-2.0
"""The stage of the end-to-end tests: one Docker engine and one Seawall for the whole run.

A test class that derives from Scene gets both as self.docker and self.seawall, its containers are
removed after each test, and it is skipped, with the reason, where the host cannot carry it.
"""
import os
import subprocess
import types
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


PLUGINS = "/etc/docker/plugins"


def own_plugins():
    """A place for plugins that is the tests' own, for dockerd too: both live in the mount namespace of the run."""
    if "plugins" not in _shared:
        os.makedirs("/etc/docker", exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "none", "/etc/docker"], check=True)
        os.makedirs(PLUGINS)
        _shared["plugins"] = True


def _gate(verb):
    docker = engines.docker()
    _shared["seawall"].cli(verb, "authz", "--config", os.path.join(docker.scratch, "daemon.json"), "--engine-socket",
                           docker.socket, "--reload", "--plugin-dir", PLUGINS)


def with_gates():
    """The shared engine and Seawall, with every command of the engine judged, until without_gates()."""
    stage = types.SimpleNamespace(docker=engines.docker(), seawall=seawall())
    own_plugins()
    # dockerd remembers where a plugin of this name was, as long as it lives: that may be another Seawall's.
    stage.docker.end_daemon()
    stage.docker.start()
    _gate("install")
    return stage


def without_gates():
    _shared["seawall"].apply("version: 1\n")
    _gate("uninstall")
    put_away()  # the others begin without these audits


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
