# SPDX-License-Identifier: Apache-2.0
"""The TLS proxy in front of a real dockerd, driven by the real docker CLI with certificates of `seawall user cert`.

The proxy is the library in tests/programs/proxy_host, with a judge of one rule: no privileged containers.
"""
import contextlib
import hashlib
import io
import json
import os
import pty
import re
import select
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time

import engines
import scene
from lib import paths, poll

HUGE = 60 << 20
RSS_MAX = 24 << 20
OLD_CLIENT = "/usr/bin/docker"  # Debian's; a newer one first in PATH wants a plugin for BuildKit


def cert(state, name, out, *options):
    """seawall user cert NAME; what it says."""
    done = subprocess.run([paths.program("seawall"), "user", "cert", name, "--json", "-o", out, *options], check=True,
                          capture_output=True, env=dict(os.environ, SEAWALL_STATE=state))
    return json.loads(done.stdout)


class Proxy(scene.Engine):
    """All that the docker CLI does, through the proxy."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp(prefix="seawall-proxy-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.state = os.path.join(cls.folder, "state")
        cls.alice = os.path.join(cls.folder, "alice")
        made = cert(cls.state, "alice", cls.alice, "--groups", "ops,dev")
        cls.made = made
        cls.log = open(os.path.join(cls.folder, "log"), "w+b")  # pylint: disable=consider-using-with
        cls.addClassCleanup(cls.log.close)
        cls.host = subprocess.Popen([paths.test_program("proxy_host"), made["pki"] + "/proxy.pem", made["pki"] + "/ca.pem",
                                     cls.docker.socket], stdout=subprocess.PIPE, stderr=cls.log, text=True)
        cls.addClassCleanup(cls._end)
        word, port = cls.host.stdout.readline().split()
        assert word == "listening"
        cls.port = int(port)
        cls.environment = dict(cls.docker.environment, DOCKER_HOST=f"tcp://127.0.0.1:{port}", DOCKER_TLS_VERIFY="1",
                               DOCKER_CERT_PATH=cls.alice)

    @classmethod
    def _end(cls):
        cls.host.terminate()
        out, _ = cls.host.communicate(timeout=10)
        print(f"# proxy: {out.strip()}", flush=True)
        if cls.host.returncode:
            raise AssertionError(f"proxy_host ended with {cls.host.returncode}")

    def setUp(self):
        self.assertIsNone(self.host.poll(), "the proxy has ended")
        self.idle = self._descriptors()

    def _descriptors(self):
        return len(os.listdir(f"/proc/{self.host.pid}/fd"))

    def tearDown(self):
        super().tearDown()
        # Whatever the CLI did, and however it was ended, nothing of it is left in the proxy.
        poll.until("every connection is closed", lambda: self._descriptors() <= self.idle, 10)

    def cli(self, *arguments, stdin=b"", code=0, environment=None):
        """Output of the docker CLI through the proxy (stderr when another exit code is expected)."""
        done = subprocess.run([self.docker.client, *arguments], input=stdin, capture_output=True, timeout=60, check=False,
                              env=environment or self.environment)
        self.assertEqual(done.returncode, code, (done.stderr, done.stdout[-300:]))
        return (done.stderr if code else done.stdout).decode(errors="replace")

    def test_run_and_refuse(self):
        self.assertEqual(self.cli("run", "--rm", "--net", "none", engines.IMAGE, "echo", "hi"), "hi\n")
        self.cli("run", "--rm", "--net", "none", engines.IMAGE, "sh", "-c", "exit 7", code=7)
        said = self.cli("run", "--rm", "--privileged", engines.IMAGE, "true", code=125)
        self.assertIn("[Seawall] command blocked by rule 'no privileged': alice of ops (127.0.0.1) asks for all rights", said)
        self.assertEqual(self.docker.docker("ps", "-aq", "--filter", "status=created"), "")
        self.assertIn("No such container: nowhere", self.cli("inspect", "--type", "container", "nowhere", code=1))
        self.assertIn("Server:", self.cli("version"))

    def test_stdin_ends(self):
        """echo hi | docker run -i: the end of input arrives, the rest of the output too."""
        self.assertEqual(self.cli("run", "-i", "--rm", "--net", "none", engines.IMAGE, "cat", stdin=b"hi\n"), "hi\n")
        much = os.urandom(5 << 20)
        out = subprocess.run([self.docker.client, "run", "-i", "--rm", "--net", "none", engines.IMAGE, "cat"], input=much,
                             capture_output=True, timeout=60, check=True, env=self.environment).stdout
        self.assertEqual(hashlib.sha256(out).digest(), hashlib.sha256(much).digest())
        box = self.docker.start_container("--net", "none")
        count = self.cli("exec", "-i", box, "sh", "-c", "wc -c; echo after", stdin=much)
        self.assertEqual(count.split(), [str(len(much)), "after"])
        self.assertIn("oops", self.cli("exec", box, "sh", "-c", "echo oops >&2; exit 3", code=3))

    def test_attach(self):
        box = self.docker.docker("create", "-i", "--net", "none", engines.IMAGE, "sh", "-c", "echo there; cat; echo bye")
        self.assertEqual(self.cli("start", "-ai", box, stdin=b"typed\n"), "there\ntyped\nbye\n")

    def _until(self, terminal, text, seconds=10):
        """Reads the terminal until the text has come."""
        seen, until = b"", time.monotonic() + seconds
        while text not in seen:
            if not select.select([terminal], [], [], max(0, until - time.monotonic()))[0]:
                self.fail(f"{text!r} did not come, but {seen!r}")
            with contextlib.suppress(OSError):
                seen += os.read(terminal, 4096)
        return seen

    def test_terminal(self):
        """docker exec -it at a real terminal."""
        box = self.docker.start_container("--net", "none")
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        with subprocess.Popen([self.docker.client, "exec", "-it", box, "sh"], stdin=theirs, stdout=theirs, stderr=theirs,
                              start_new_session=True, env=dict(self.environment, TERM="dumb")) as process:
            os.close(theirs)
            self._until(ours, b"# ")
            os.write(ours, b"test -t 0 && echo is-$((40 + 2))-tty\n")
            self._until(ours, b"is-42-tty")
            os.write(ours, b"exit 5\n")
            self.assertEqual(process.wait(10), 5)

    def test_events_and_logs(self):
        """Streams show each thing when it happens."""
        name = self.name()
        events = self._stream("events", "--filter", f"container={name}", "--format", "{{.Action}}")
        # The subscription stands when an event comes: others are made until then.
        poll.until("events flow", lambda: self._touch(name) or select.select([events.stdout], [], [], 0.2)[0], 10)
        self.assertIn(events.stdout.readline(), (b"create\n", b"destroy\n"))
        script = "echo one; while ! [ -e /tmp/go ]; do sleep 0.05; done; echo two; sleep 600"
        box = self.docker.start_container("--net", "none", command=("sh", "-c", script))
        logs = self._stream("logs", "-f", box)
        self.assertEqual(logs.stdout.readline(), b"one\n")
        self.docker.docker("exec", box, "touch", "/tmp/go")
        self.assertEqual(logs.stdout.readline(), b"two\n")
        # Their ends are noticed at once, though nothing more happens in either stream.
        for process in (events, logs):
            process.kill()
            process.wait()

    def _stream(self, *arguments):
        process = subprocess.Popen([self.docker.client, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process

    def _touch(self, name):
        self.docker.docker("create", "--name", name, engines.IMAGE, "true")
        self.docker.docker("rm", name)

    def test_build(self):
        """The classic builder: a streamed context, a streamed answer, a container in the middle."""
        context, junk, tag = io.BytesIO(), os.urandom(8 << 20), self.name()
        recipe = f"FROM {engines.IMAGE}\nCOPY junk /junk\nRUN wc -c /junk > /size\n"
        with tarfile.open(fileobj=context, mode="w") as tar:
            for name, data in (("Dockerfile", recipe.encode()), ("junk", junk)):
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
        self.cli("build", "--network", "none", "-t", tag, "-", stdin=context.getvalue(),
                 environment=dict(self.environment, DOCKER_BUILDKIT="0"))
        self.addCleanup(self.docker.docker, "rmi", "-f", tag)
        self.assertEqual(self.cli("run", "--rm", "--net", "none", tag, "cat", "/size").split()[0], str(len(junk)))

    def test_buildkit(self):
        """A build of BuildKit: its session (an upgrade to h2c) asks the client for the files through the proxy."""
        if not os.access(OLD_CLIENT, os.X_OK):
            self.skipTest(f"no {OLD_CLIENT}, whose client has BuildKit without a plugin")
        tag, junk = self.name(), os.urandom(8 << 20)
        with tempfile.TemporaryDirectory() as context:
            for name, data in (("Dockerfile", f"FROM {engines.IMAGE}\nCOPY junk /junk\n".encode()), ("junk", junk)):
                with open(os.path.join(context, name), "wb") as file:
                    file.write(data)
            done = subprocess.run([OLD_CLIENT, "build", "--progress", "plain", "-t", tag, context], capture_output=True, timeout=60,
                                  check=False, text=True, env=dict(self.environment, DOCKER_BUILDKIT="1"))
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        self.addCleanup(self.docker.docker, "rmi", "-f", tag)
        out = self.docker.docker("run", "--rm", "--net", "none", tag, "wc", "-c", "/junk")
        self.assertEqual(out.split()[0], str(len(junk)))

    def test_save_and_load(self):
        """An image of 60 MB each way, and the proxy stays small."""
        tag, archive = self.name(), os.path.join(self.folder, "image.tar")
        identity = self.docker.image(tag, {"opt/huge": os.urandom(HUGE)})
        self.cli("save", "-o", archive, tag)
        self.assertGreater(os.path.getsize(archive), HUGE)
        self.docker.docker("rmi", "-f", tag)
        began = time.monotonic()
        self.cli("load", "-q", "-i", archive)
        took = time.monotonic() - began
        self.addCleanup(self.docker.docker, "rmi", "-f", tag)
        self.assertEqual(self.docker.docker("image", "inspect", "--format", "{{.Id}}", tag), identity)
        with open(f"/proc/{self.host.pid}/status", encoding="ascii") as file:
            peak = int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) << 10
        print(f"# {HUGE >> 20} MiB loaded in {took:.1f} s, peak of the proxy {peak >> 10} KiB", flush=True)
        self.assertLess(peak, RSS_MAX)

    def test_copy(self):
        box, junk = self.docker.start_container("--net", "none"), os.urandom(3 << 20)
        here, back = os.path.join(self.folder, "here"), os.path.join(self.folder, "back")
        with open(here, "wb") as file:
            file.write(junk)
        self.cli("cp", here, f"{box}:/tmp/junk")
        self.cli("cp", f"{box}:/tmp/junk", back)
        with open(back, "rb") as file:
            self.assertEqual(file.read(), junk)

    def test_strangers(self):
        """Certificates of somebody else's authority, none, and an end of days."""
        cert(os.path.join(self.folder, "other"), "alice", os.path.join(self.folder, "mallory"))
        mixed = os.path.join(self.folder, "mixed")  # our authority to trust, their certificate to show
        shutil.copytree(os.path.join(self.folder, "mallory"), mixed)
        shutil.copy(os.path.join(self.alice, "ca.pem"), mixed)
        said = self.cli("ps", code=1, environment=dict(self.environment, DOCKER_CERT_PATH=mixed))
        self.assertIn("tls: ", said)
        # And the client does not take a proxy that is not ours.
        said = self.cli("ps", code=1, environment=dict(self.environment, DOCKER_CERT_PATH=os.path.join(self.folder, "mallory")))
        self.assertIn("certificate", said)
        with socket.create_connection(("127.0.0.1", self.port)) as plain:
            plain.sendall(b"GET /info HTTP/1.1\r\nHost: d\r\n\r\n")
            plain.settimeout(10)
            with contextlib.suppress(ConnectionResetError):
                self.assertNotIn(b"HTTP/1.1 200", plain.recv(1000))
        poll.until("the log names them", lambda: self._logged().count("nobody (127.0.0.1): TLS: ") >= 3)

    def _logged(self):
        with open(self.log.name, encoding="utf-8") as file:
            return file.read()
