# SPDX-License-Identifier: Apache-2.0
"""The real gates under load, and with their Gate stopped, slow, out of memory, or somebody else's."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import tempfile
import threading

import engines
import scene
from lib import authz, fake_gate, poll

POLICY = """version: 1
trust:
  groups: [{name: test, images: ["seawall-test/*"]}]
  rules: [{name: only test, allowed: [test], effect: block}]
access:
  - {name: no exec as root, actions: [container_exec_create], when: {exec_users: [root]}, effect: deny}
  - {name: the rest, effect: allow}
"""
NOTHING = "version: 1\n"
EVIL = "evil/app:1"
WORDS = "[Seawall] image blocked by rule 'only test'"
STRANGER = 54321


class Api(http.client.HTTPConnection):
    """The engine's own interface: two hundred command lines would be most of the load."""

    def __init__(self, path):
        super().__init__("docker", timeout=300)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def ask(self, method, path, body=None):
        """(status, object) of one command."""
        self.request(method, f"/v1.40{path}", None if body is None else json.dumps(body), {"Content-Type": "application/json"} if body else {})
        response = self.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else {}


def resident(pid):
    """Megabytes."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 2**20


class GatesScene(scene.Scene):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.docker.image(EVIL)
        cls.config = os.path.join(cls.docker.scratch, "daemon.json")
        cls.dir = os.path.join(cls.docker.scratch, "shim")
        cls.common = ("--config", cls.config, "--engine-socket", cls.docker.socket, "--reload")
        scene.own_plugins()

    @classmethod
    def tearDownClass(cls):
        scene.put_away()  # the others begin without our audits
        super().tearDownClass()

    @classmethod
    def install_shim(cls, *more):
        cls.seawall.cli("install", "shim", *cls.common, "--default", "--dir", cls.dir, *more)

    @classmethod
    def uninstall_shim(cls):
        cls.docker.remove_containers()  # the engine needs the runtime of those that were made with it
        cls.seawall.cli("uninstall", "shim", *cls.common, "--dir", cls.dir)

    def gate_pid(self):
        return self.seawall.processes()["seawall-gate"]

    def socket(self, name):
        return os.path.join(self.seawall.state, "gate", name)

    def refused(self, words, *arguments):
        code, _, err = self.docker.attempt(*arguments, timeout=60)
        self.assertNotEqual(code, 0)
        self.assertIn(words, err)

    def judges_again(self, *command):
        poll.until("the Gate judges again", lambda: WORDS in self.docker.attempt(*command, EVIL, "true")[2], 15, 0.2)

    @contextlib.contextmanager
    def stopped(self):
        """The Gate stopped; afterwards the watchdog's new one is there."""
        old = self.gate_pid()
        os.kill(old, signal.SIGSTOP)
        yield
        poll.until("another Gate", lambda: self.seawall.processes().get("seawall-gate", old) != old, 15, 0.1)


