# SPDX-License-Identifier: Apache-2.0
"""The OCI shim under real engines, with a stand-in for the Gate: what it refuses is told, and whatever is lost of it
stops nothing."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import engines
from lib import fake_gate, paths, poll

REFUSAL = "[Seawall] image blocked by rule 'only ours': \"docker.io/x/y:1\" is in no allowed group (ours, signed)"


class Case(unittest.TestCase):
    """A state directory with a fake Gate's socket in it, and a folder for shims."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root: engines")
        try:
            cls.docker = engines.docker()
            cls.containerd = engines.containerd()
        except engines.Missing as missing:
            raise unittest.SkipTest(str(missing)) from missing

    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="seawall-e2e-shim-")
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)
        self.state = os.path.join(self.scratch, "state")
        self.dir = os.path.join(self.scratch, "lib")
        os.makedirs(os.path.join(self.state, "gate"))
        self.refuse = False
        self.gate = None
        self.listen()
        self.addCleanup(self.deafen)

    def answer(self, _question):
        return fake_gate.reply(fake_gate.REFUSE, REFUSAL) if self.refuse else fake_gate.reply(fake_gate.ALLOW)

    def listen(self):
        self.gate = fake_gate.FakeGate(os.path.join(self.state, "gate/shim.sock"), self.answer)

    def deafen(self):
        if self.gate:
            self.gate.close()
        self.gate = None

    def seawall(self, *arguments, expect=0):
        done = subprocess.run([paths.program("seawall"), *arguments, "--json"], capture_output=True, text=True, timeout=30,
                              check=False, env={**os.environ, "SEAWALL_STATE": self.state})
        self.assertEqual(done.returncode, expect, done.stderr)
        self.said = done.stderr
        return {os.path.basename(row["file"]): row["action"] for row in map(json.loads, done.stdout.splitlines())}


