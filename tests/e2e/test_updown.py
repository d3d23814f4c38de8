# SPDX-License-Identifier: Apache-2.0
"""`seawall up` protects, `seawall down` leaves nothing behind."""
import os
import pathlib
import signal
import stat
import subprocess
import time

import engines
import scene
from lib import host, paths, poll, procs
from lib.seawall import Seawall


class UpDown(scene.Engine):

    def setUp(self):
        scene.put_away()
        self.seawall = Seawall(self.docker, engines.containerd())

    def tearDown(self):
        self.seawall.destroy()
        super().tearDown()

    def test_down_leaves_nothing(self):
        before = host.snapshot()
        self.seawall.up()
        self.seawall.apply(scene.POLICY.format(effect="block"))
        ours = list(self.seawall.processes().values())
        container = self.docker.start_container()
        self.docker.docker("exec", container, "/opt/first_byte", check=False)
        self.docker.docker("rm", "-f", container)
        self.seawall.down()
        self.assertEqual([p for p in ours if procs.alive(p)], [], "processes that stayed")
        self.assertEqual(host.difference(before), [])
        sockets = [str(p) for p in pathlib.Path(self.seawall.state).rglob("*") if stat.S_ISSOCK(p.lstat().st_mode)]
        self.assertEqual(sockets, [], "sockets in the state directory")

    def test_up_returns_when_enforcing(self):
        self.seawall.up()
        status = self.seawall.status()
        self.assertTrue(status["ready"], status)
        self.assertEqual(sorted(self.seawall.processes()),
                         ["seawall", "seawall-console", "seawall-defender", "seawall-gate", "seawall-registry"])
        self.assertEqual([s for s in status["sensors"] if s["state"] == "failed"], [])
        self.assertTrue(any(r["kind"] == "docker" and r["state"] == "connected" for r in status["runtimes"]), status)

    def test_up_within_seconds(self):
        self.assertLess(self.seawall.up(), 10.0)

    def test_up_twice_and_down_twice(self):
        self.seawall.up()
        first = self.seawall.processes()
        self.seawall.attempt("up", "--detach", timeout=60)
        self.assertEqual(self.seawall.processes(), first, "the second up disturbed the first")
        self.seawall.down()
        self.seawall.attempt("down")
        self.assertEqual(self.seawall.processes(), {})

    def test_the_token_is_private(self):
        self.seawall.up()
        token = os.path.join(self.seawall.state, "admin.token")
        self.assertEqual(stat.S_IMODE(os.stat(token).st_mode), 0o600)
        self.assertEqual(os.stat(token).st_uid, 0)

    def test_gate_and_console_have_no_privilege(self):
        self.seawall.up()
        for name, pid in self.seawall.processes().items():
            if name in ("seawall-gate", "seawall-console", "seawall-registry"):
                with self.subTest(name):
                    fields = dict(line.split(":\t", 1) for line in
                                  pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
                    self.assertNotIn("0", fields["Uid"].split())
                    self.assertEqual(int(fields["CapEff"], 16), 0)
                    self.assertEqual(int(fields["CapBnd"], 16) & int(fields["CapPrm"], 16), 0)
                    self.assertEqual(fields["NoNewPrivs"].strip(), "1")

    def test_containers_go_on_through_up_and_down(self):
        container = self.docker.start_container()
        pid = self.docker.inspect(container, "{{.State.Pid}}")
        self.seawall.up()
        self.assertIsNotNone(self.seawall.container(container), "a container from before is not seen")
        self.seawall.down()
        self.assertEqual(self.docker.inspect(container, "{{.State.Pid}}"), pid)
        self.assertTrue(procs.alive(int(pid)))

    def test_foreground(self):
        """What `./run` shows: URL, user, password, then a line for each audit; Ctrl-C takes all of it out."""
        before = host.snapshot()
        log = os.path.join(self.seawall.scratch, "foreground")
        with open(log, "wb") as file:
            process = subprocess.Popen([paths.program("seawall"), "up"], env=self.seawall.environment, stdout=file,
                                       stderr=file, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            said = pathlib.Path(log).read_text
            poll.until("it says where it is", lambda: self.seawall.url in said(errors="replace"), 20)
            poll.until("it says who may enter", lambda: "admin" in said() and "password" in said().lower())
            poll.until("it is ready", lambda: self.seawall.status()["ready"], 20)
            self.seawall.apply(scene.POLICY.format(effect="prevent"))
            container = self.docker.start_container()
            poll.until("seen", lambda: self.seawall.container(container))
            self.docker.attempt("exec", container, "/opt/first_byte", "--donate-level", "1")
            poll.until("a line for the audit", lambda: "--donate-level" in said(), 3)
            self.docker.docker("rm", "-f", container)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(20), 0)
        finally:
            procs.end([process.pid])
            process.wait()
        self.assertEqual(self.seawall.processes(), {})
        self.assertEqual(host.difference(before), [])

    def test_engine_of_its_own(self):
        """A host without an engine gets a private one, and loses it again without a trace."""
        for socket in ("/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock"):
            if os.path.exists(socket):
                self.skipTest(f"this host has an engine at {socket}")
        for name in ("DOCKER_HOST", "CONTAINERD_ADDRESS"):
            del self.seawall.environment[name]
        before = host.snapshot()
        self.seawall.up()
        engine = [r for r in self.seawall.status()["runtimes"] if r["kind"] == "docker" and r["state"] == "connected"][0]
        own = ["docker", "-H", f"unix://{engine['socket'].removeprefix('unix://')}"]
        run = lambda *a, **k: subprocess.run([*own, *a], capture_output=True, check=True, timeout=60, **k)  # noqa: E731
        run("import", "-", engines.IMAGE, input=engines.rootfs())
        container = run("run", "-d", engines.IMAGE, "sleep", "600").stdout.decode().strip()
        poll.until("it is seen", lambda: self.seawall.container(container), 3)
        self.seawall.down()
        self.assertEqual(host.difference(before), [])

    def test_state_survives_down(self):
        self.seawall.up()
        revision = self.seawall.apply(scene.POLICY.format(effect="prevent"))
        self.seawall.down()
        begun = time.monotonic()
        self.seawall.up()
        self.assertEqual(self.seawall.status()["policy_revision"], revision)
        self.assertLess(time.monotonic() - begun, 10.0)