class Authz(GatesScene):
    """Both gates installed, once for all."""

    LONG = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.docker.end_daemon()  # it remembers where a plugin of this name was: that may be another Seawall's
        cls.docker.start()
        cls.install_shim("--fail", "closed", "--deadline", "30s")
        cls.seawall.cli("install", "authz", *cls.common, "--plugin-dir", scene.PLUGINS)

    @classmethod
    def tearDownClass(cls):
        cls.seawall.apply(NOTHING)
        cls.seawall.cli("uninstall", "authz", *cls.common, "--plugin-dir", scene.PLUGINS)
        cls.uninstall_shim()
        super().tearDownClass()

    def setUp(self):
        self.seawall.apply(NOTHING)

    # Many at once

    def create(self, name, image):
        with contextlib.closing(Api(self.docker.socket)) as api:
            status, answer = api.ask("POST", f"/containers/create?name={name}",
                                     {"Image": image, "Cmd": ["sleep", "600"], "HostConfig": {"NetworkMode": "none"}})
            return status, answer.get("Id") or answer.get("message")

    def start(self, container):
        with contextlib.closing(Api(self.docker.socket)) as api:
            status, answer = api.ask("POST", f"/containers/{container}/start")
            return status, answer.get("message", "")

    def create_and_start(self, name, image):
        status, answer = self.create(name, image)
        return (status, answer, None) if status != 201 else (*self.start(answer), answer)

    def test_two_hundred_at_once(self):
        """Admitted ones start, refused ones do not: at the command, or where they were made before the rule, at the runtime."""
        pids = self.seawall.processes()
        before = {name: resident(pids[name]) for name in ("seawall-gate", "seawall-defender")}
        names = [f"{self.name()}-{i}" for i in range(200)]
        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            made = list(pool.map(lambda n: self.create(n, EVIL), names[:40]))
            self.assertEqual({status for status, _ in made}, {201}, made)
            self.seawall.apply(POLICY)
            late = pool.map(lambda m: self.start(m[1]), made)
            evil = pool.map(lambda n: self.create_and_start(n, EVIL), names[40:160])
            good = pool.map(lambda n: self.create_and_start(n, engines.IMAGE), names[160:])
            late, evil, good = list(late), list(evil), list(good)
        self.assertEqual([g for g in good if g[0] != 204], [])
        self.assertEqual([e for e in evil if e[0] != 403 or WORDS not in e[1]], [])
        self.assertEqual([e for e in late if e[0] < 400 or WORDS not in e[1]], [])
        wanted = {answer: name for name, (_, _, answer) in zip(names[160:], good)}
        running = set(self.docker.docker("ps", "-q", "--no-trunc").split())
        self.assertEqual(running, set(wanted))

        def all_named():
            nodes = {n["id"].removeprefix("container:"): n for n in self.seawall.get("/radar")["nodes"] if n["kind"] == "container"}
            return all(nodes.get(c, {}).get("label") == name for c, name in wanted.items())
        poll.until("all are on the Radar by name", all_named, 10, 0.3)
        after = self.seawall.processes()
        for name, size in before.items():
            self.assertEqual(after[name], pids[name], name)
            self.assertLess(resident(after[name]), size + 24, name)

    # Ten thousand a second

    def commands(self):
        """How many commands the records speak of, repeats counted."""
        return self.seawall.database("SELECT COALESCE(SUM(count), 0) FROM audits WHERE kind = 'access'")[0][0]

    def flood(self, rate, seconds, *kinds):
        """The asker's findings, and that every command of it is on record."""
        before = self.commands()
        count = int(rate * seconds)
        found = authz.ask(self.socket("authz.sock"), rate, count, 32, *kinds, seconds=120)
        self.assertEqual((found["wrong"], found["broken"], found["answered"]), (0, 0, count), found)
        # The engine's own clients may ask meanwhile, too: the tests' command line is one.
        poll.until("every command is on record", lambda: self.commands() >= before + found["answered"], 30, 0.3)
        self.assertLess(self.commands(), before + found["answered"] + 100)
        return found

    def test_ten_thousand_a_second(self):
        self.seawall.apply(POLICY)
        with tempfile.TemporaryDirectory() as folder:
            files = authz.questions(folder)
            kinds = ("allow", files["read"], "allow", files["create-each"], "allow", files["read"], "deny", files["exec"])
            self.flood(10000, 1, *kinds)  # caches and pools take their size
            pids = self.seawall.processes()
            before = {name: resident(pids[name]) for name in ("seawall-gate", "seawall-defender", "seawall-console")}
            self.flood(10000, 3, *kinds)
            self.flood(20000, 0.5, "allow", files["create-each"], "deny", files["evil-each"])  # more than can be judged
            after = self.seawall.processes()
            for name, size in before.items():
                self.assertEqual(after[name], pids[name], name)
                self.assertLess(resident(after[name]), size + 16, name)
        self.assertEqual([w for w in self.seawall.status()["warnings"] if "audits" in w], [])

    def test_silent_defender(self):
        """A Defender that takes no audits: commands come slower and are answered right, and nothing is lost."""
        self.seawall.apply(POLICY)
        defender = self.seawall.processes()["seawall-defender"]
        with tempfile.TemporaryDirectory() as folder:
            files = authz.questions(folder)
            before, size = self.commands(), resident(self.gate_pid())
            asker = authz.start(self.socket("authz.sock"), 0, 4000, 64, "allow", files["create-each"], "deny", files["exec"])
            os.kill(defender, signal.SIGSTOP)
            try:
                poll.always("commands wait", lambda: asker.poll() is None, 1.5, 0.1)
                self.assertLess(resident(self.gate_pid()), size + 16)
            finally:
                os.kill(defender, signal.SIGCONT)
            found = authz.finish(asker)
            self.assertEqual((found["wrong"], found["broken"], found["answered"]), (0, 0, 4000), found)
            poll.until("every command is on record", lambda: self.commands() >= before + 4000, 20, 0.3)

    # A Gate that is not well

    def test_stopped_gate(self):
        """Whoever asks waits, and is judged by the next Gate: no command passes meanwhile."""
        self.seawall.apply(POLICY)
        with self.stopped():
            self.refused(WORDS, "create", EVIL, "true")
        self.assertEqual(self.docker.docker("run", "--rm", engines.IMAGE, "echo", "hi"), "hi")

    def test_slow_gate(self):
        """It gets little time: everybody waits, nobody is judged wrong, and it is not taken for dead."""
        self.seawall.apply(POLICY)
        pid, over = self.gate_pid(), threading.Event()

        def hold():
            while not over.wait(0.05):
                os.kill(pid, signal.SIGSTOP)
                over.wait(0.3)
                os.kill(pid, signal.SIGCONT)
        thread = threading.Thread(target=hold)
        thread.start()
        try:
            self.assertEqual(self.docker.docker("run", "--rm", "--network", "none", engines.IMAGE, "echo", "hi"), "hi")
            self.refused(WORDS, "create", EVIL, "true")
        finally:
            over.set()
            thread.join()
        self.assertEqual(self.gate_pid(), pid)

    @staticmethod
    def limit(pid, size):
        """Its address space, as its own user: not every root may do that to others. What it was; 0: it is gone."""
        try:
            owner = os.stat(f"/proc/{pid}")
            lines = pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines()
        except OSError:
            return 0
        before = next(line.split()[3] for line in lines if line.startswith("Max address space"))
        subprocess.run(["prlimit", f"--pid={pid}", f"--as={size}:"], user=owner.st_uid, group=owner.st_gid, extra_groups=[], check=True)
        return before

    def test_gate_out_of_memory(self):
        """Not one byte more for it: what it cannot judge is refused, never let through; later it judges as before."""
        self.seawall.apply(POLICY)
        pid = self.gate_pid()
        with tempfile.TemporaryDirectory() as folder:
            big = os.path.join(folder, "big.json")
            body = {**authz.CREATE, "Image": EVIL, "Env": [f"V{i}={'x' * 1000}" for i in range(700)]}
            pathlib.Path(big).write_text(authz.question("POST", "/v1.43/containers/create?name=big", body), encoding="ascii")
            pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0])
            before = self.limit(pid, pages * resource.getpagesize())
            found = authz.ask(self.socket("authz.sock"), 0, 300, 50, "deny", big)
            self.assertEqual((found["wrong"], found["answered"] + found["broken"]), (0, 300), found)
            self.refused("", "create", EVIL, "true")
            self.limit(pid, before)
        self.judges_again("create")
        self.assertEqual(self.docker.docker("run", "--rm", engines.IMAGE, "echo", "hi"), "hi")

    def test_dockerd_started_again(self):
        self.seawall.apply(POLICY)
        config = pathlib.Path(self.config).read_bytes()
        container = self.bench("--network", "none")
        for hard in (False, True):
            self.docker.end_daemon(hard=hard)
            self.docker.start(config)
            self.refused(WORDS, "create", EVIL, "true")
            self.assertEqual(self.docker.docker("run", "--rm", "--network", "none", engines.IMAGE, "echo", "hi"), "hi")
        self.assertTrue(self.docker.running(container))


