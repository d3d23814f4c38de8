# SPDX-License-Identifier: Apache-2.0
"""Parts that die under us: nothing recorded is lost, enforcement is back, no container is harmed."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

import engines
import scene
from lib import host, poll, procs
from lib.seawall import Seawall


class Faults(scene.Scene):

    def setUp(self):
        self.policy("prevent")
        self.container = self.bench()
        self.pid = self.docker.inspect(self.container)["State"]["Pid"]
        poll.until("it is seen", lambda: self.seawall.container(self.container))

    def harmless(self):
        """The container from before still is what it was."""
        self.assertTrue(procs.alive(self.pid), "a container was harmed")
        self.assertTrue(self.docker.running(self.container))
        self.assertEqual(self.docker.docker("exec", self.container, "/opt/first_byte"), "B")

    def mine(self, *more, container=None):
        """What a miner gets to print."""
        return self.docker.attempt("exec", container or self.container, "/opt/first_byte", "--donate-level", "1", *more)[1]

    def kill(self, program):
        """Kills one of our programs; a function that tells when another is in its place."""
        pid = self.seawall.processes()[program]
        os.kill(pid, signal.SIGKILL)
        return lambda: self.seawall.processes().get(program, pid) != pid

    def ready(self, seconds=5.0):
        poll.until("it is ready again", lambda: self.seawall.attempt("status").returncode == 0 and
                   self.seawall.status()["ready"], seconds)

    def new_container_is_seen(self, seconds=5.0):
        name = self.name()
        container = self.docker.start_container("--name", name)
        record = poll.until("a new container is seen", lambda: self.seawall.container(container), seconds)
        self.assertEqual((record["name"], record["state"]), (name, "running"))
        self.assertEqual(self.mine(container=container), "", "the new container is not protected")

    def test_console_killed(self):
        self.mine("before")
        poll.until("the audit", lambda: self.seawall.audits(self.container))
        back = self.kill("seawall-console")
        self.assertEqual(self.mine("while-away"), "", "no Console, no enforcement")
        poll.until("the Console is back", back, 3.0)
        self.ready()
        connection, response = self.seawall.open("POST", "/api/v1/login", json.dumps(
            {"user": "admin", "password": self.seawall.password}))
        with contextlib.closing(connection):
            self.assertEqual(response.status, 200, "the first password is another one now")
        poll.until("both are in the database", lambda: {"before", "while-away"} <= {
            a["process"]["args"][-1] for a in self.seawall.audits(self.container)}
            or sum(a["count"] for a in self.seawall.audits(self.container)) >= 2, 5.0)
        self.harmless()
        self.new_container_is_seen()

    def test_console_killed_again_and_again(self):
        """Each of many audits is there exactly once although the Console dies in between."""
        for number in range(24):
            if number % 8 == 4:
                poll.until("there is a Console", lambda: "seawall-console" in self.seawall.processes())
                self.kill("seawall-console")
            self.mine(str(number))
        self.ready(10.0)
        poll.until("all of them, once", lambda: sum(a["count"] for a in self.seawall.audits(self.container)) == 24, 10.0, 0.2)
        self.harmless()

    def test_defender_killed(self):
        for number in range(5):
            self.mine(str(number))
        poll.until("the audits", lambda: sum(a["count"] for a in self.seawall.audits(self.container)) == 5)
        before = {(e["time"], e["type"], e["pid"]) for e in self.seawall.forensics(self.container)}
        self.kill("seawall-defender")
        poll.until("enforcement is back", lambda: self.mine("again") == "", 2.0)
        self.ready()
        self.assertEqual(sum(1 for a in self.seawall.audits(self.container) for _ in range(a["count"])) >= 5, True)
        after = {(e["time"], e["type"], e["pid"]) for e in self.seawall.forensics(self.container)}
        self.assertEqual(before - after, set(), "the flight recorder lost something")
        self.assertTrue([e for e in self.seawall.forensics(self.container) if e["type"] == "gap"] or
                        self.seawall.status()["events"]["blind_ms"] > 0, "the gap is not admitted")
        self.harmless()
        self.new_container_is_seen()

    def test_defender_killed_between_verdict_and_database(self):
        """What it decided just before it died still arrives."""
        for number in range(10):
            self.mine(str(number))
        self.kill("seawall-defender")
        self.ready(10.0)
        poll.until("all ten", lambda: sum(a["count"] for a in self.seawall.audits(self.container)) == 10, 5.0, 0.2)

    def test_blocked_stays_blocked_over_a_restart(self):
        self.policy("block")
        self.docker.attempt("exec", self.container, "/opt/first_byte", "--nicehash")
        poll.until("it is down", lambda: not self.docker.running(self.container))
        self.kill("seawall-defender")
        self.ready(10.0)
        record = self.seawall.container(self.container, "--all")
        self.assertEqual((record["state"], record["blocked_by"]), ("blocked", "stop miners"))

    def test_all_of_ours_killed_at_once(self):
        for program in ("seawall-gate", "seawall-console", "seawall-defender"):
            self.kill(program)
        poll.until("enforcement is back", lambda: self.mine() == "", 2.0)
        self.ready(10.0)
        self.harmless()
        self.new_container_is_seen()

    def test_gate_killed(self):
        back = self.kill("seawall-gate")
        self.assertEqual(self.mine(), "")
        poll.until("the Gate is back", back, 3.0)
        self.assertEqual(self.seawall.container(self.container)["state"], "running")
        self.harmless()
        self.new_container_is_seen()

    def test_container_that_came_while_the_gate_was_away(self):
        name = self.name()
        self.kill("seawall-gate")
        container = self.docker.start_container("--name", name)
        self.assertEqual(poll.until("it is named", lambda: self.seawall.container(container), 5.0)["name"], name)
        self.assertEqual(self.mine(container=container), "")

    def test_docker_restarted(self):
        self.docker.end_daemon()
        self.assertEqual(self.seawall.status()["ready"], True, "no engine, no enforcement")
        self.docker.start()
        self.harmless()
        self.new_container_is_seen()
        self.assertEqual(self.seawall.container(self.container)["state"], "running")

    def test_docker_killed(self):
        self.docker.end_daemon(hard=True)
        poll.until("its absence is said", lambda: [r for r in self.seawall.status()["runtimes"]
                                                   if r["kind"] == "docker" and r["state"] != "connected"], 3.0)
        self.assertEqual(self.seawall.container(self.container)["state"], "running")
        self.docker.start()
        self.harmless()
        self.new_container_is_seen()

    def test_container_that_ended_while_docker_was_away(self):
        self.docker.end_daemon(hard=True)
        os.kill(self.pid, signal.SIGKILL)
        self.docker.start()
        poll.until("its end is known", lambda: self.seawall.container(self.container, "--all")["state"] == "exited", 5.0)


class Alone(scene.Engine):
    """Faults that need a Seawall of their own."""

    def setUp(self):
        scene.put_away()
        self.mounted = None
        self.seawall = Seawall(self.docker, engines.containerd())

    def tearDown(self):
        self.seawall.attempt("down", timeout=30)
        if self.mounted:
            subprocess.run(["umount", "-l", self.mounted], check=True)
        self.seawall.destroy()
        super().tearDown()

    def test_supervisor_killed_then_down(self):
        before = host.snapshot()
        self.seawall.up()
        ours = self.seawall.processes()
        os.kill(ours["seawall"], signal.SIGKILL)
        self.seawall.down()
        self.assertEqual([n for n, p in ours.items() if procs.alive(p)], [])
        self.assertEqual(host.difference(before), [])

    def test_supervisor_killed_then_up(self):
        self.seawall.up()
        os.kill(self.seawall.processes()["seawall"], signal.SIGKILL)
        self.seawall.up()
        self.assertTrue(self.seawall.status()["ready"])
        self.assertEqual(len(self.seawall.processes()), 5)

    def test_disk_full(self):
        """Enforcement goes on, the status says what is wrong, and records come back with the space."""
        state = self.seawall.state
        os.makedirs(state)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=0755", "tmpfs", state], check=True)
        self.mounted = state
        self.seawall.up()
        self.seawall.apply(scene.POLICY.format(effect="prevent"))
        container = self.docker.start_container()
        poll.until("seen", lambda: self.seawall.container(container))
        filler = pathlib.Path(state, "filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 20))
            except OSError:
                pass
        for number in range(30):
            _, out, _ = self.docker.attempt("exec", container, "/opt/first_byte", "--donate-level", str(number))
            self.assertEqual(out, "", "a full disk let a miner through")
        poll.until("it is said", lambda: self.seawall.status()["warnings"], 5.0)
        self.assertEqual(set(self.seawall.processes()), {"seawall", "seawall-console", "seawall-defender", "seawall-gate", "seawall-registry"})
        filler.unlink()
        fresh = self.docker.start_container()
        self.docker.attempt("exec", fresh, "/opt/first_byte", "--donate-level", "1")
        poll.until("records are kept again", lambda: self.seawall.audits(fresh), 10.0)

    def test_events_under_load_are_counted(self):
        """An exec storm in a container: every exec is seen, or its loss is in the counters."""
        self.seawall.up()
        container = self.docker.start_container()
        poll.until("seen", lambda: self.seawall.container(container))
        before = self.seawall.status()["events"]
        self.docker.docker("exec", container, "/opt/spawner", "5000", "/opt/true", timeout=60)
        after = poll.until("the storm is counted", lambda: (lambda e: e if e["seen"] - before["seen"] >= 5000 else None)(
            self.seawall.status()["events"]), 5.0)
        self.assertEqual(after["dropped_security"], before["dropped_security"])
        started = time.monotonic()
        events = poll.until("the storm is recorded", lambda: (lambda f: f if len(f) == 5000 else None)(
            [e for e in self.seawall.forensics(container) if e["type"] == "exec" and e["path"] == "/opt/true"]), 20.0, 0.5)
        self.assertEqual(len({e["pid"] for e in events}), 5000, time.monotonic() - started)