class Docker(Case):

    def setUp(self):
        super().setUp()
        self.config = os.path.join(self.docker.scratch, "daemon.json")
        with open(self.config, "rb") as file:
            self.before = file.read()
        self.options = ("--config", self.config, "--dir", self.dir, "--engine-socket", self.docker.socket, "--reload")
        self.addCleanup(self.uninstall)
        self.addCleanup(self.docker.remove_containers)
        self.install()

    def install(self, *more):
        return self.seawall("install", "shim", *self.options, "--default", *more)

    def uninstall(self):
        return self.seawall("uninstall", "shim", *self.options, "--data-root", os.path.join(self.docker.scratch, "data"))

    def shim(self, name="seawall-shim"):
        return os.path.join(self.dir, "docker", name)

    def test_allowed_and_told_who(self):
        container = self.docker.start_container()
        question = self.gate.questions[-1]
        self.assertEqual((question.engine, question.id), ("docker", container))
        self.assertIn(container, question.bundle)
        self.assertEqual(json.loads(question.config)["process"]["args"], ["sleep", "600"])

    def test_refusal_reaches_the_user(self):
        self.refuse = True
        code, _, error = self.docker.attempt("run", "--name", "refused", engines.IMAGE, "true")
        self.assertEqual(code, 125)
        self.assertIn(REFUSAL, error)
        # Nothing of the runtime's was made.
        left = [f for _, folders, _ in os.walk(os.path.join(self.docker.exec_root, "runtime-seawall")) for f in folders
                if f != "moby"]
        self.assertEqual(left, [])
        self.refuse = False
        self.docker.docker("start", "refused")

    def test_nothing_listens(self):
        container = self.docker.start_container()
        self.deafen()
        self.assertEqual(self.docker.docker("exec", container, "echo", "here"), "here")
        self.docker.docker("pause", container)
        self.docker.docker("unpause", container)
        self.docker.docker("stop", "-t", "0", container)
        self.docker.docker("start", container)
        self.docker.docker("kill", container)
        self.docker.docker("rm", "-f", container)
        self.docker.start_container()

    def test_closed(self):
        self.install("--fail", "closed", "--deadline", "100ms")
        self.deafen()
        code, _, error = self.docker.attempt("run", "--rm", engines.IMAGE, "true")
        self.assertEqual(code, 125)
        self.assertIn("[Seawall] container blocked by rule 'fail closed': ", error)

    def test_each_file_lost(self):
        self.refuse = True      # nobody who lost the configuration asks
        for lost in (["seawall-shim.runtime"], ["seawall-shim.conf"], ["seawall-shim.conf", "seawall-shim.runtime"]):
            with self.subTest(lost=lost):
                self.install()
                for name in lost:
                    os.unlink(self.shim(name))
                if lost == ["seawall-shim.runtime"]:
                    self.refuse = False
                container = self.docker.start_container()
                self.refuse = True
                self.docker.docker("exec", container, "true")
                self.docker.docker("rm", "-f", container)
        # The one that the engine's configuration names cannot be done without, and comes back.
        self.refuse = False
        self.install()
        container = self.docker.start_container()
        os.unlink(self.shim())
        self.assertNotEqual(self.docker.attempt("run", "--rm", engines.IMAGE, "true")[0], 0)
        self.assertEqual(self.install()["seawall-shim"], "created")
        self.docker.docker("exec", container, "true")
        self.docker.docker("run", "--rm", engines.IMAGE, "true")

    def test_restored_byte_for_byte(self):
        self.assertEqual(self.install(), {"seawall-shim": "unchanged", "seawall-shim.conf": "unchanged",
                                          "seawall-shim.runtime": "unchanged", "daemon.json": "unchanged",
                                          "docker.sock": "reloaded"})
        self.assertEqual(json.loads(self.docker.docker("info", "--format", "{{json .DefaultRuntime}}")), "seawall")
        self.docker.docker("run", "--rm", engines.IMAGE, "true")
        self.assertEqual(len(self.gate.questions), 1)
        self.assertEqual(self.uninstall()["daemon.json"], "restored")
        with open(self.config, "rb") as file:
            self.assertEqual(file.read(), self.before)
        self.assertFalse(os.path.exists(self.dir))
        self.assertFalse(os.path.exists(os.path.join(self.state, "installed")))
        self.assertNotIn("seawall", self.docker.docker("info", "--format", "{{json .Runtimes}}"))
        self.assertEqual(json.loads(self.docker.docker("info", "--format", "{{json .DefaultRuntime}}")), "runc")
        self.docker.docker("run", "--rm", engines.IMAGE, "true")
        self.assertEqual(len(self.gate.questions), 1)

    def test_uninstalled_under_containers(self):
        """They run on, can be stopped, and start again: Docker remembers the name of their runtime."""
        container = self.docker.start_container()
        done = self.uninstall()
        self.assertEqual((done["seawall-shim"], done["daemon.json"]), ("kept", "changed"))
        self.assertIn(container[:12], self.said)
        self.deafen()
        self.docker.docker("exec", container, "true")
        self.docker.docker("stop", "-t", "0", container)
        self.docker.docker("start", container)
        self.docker.docker("run", "--rm", engines.IMAGE, "true")
        self.docker.docker("rm", "-f", container)

        def all_gone():
            done = self.uninstall()
            return done.get("daemon.json") == "restored" or not os.path.exists(self.dir)
        poll.until("the rest is taken out", all_gone)
        self.assertFalse(os.path.exists(self.dir))
        with open(self.config, "rb") as file:
            self.assertEqual(file.read(), self.before)

    def test_many_at_once(self):
        names = [f"many{i}" for i in range(20)]
        running = [subprocess.Popen([self.docker.client, "-H", self.docker.host, "run", "-d", "--network", "none", "--name", name,
                                     engines.IMAGE, "sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                    env=self.docker.environment) for name in names]
        for process in running:
            error = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, 0, error)
        self.assertEqual(len({q.id for q in self.gate.questions}), len(names))


class Containerd(Case):

    def ctr(self, *arguments):
        return subprocess.run([self.containerd.client, "-a", self.containerd.address, "-n", self.containerd.name,
                               *arguments], capture_output=True, text=True, timeout=30, check=False,
                              env=self.containerd.environment)

    def run_ctr(self, name, *command):
        shim = os.path.join(self.dir, "containerd/seawall-shim")
        return self.ctr("run", "--rm", "--runc-binary", shim, "docker.io/" + engines.IMAGE, name, *command)

    def setUp(self):
        super().setUp()
        self.config = os.path.join(self.scratch, "config.toml")
        self.seawall("install", "shim", "--runtime", "containerd", "--config", self.config, "--dir", self.dir)
        self.addCleanup(self.containerd.remove_containers)
        images = self.containerd.ctr("images", "ls", "-q")
        if "docker.io/" + engines.IMAGE not in images:
            self.containerd.load(self.docker)

    def test_refusal_reaches_the_user(self):
        done = self.run_ctr("allowed", "echo", "hello")
        self.assertEqual((done.returncode, done.stdout), (0, "hello\n"), done.stderr)
        self.assertEqual((self.gate.questions[-1].engine, self.gate.questions[-1].id), ("containerd", "allowed"))
        self.refuse = True
        done = self.run_ctr("refused", "echo", "hello")
        self.assertNotEqual(done.returncode, 0)
        # ctr prints Go-quoted.
        self.assertIn(REFUSAL, done.stderr.replace('\\"', '"'))

    def test_nothing_listens(self):
        self.deafen()
        done = self.run_ctr("open", "echo", "hello")
        self.assertEqual((done.returncode, done.stdout), (0, "hello\n"), done.stderr)

    def test_configuration_is_read(self):
        """containerd itself takes what we wrote for good."""
        done = subprocess.run([self.containerd.program, "--config", self.config, "config", "dump"], capture_output=True,
                              text=True, timeout=30, check=True)
        self.assertIn(f'BinaryName = "{self.dir}/containerd/seawall-shim"', done.stdout)
        self.assertEqual(self.seawall("uninstall", "shim", "--runtime", "containerd", "--config", self.config, "--dir",
                                      self.dir)["config.toml"], "removed")
        self.assertFalse(os.path.exists(self.config))


class Podman(Case):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not shutil.which("podman"):
            raise unittest.SkipTest("podman is not installed")
        cls.home = tempfile.mkdtemp(prefix="seawall-e2e-podman-")
        cls.image = os.path.join(cls.home, "image.tar")
        cls.docker.docker("save", "-o", cls.image, engines.IMAGE, timeout=60)

    @classmethod
    def tearDownClass(cls):
        if shutil.which("podman"):
            subprocess.run(["podman", *cls.places(), "rm", "-af", "-t", "0"], capture_output=True, timeout=60, check=False)
            subprocess.run(["umount", os.path.join(cls.home, "root/overlay")], capture_output=True, check=False)
            shutil.rmtree(cls.home, ignore_errors=True)
        super().tearDownClass()

    @classmethod
    def places(cls):
        return ("--root", f"{cls.home}/root", "--runroot", f"{cls.home}/run", "--tmpdir", f"{cls.home}/tmp",
                "--cgroup-manager", "cgroupfs", "--storage-driver", "overlay", "--events-backend", "none")

    def podman(self, *arguments):
        return subprocess.run(["podman", *self.places(), "--runtime", "runc", *arguments], capture_output=True, text=True,
                              timeout=60, check=False, env={**os.environ, "CONTAINERS_CONF": self.config})

    def run_podman(self, *arguments):
        return self.podman("run", "--rm", "--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit",
                           "nproc=1024:1024", *arguments)

    def setUp(self):
        super().setUp()
        self.config = os.path.join(self.scratch, "seawall.conf")
        self.options = ("--runtime", "podman", "--config", self.config, "--dir", self.dir)
        self.seawall("install", "shim", *self.options)
        self.podman("load", "-i", self.image)

    def test_refusal_reaches_the_user(self):
        done = self.run_podman("--name", "who", engines.IMAGE, "echo", "hello")
        self.assertEqual((done.returncode, done.stdout), (0, "hello\n"), done.stderr)
        question = self.gate.questions[-1]
        self.assertEqual(question.engine, "podman")
        entry = [e for e in json.loads(question.storage) if e["id"] == question.id][0]
        self.assertEqual(json.loads(entry["metadata"])["name"], "who")
        self.refuse = True
        done = self.run_podman(engines.IMAGE, "echo", "hello")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(REFUSAL, done.stderr)

    def test_every_file_lost(self):
        """podman goes on to the next program of its list, even without the shim."""
        self.deafen()
        folder = os.path.join(self.dir, "podman/runc")
        for name in ("seawall-shim.conf", "seawall-shim.runtime", "seawall-shim"):
            os.unlink(os.path.join(folder, name))
            done = self.run_podman(engines.IMAGE, "echo", name)
            self.assertEqual((done.returncode, done.stdout), (0, name + "\n"), done.stderr)
        done = self.seawall("uninstall", "shim", *self.options)
        self.assertEqual(done["seawall.conf"], "removed")
        self.assertFalse(os.path.exists(self.dir))
        self.assertFalse(os.path.exists(self.config))


del Case    # not a test by itself
