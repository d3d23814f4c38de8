# SPDX-License-Identifier: Apache-2.0
"""The engine's own socket, mounted into real containers under other names, raw sockets, scans."""
import os

import scene
from lib import poll

RULE = """version: 1
runtime:
  - name: no engines
    processes: {{engine_clients: {effect}}}
    network: {{raw_sockets: {effect}, port_scan: {scan}}}
"""


class Sockets(scene.Scene):
    def mounts(self):
        """The same engine, under three names."""
        real = self.docker.socket
        return ("-v", f"{real}:/var/run/docker.sock", "-v", f"{real}:/data/cache.db",
                "-v", f"{os.path.dirname(real)}:/outside")

    def test_the_engine_by_any_name(self):
        self.seawall.apply(RULE.format(effect="prevent", scan="alert"))
        inside = f"/outside/{os.path.basename(self.docker.socket)}"
        for name in ("/var/run/docker.sock", "/data/cache.db", inside):
            with self.subTest(name):
                box = self.bench(*self.mounts())
                self.inside(box, f"ln -s {name} /tmp/l; TALK_TO=/tmp/l TALK_TEXT=GET TALK_SECONDS=1 /opt/talker || true")
                audit = self.audit(box, detection="engine_socket", done="prevent")
                self.assertEqual(audit["evidence"], "path")
                self.assertIn(".sock", audit["message"])
                self.assertTrue(self.docker.running(box))

    def test_raw(self):
        self.seawall.apply(RULE.format(effect="alert", scan="block"))
        box = self.bench()
        self.inside(box, "busybox ping -c 1 -w 1 127.0.0.1 >/dev/null 2>&1 || true")
        self.audit(box, detection="raw_socket", done="alert")

    def test_scan(self):
        self.seawall.apply(RULE.format(effect="alert", scan="block"))
        box = self.bench()
        self.inside(box, "for i in 1 2 3 4 5 6; do nc -w 1 127.0.0.1 9 || true; done")
        self.docker.attempt("exec", box, "sh", "-c", "p=100; while [ $p -lt 140 ]; do p=$((p+1)); nc -w 1 127.0.0.1 $p; done")
        audit = self.audit(box, detection="port_scan", done="block")
        self.assertIn("closed ports of one host", audit["message"])
        poll.until("it is stopped", lambda: not self.docker.running(box))
