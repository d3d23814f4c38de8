# SPDX-License-Identifier: Apache-2.0
"""Seawall as its users have it: the real programs, started by `seawall up`, asked by the command line,
the API, the database. Nothing in here knows more than interface.md promises, except where the database
lies."""
import calendar
import contextlib
import http.client
import json
import os
import pathlib
import queue
import shutil
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

from lib import paths, poll, procs

PROGRAMS = ("seawall-defender", "seawall-gate", "seawall-registry", "seawall-console")

# What the countries of the documentation ranges are in the tests.
OVERLAY = "203.0.113.0/24,SG\n198.51.100.0/24,CN\n"


class Failed(AssertionError):
    """A command ended with another exit code than the test needs."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def stamp(text):
    """Seconds since the epoch of an RFC 3339 time with nanoseconds."""
    whole, _, rest = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (rest or "0"))


class Lines:
    """The lines of a command that goes on (`--follow`), each with its time of arrival."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, text=True)
        self.seen = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.seen.append((time.time(), json.loads(line)))

    def first(self, accept, seconds=5.0):
        """(arrival, object) of the first accepted line."""
        return poll.until("a followed line", lambda: next((s for s in self.seen if accept(s[1])), None), seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._thread.join(5)
        self.process.stdout.close()


class Stream:
    """Server-sent events of the API, each (arrival, name, data), read in a thread."""

    def __init__(self, seawall, topics):
        self.events = queue.Queue()
        self.connection, self.response = seawall.open("GET", f"/api/v1/stream?topics={topics}")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        name, data = "", ""
        try:
            for raw in self.response:
                line = raw.decode().rstrip("\n")
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    data += line[5:].strip()
                elif not line and data:
                    self.events.put((time.time(), name, json.loads(data)))
                    name, data = "", ""
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass

    def first(self, accept, seconds=5.0):
        """The first event whose (name, data) is accepted; earlier ones are gone then."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                event = self.events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise poll.Late(f"no such event within {seconds} s") from None
            if accept(event[1], event[2]):
                return event

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.connection.sock:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self.connection.close()


class Seawall:
    """One installation: a state directory, a port, the engines that it looks at."""

    def __init__(self, docker=None, containerd=None, state=None):
        self.scratch = tempfile.mkdtemp(prefix="seawall-test-")
        os.chmod(self.scratch, 0o755)
        self.state = state or os.path.join(self.scratch, "state")
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.scratch, "NO_COLOR": "1",
            "SEAWALL_STATE": self.state, "SEAWALL_LISTEN": f"127.0.0.1:{self.port}", "SEAWALL_URL": self.url,
            "DOCKER_HOST": docker.host if docker else f"unix://{self.scratch}/no-docker.sock",
            "CONTAINERD_ADDRESS": containerd.address if containerd else f"{self.scratch}/no-containerd.sock",
        }
        # A whole run may be asked to tell containers apart by cgroup v1.
        if "SEAWALL_CGROUP" in os.environ:
            self.environment["SEAWALL_CGROUP"] = os.environ["SEAWALL_CGROUP"]

    # Life

    def up(self):
        """`seawall up --detach`; seconds that it took. On return enforcement is on."""
        begun = time.monotonic()
        os.makedirs(os.path.join(self.state, "console"), exist_ok=True)
        pathlib.Path(self.state, "console/geo-overlay.csv").write_text(OVERLAY, encoding="ascii")
        done = self.attempt("up", "--detach", "--json", timeout=60)
        if done.returncode:
            raise Failed(f"seawall up --detach: exit {done.returncode}: {done.stdout}{done.stderr}\n{self.logs()}")
        self.password = json.loads(done.stdout)["password"]
        return time.monotonic() - begun

    def down(self):
        self.cli("down", timeout=30)

    def destroy(self):
        """Down if it is up, whatever state it is in, and the scratch folder gone."""
        self.attempt("down", timeout=30)
        procs.end(self.processes().values())
        shutil.rmtree(self.scratch, ignore_errors=True)

    def processes(self):
        """{program: pid} of this installation, the supervisor among them as `seawall`."""
        found = {}
        for pid in procs.every():
            name = os.path.basename(procs.executable(pid))
            if name.startswith("seawall") and procs.environment(pid).get("SEAWALL_STATE") == self.state:
                if name != "seawall" or "up" in procs.arguments(pid):
                    found[name] = pid
        return found

    def logs(self):
        """The last words of every log file in the state directory, for messages of failed tests."""
        text = ""
        for path in pathlib.Path(self.state).rglob("*.log"):
            text += f"--- {path}\n" + path.read_bytes()[-1500:].decode(errors="replace")
        return text

    # Command line

    def attempt(self, *arguments, timeout=20, stdin=None):
        """The finished process of one command, whatever its exit code."""
        return subprocess.run([paths.program("seawall"), *arguments], env=self.environment, capture_output=True,
                              text=True, errors="replace", timeout=timeout, check=False, input=stdin)

    def cli(self, *arguments, timeout=20, code=0):
        """stdout of a command that must end with `code`."""
        done = self.attempt(*arguments, timeout=timeout)
        if done.returncode != code:
            raise Failed(f"seawall {' '.join(arguments)}: exit {done.returncode}, not {code}: "
                         f"{done.stdout[-1000:]}{done.stderr[-2000:]}")
        return done.stdout

    def json(self, *arguments, code=0, timeout=20):
        """The objects that a command prints with --json."""
        return [json.loads(line) for line in self.cli(*arguments, "--json", code=code, timeout=timeout).splitlines()]

    def follow(self, *arguments):
        return Lines([paths.program("seawall"), *arguments, "--json"], self.environment)

    def status(self):
        return self.json("status")[0]

    def container(self, container, *flags):
        """The record of a container by full id, or None."""
        return next((c for c in self.json("containers", *flags) if c["id"] == container), None)

    def audits(self, container=None, **wanted):
        """Audits of a container whose fields have the wanted values."""
        found = self.json("audits", *(["--container", container] if container else []))
        return [a for a in found if all(a.get(k) == v for k, v in wanted.items())]

    def forensics(self, container):
        return self.json("forensics", container, timeout=60)

    def apply(self, text):
        """Applies a policy and waits until the Defender has it; the revision."""
        path = os.path.join(self.scratch, "policy.yaml")
        pathlib.Path(path).write_text(text, encoding="utf-8")
        self.cli("policy", "apply", path)
        revision = self.get("/policy")["revision"]
        poll.until(f"revision {revision} is in force", lambda: self.status()["policy_revision"] == revision, 5)
        return revision

    # API and database

    def token(self):
        return pathlib.Path(self.state, "admin.token").read_text(encoding="ascii").strip()

    def open(self, method, path, body=None, headers=None):
        """(connection, response) of one request with the admin token."""
        trust = ssl.create_default_context(cafile=os.path.join(self.state, "console/tls/cert.pem"))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=trust, timeout=10)
        connection.request(method, path, body, {"Authorization": f"Bearer {self.token()}", **(headers or {})})
        return connection, connection.getresponse()

    def get(self, path, **query):
        """The object that GET /api/v1 + path answers with."""
        if query:
            path += "?" + urllib.parse.urlencode(query)
        connection, response = self.open("GET", "/api/v1" + path)
        with contextlib.closing(connection):
            body = response.read()
        if response.status != 200:
            raise Failed(f"GET {path}: {response.status} {body[:300]!r}")
        return json.loads(body)

    def stream(self, topics):
        return Stream(self, topics)

    def database(self, query, *values):
        """Rows of a query on the Console's SQLite file, opened beside it."""
        files = sorted(pathlib.Path(self.state, "console").rglob("*.db"))
        with sqlite3.connect(f"file:{files[0]}?mode=ro", uri=True, timeout=5) as connection:
            return connection.execute(query, values).fetchall()
