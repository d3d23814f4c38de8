# SPDX-License-Identifier: Apache-2.0
"""Containers of podman, of which no engine tells: known by their admission, their lives by the kernel."""
import os
import shutil
import unittest

import engines
import scene
from lib import poll
from lib.podman import Podman


class Lives(scene.Scene):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not shutil.which("podman"):
            raise unittest.SkipTest("podman is not installed")
        cls.podman = Podman(cls.docker, engines.IMAGE)
        cls.addClassCleanup(cls.podman.close)
        cls.options = ("--runtime", "podman", "--config", cls.podman.config, "--dir", os.path.join(cls.podman.home, "lib"))
        cls.seawall.cli("install", "shim", *cls.options, "--deadline", "2s")
        cls.addClassCleanup(cls.seawall.cli, "uninstall", "shim", *cls.options)

    def tearDown(self):
        self.podman.clear()
        super().tearDown()

    def state(self, container, state):
        """The record of the container once it is in that state; None is for one that is gone."""
        def there():
            record = self.seawall.container(container, "--all")
            return (record or {"state": None})["state"] == state and (record or True)
        return poll.until(f"{container[:12]} is {state}", there, 5.0, 0.1)

    def on_radar(self, container):
        return next((n["state"] for n in self.seawall.json("radar")[0]["nodes"] if n["id"].endswith(container)), None)

    def test_start_stop_remove(self):
        name = self.name()
        container = self.podman.start(name)
        record = self.state(container, "running")
        self.assertEqual((record["name"], record["runtime"], record["image"]), (name, "podman", f"localhost/{engines.IMAGE}"))
        self.assertEqual(record["pid"], int(self.podman.inspect(container, "{{.State.Pid}}")))
        self.assertEqual(self.on_radar(container), "running")
        self.podman.run("exec", container, "true")      # who comes and goes later changes nothing
        self.assertEqual(self.state(container, "running")["pid"], record["pid"])
        self.podman.run("kill", container)
        ended = self.state(container, "exited")
        self.assertEqual((ended["pid"], ended["exit_code"]), (0, 137))
        self.assertGreater(ended["finished"], record["started"])
        self.assertNotEqual(self.on_radar(container), "running")
        self.podman.run("start", container)
        again = self.state(container, "running")
        self.assertEqual(again["pid"], int(self.podman.inspect(container, "{{.State.Pid}}")))
        self.assertEqual(again["created"], record["created"])
        self.podman.run("stop", "-t", "0", container)
        self.state(container, "exited")
        self.podman.run("rm", container)
        poll.until("it is gone", lambda: not self.seawall.container(container, "--all") or
                   self.seawall.container(container, "--all")["state"] == "removed", 5, 0.1)
        kinds = [e["type"] for e in self.seawall.forensics(container) if e["type"] in ("create", "start", "stop", "remove")]
        self.assertEqual(kinds, ["create", "start", "stop", "start", "stop", "remove"])

    def test_run_and_remove(self):
        name = self.name()
        self.podman.run("run", "--rm", "--name", name, "--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit",
                        "nproc=1024:1024", engines.IMAGE, "sh", "-c", "exit 0")
        poll.until("nothing of it is left", lambda: name not in [c["name"] for c in self.seawall.json("containers")] and
                   name not in [n["label"] for n in self.seawall.json("radar")[0]["nodes"] if n.get("state") == "running"], 5, 0.1)

    def test_pod(self):
        """Each container of a pod on its own, though they live below a cgroup with an id."""
        pod, name = f"pod-{self.name()}", self.name()
        self.podman.run("pod", "create", "--infra=false", "--name", pod)
        revision = self.policy("prevent")
        self.assertTrue(revision)
        self.addCleanup(self.seawall.apply, "version: 1\n")
        members = [self.podman.start(f"{name}-{i}", "--pod", pod) for i in range(2)]
        for container in members:
            record = self.state(container, "running")
            self.assertEqual(record["pid"], int(self.podman.inspect(container, "{{.State.Pid}}")))
            self.assertEqual(record["rule"], "stop miners")
        self.podman.attempt("exec", members[1], "sh", "-c", "cp /opt/true /tmp/xmrig; /tmp/xmrig")
        audit = self.audit(members[1], 3.0, detection="crypto_miner", done="prevent")
        self.assertEqual(audit["container"]["name"], f"{name}-1")
        self.assertEqual(self.seawall.audits(members[0]), [])
        self.podman.run("pod", "stop", "-t", "0", pod)
        for container in members:
            self.state(container, "exited")

    def test_while_seawall_is_away(self):
        stays, goes = self.name() + "s", self.name() + "g"
        ids = {name: self.podman.start(name) for name in (stays, goes)}
        pid = self.state(ids[stays], "running")["pid"]
        self.state(ids[goes], "running")
        self.seawall.down()
        self.podman.run("kill", ids[goes])
        self.seawall.up()
        record = self.state(ids[stays], "running")
        self.assertEqual((record["name"], record["pid"]), (stays, pid))
        self.assertEqual(self.state(ids[goes], "exited")["name"], goes)
        self.podman.run("kill", ids[stays])
        self.state(ids[stays], "exited")
