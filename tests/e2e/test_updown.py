# SPDX-License-Identifier: Apache-2.0
"""`seawall up` protects, `seawall down` leaves nothing behind."""
import os
import pathlib
import stat
import time

import engines
import scene
from lib import host, procs
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
        self.assertEqual(host.difference(before, host.snapshot()), [])
        sockets = [str(p) for p in pathlib.Path(self.seawall.state).rglob("*") if stat.S_ISSOCK(p.lstat().st_mode)]
        self.assertEqual(sockets, [], "sockets in the state directory")

    def test_up_returns_when_enforcing(self):
        self.seawall.up()
        status = self.seawall.status()
        self.assertTrue(status["ready"], status)
        self.assertEqual(sorted(self.seawall.processes()),
                         ["seawall", "seawall-console", "seawall-defender", "seawall-gate"])
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
            if name in ("seawall-gate", "seawall-console"):
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

    def test_state_survives_down(self):
        self.seawall.up()
        revision = self.seawall.apply(scene.POLICY.format(effect="prevent"))
        self.seawall.down()
        begun = time.monotonic()
        self.seawall.up()
        self.assertEqual(self.seawall.status()["policy_revision"], revision)
        self.assertLess(time.monotonic() - begun, 10.0)
