# SPDX-License-Identifier: Apache-2.0
"""The gates at creation on a real dockerd, put there by `seawall install` as a user would."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import engines
import scene
from lib import poll
from lib.registry import Keys, Registry
from lib.seawall import free_port

POLICY = """version: 1
trust:
  groups: [{name: test, images: ["seawall-test/*"]}]
  rules: [{name: only test, allowed: [test], effect: block}]
compliance:
  - {name: basics, checks: {privileged: block, host_pid: alert}}
access:
  - {name: no exec as root, actions: [container_exec_create], when: {exec_users: [root]}, effect: deny, message: ask the platform team}
  - {name: the rest, effect: allow}
"""
SIGNED = """version: 1
trust:
  groups:
    - {{name: based, base_layers: {layers}}}
    - {{name: signed, signatures: [{{key: {key}}}]}}
  rules: [{{name: only signed, allowed: [based, signed], effect: block}}]
"""
NOTHING = "version: 1\n"


class Gates(scene.Scene):
    """One engine with a gate at a time."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.docker.image("evil/app:1")
        cls.config = os.path.join(cls.docker.scratch, "daemon.json")
        cls.dir = os.path.join(cls.docker.scratch, "shim")
        scene.own_plugins()
        # dockerd remembers where a plugin of this name was, as long as it lives: that may be another Seawall's.
        cls.docker.end_daemon()
        cls.docker.start()

    @classmethod
    def tearDownClass(cls):
        scene.put_away()  # the others begin without our audits
        super().tearDownClass()

    def common(self):
        return ("--config", self.config, "--engine-socket", self.docker.socket, "--reload")

    @contextlib.contextmanager
    def shim(self, *more):
        before = pathlib.Path(self.config).read_bytes()
        self.seawall.cli("install", "shim", *self.common(), "--default", "--dir", self.dir, "--deadline", "2s", *more)
        try:
            yield
        finally:
            self.docker.remove_containers()  # the engine needs the runtime of those that were made with it
            self.seawall.cli("uninstall", "shim", *self.common(), "--dir", self.dir)
            self.assertEqual(pathlib.Path(self.config).read_bytes(), before)

    @contextlib.contextmanager
    def authz(self):
        before = pathlib.Path(self.config).read_bytes()
        self.seawall.cli("install", "authz", *self.common(), "--plugin-dir", scene.PLUGINS)
        try:
            yield
        finally:
            self.seawall.apply(NOTHING)
            self.seawall.cli("uninstall", "authz", *self.common(), "--plugin-dir", scene.PLUGINS)
            self.assertEqual(pathlib.Path(self.config).read_bytes(), before)

    def plain(self):
        """The shared Seawall without a proxy again."""
        self.seawall.environment.pop("SEAWALL_PROXY", None)
        self.seawall.down()
        self.seawall.up()

    def gate_pid(self):
        return self.seawall.processes()["seawall-gate"]

    def refused(self, words, *arguments):
        code, _, err = self.docker.attempt(*arguments)
        self.assertNotEqual(code, 0)
        self.assertIn(words, err)

    def found(self, kind, **wanted):
        return poll.until(f"an audit of kind {kind}", lambda: [
            a for a in self.seawall.json("audits", "--kind", kind, "--limit", "0")
            if all(a.get(k) == v for k, v in wanted.items())], 3.0, 0.1)

    def test_shim(self):
        self.seawall.apply(POLICY)
        with self.shim():
            self.assertEqual(self.docker.docker("run", "--rm", engines.IMAGE, "echo", "hi"), "hi")
            name = self.name()
            self.refused("[Seawall] image blocked by rule 'only test': image docker.io/evil/app:1 is in no allowed group (test)",
                         "run", "--name", name, "evil/app:1", "true")
            audit = self.found("trust", effect="block")[-1]
            self.assertEqual((audit["container"]["name"], audit["rule"], audit["done"]), (name, "only test", "block"))
            self.refused("[Seawall] container blocked by rule 'basics': privileged",
                         "run", "--privileged", engines.IMAGE, "true")
            container = self.docker.start_container("--name", self.name())
            self.assertEqual(self.docker.docker("exec", container, "echo", "in"), "in")
            self.assertIn("trusted: ", self.seawall.container(container)["trusted"])

    def test_shim_with_a_dead_gate(self):
        """No Gate: containers start, and run; killed, it is back and judges again."""
        self.seawall.apply(POLICY)
        with self.shim():
            os.kill(self.gate_pid(), signal.SIGKILL)
            self.assertEqual(self.docker.docker("run", "--rm", engines.IMAGE, "echo", "hi"), "hi")

            def judges():
                return "[Seawall]" in self.docker.attempt("run", "--rm", "evil/app:1", "true")[2]
            poll.until("the Gate judges again", judges, 10, 0.2)

    def test_shim_stays_whole(self):
        """What is lost of the shim is put back; what cannot be is told by the status."""
        folder = os.path.join(self.dir, "docker")

        def shim(state):
            found = [e for e in self.seawall.status()["enforcers"] if e["name"] == "shim"]
            return found and found[0]["state"] == state and found[0]
        self.seawall.apply(NOTHING)
        with self.shim():
            poll.until("the shim is on", lambda: shim("on"), 5, 0.1)
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name))
            poll.until("all of it is back", lambda: len(os.listdir(folder)) == 3, 5, 0.1)
            self.assertEqual(self.docker.docker("run", "--rm", engines.IMAGE, "echo", "hi"), "hi")
            os.rename(folder, folder + ".away")
            pathlib.Path(folder).write_bytes(b"")
            try:
                self.assertIn("docker: ", poll.until("it has failed", lambda: shim("failed"), 5, 0.1)["reason"])
            finally:
                os.unlink(folder)
                os.rename(folder + ".away", folder)
            poll.until("it is on again", lambda: shim("on"), 5, 0.1)
        poll.until("nothing is said of it", lambda: not [e for e in self.seawall.status()["enforcers"] if e["name"] == "shim"], 5, 0.1)

    def test_authz(self):
        self.seawall.apply(POLICY)
        with self.authz():
            container = self.docker.start_container("--name", self.name())
            self.refused("[Seawall] image blocked by rule 'only test'", "run", "evil/app:1", "true")
            self.refused("[Seawall] image blocked by rule 'only test'", "pull", "nothere/x:1")
            self.refused("[Seawall] command blocked by rule 'no exec as root': ask the platform team",
                         "exec", "-u", "root", container, "true")
            self.assertEqual(self.docker.docker("exec", container, "echo", "in"), "in")
            denied = self.found("access", effect="block", rule="no exec as root")[-1]
            self.assertEqual(denied["command"]["action"], "container_exec_create")
            self.assertEqual(denied["command"]["verdict"], "deny")
            allowed = [a for a in self.found("access", rule="the rest") if a["command"]["action"] == "container_create"]
            self.assertTrue(any(f"image=docker.io/{engines.IMAGE}" in " ".join(a["command"]["parameters"]) or
                                a["container"]["image"] == f"docker.io/{engines.IMAGE}" for a in allowed), allowed)

    def test_authz_with_a_killed_gate(self):
        """Commands wait for the Gate's return; none passes unseen."""
        self.seawall.apply(POLICY)
        with self.authz():
            os.kill(self.gate_pid(), signal.SIGKILL)
            self.refused("[Seawall] image blocked by rule 'only test'", "create", "evil/app:1", "true")

    def test_signatures(self):
        """A rule of signatures: at create, pull and start, and on what runs already."""
        for program in ("docker-registry", "openssl"):
            if not shutil.which(program):
                self.skipTest(f"{program} is not installed")
        folder = tempfile.mkdtemp(prefix="seawall-signed-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        registry, keys = Registry(), Keys(folder)
        self.addCleanup(registry.close)
        secret, public = keys.make("ours")
        stranger, _ = keys.make("stranger")

        def push(repository, secret=None):
            name = f"{registry.name}/{repository}:1"
            self.docker.image(name, {"etc/what": self.name().encode()})
            self.addCleanup(self.docker.docker, "rmi", "-f", name, check=False)
            self.docker.docker("push", name, timeout=60)
            if secret:
                self.seawall.cli("trust", "sign", name, "--key", secret)
            return name
        good, bad, other, late = push("good", secret), push("bad"), push("other", stranger), push("late", secret)
        layers = json.loads(self.docker.docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", engines.IMAGE))
        running = self.docker.start_container("--name", self.name(), image=bad)
        signed = self.docker.start_container("--name", self.name(), image=good)
        # Of images that are there before it the Gate knows no layers.
        before = self.gate_pid()
        os.kill(before, signal.SIGKILL)
        poll.until("another Gate", lambda: self.seawall.processes().get("seawall-gate", before) != before, 5, 0.1)
        self.seawall.apply(SIGNED.format(key=json.dumps(pathlib.Path(public).read_text(encoding="ascii")), layers=json.dumps(layers)))

        def badge(container, words):
            poll.until(words, lambda: words in (self.seawall.container(container)["trusted"] or ""), 5, 0.1)

        def no(image, *command, words="is in no allowed group (based, signed)"):
            self.refused(f"[Seawall] image blocked by rule 'only signed': image {image} {words}", *command)
        badge(running, f"untrusted: image {bad} is in no allowed group (based, signed)")
        badge(signed, f"trusted: image {good} is in the allowed group 'signed'")
        node = next(n for n in self.seawall.json("radar")[0]["nodes"] if n["kind"] == "image" and n["label"] == bad)
        self.assertIn("untrusted", node["badges"])
        with self.shim():
            self.assertEqual(self.docker.docker("run", "--rm", engines.IMAGE, "echo", "based"), "based")
            self.assertEqual(self.docker.docker("run", "--rm", good, "echo", "hi"), "hi")
            no(bad, "run", "--rm", bad, "true")
            no(other, "run", "--rm", other, "true")
            self.docker.docker("create", "--name", self.name(), bad, "true")  # creating is not starting
            self.docker.docker("tag", bad, good)  # the name of the good one, and not what was signed
            no(good, "run", "--rm", good, "true")
            self.docker.docker("pull", "-q", good)
        with self.authz():
            no(bad, "create", bad, "true")
            no(other, "create", other, "true")
            no(bad, "pull", bad)
            self.docker.docker("pull", "-q", good)
            self.docker.docker("create", "--name", self.name(), good, "true")
            self.docker.docker("tag", bad, good)
            self.docker.docker("push", good)  # the tag is moved in the registry as well
            no(good, "create", good, "true")
            poll.until("a tag is not believed for long", lambda: "[Seawall]" in self.docker.attempt("pull", good)[2], 5, 0.2)
            registry.close()
            no(late, "create", late, "true", words="is in no allowed group (based, signed); signatures are not known: ")

    def test_compliance_of_containerd(self):
        """Containers of containerd itself are listed with what its words to the runtime tell, and no more."""
        below, name = engines.containerd(), self.name()
        self.addCleanup(below.remove_containers)
        self.seawall.apply(POLICY)
        below.ctr("run", "-d", "--privileged", f"docker.io/{engines.IMAGE}", name, "sleep", "600")

        def findings():
            return {f["check"]: f for f in self.seawall.get(f"/compliance?limit=1000&container={name}")["items"]}
        found = poll.until("what is said of it", lambda: (f := findings()) and "pids_limit" in f and f, 10, 0.1)
        self.assertEqual((found["privileged"]["passed"], found["privileged"]["effect"], found["privileged"]["rule"]),
                         (False, "block", "basics"))
        self.assertEqual(found["privileged"]["container"]["image"], f"docker.io/{engines.IMAGE}")
        self.assertTrue(found["host_pid"]["passed"])
        self.assertNotIn("healthcheck", found)
        below.remove_containers()
        poll.until("its findings are gone", lambda: findings() == {}, 10, 0.1)

    def test_proxy(self):
        """Users with certificates; each is who the certificate says, and judged."""
        self.seawall.apply("""version: 1
access:
  - {name: ops, users: [alice], effect: allow}
  - {name: the rest, actions: [read_only], effect: allow}
  - {name: no more, effect: deny}
""")
        with tempfile.TemporaryDirectory() as folder:
            for user in ("alice", "bob"):
                self.seawall.cli("user", "cert", user, "-o", os.path.join(folder, user))
            address = f"127.0.0.1:{free_port()}"
            self.seawall.environment["SEAWALL_PROXY"] = address
            self.addCleanup(self.plain)
            self.seawall.down()
            self.seawall.up()

            def docker(user, *arguments):
                done = subprocess.run(["docker", "-H", f"tcp://{address}", "--tlsverify", *arguments], capture_output=True, text=True,
                                      timeout=60, check=False, env={"PATH": os.environ["PATH"], "HOME": folder,
                                                                    "DOCKER_CERT_PATH": os.path.join(folder, user)})
                return done.returncode, done.stdout, done.stderr
            poll.until("the proxy answers", lambda: docker("alice", "version")[0] == 0, 10, 0.2)
            self.assertEqual(docker("alice", "run", "--rm", "--net", "none", engines.IMAGE, "echo", "hi"), (0, "hi\n", ""))
            self.assertEqual(docker("bob", "ps")[0], 0)
            code, _, err = docker("bob", "run", "--rm", engines.IMAGE, "echo", "hi")
            self.assertNotEqual(code, 0)
            self.assertIn("[Seawall] command blocked by rule 'no more'", err)
            self.assertEqual(self.found("access", effect="block", rule="no more")[-1]["command"]["user"], "bob")
            # Taken back while a stream of his runs: it ends, he comes in no more, and others do not notice.
            with subprocess.Popen(["docker", "-H", f"tcp://{address}", "--tlsverify", "events"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env={"PATH": os.environ["PATH"], "HOME": folder, "DOCKER_CERT_PATH": os.path.join(folder, "bob")}) as events:
                try:
                    poll.until("the stream is there", lambda: any((a["command"]["user"], a["command"]["action"]) == ("bob", "system_events")
                                                                  for a in self.found("access")), 10, 0.2)
                    self.seawall.cli("user", "revoke", "bob")
                    events.wait(timeout=10)
                finally:
                    events.kill()
            self.assertNotEqual(docker("bob", "ps")[0], 0)
            self.assertEqual(docker("alice", "ps")[0], 0)
            self.seawall.cli("user", "cert", "bob", "-o", os.path.join(folder, "again"))
            self.assertEqual(docker("again", "ps")[0], 0)