class Shim(GatesScene):
    """The shim alone: it has a rule of its own for a Gate that does not answer."""

    def tearDown(self):
        super().tearDown()
        self.seawall.apply(NOTHING)
        self.uninstall_shim()

    def test_stopped_gate(self):
        """Containers start unjudged after the deadline; then the next Gate judges."""
        self.install_shim("--fail", "open", "--deadline", "300ms")
        self.seawall.apply(POLICY)
        self.refused(WORDS, "run", "--rm", EVIL, "true")
        with self.stopped():
            self.assertEqual(self.docker.docker("run", "--rm", "--network", "none", EVIL, "echo", "hi"), "hi")
        self.judges_again("run", "--rm")

    def test_stranger_at_the_socket(self):
        """Another user answers in the Gate's place: not believed, and not even told what is asked."""
        self.install_shim("--fail", "closed", "--deadline", "2s")
        self.seawall.apply(POLICY)
        path = self.socket("shim.sock")
        os.rename(path, path + ".away")
        try:
            with fake_gate.FakeGate(path, uid=STRANGER) as stranger:
                for image in (EVIL, engines.IMAGE):
                    self.refused("belongs to somebody else", "run", "--rm", image, "true")
                poll.until("it was called", lambda: stranger.callers == 2)
                self.assertEqual(stranger.questions, [])
        finally:
            os.rename(path + ".away", path)
        self.refused(WORDS, "run", "--rm", EVIL, "true")
        self.assertEqual(self.docker.docker("run", "--rm", engines.IMAGE, "echo", "hi"), "hi")

