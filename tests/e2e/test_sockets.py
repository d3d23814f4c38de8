# SPDX-License-Identifier: Apache-2.0
"""The engine's own socket, mounted into real containers under other names, and raw sockets."""
import os

import scene

RULE = """version: 1
runtime:
  - name: no engines
    processes: {{engine_clients: {effect}}}
    network: {{raw_sockets: {effect}}}
"""


class Sockets(scene.Scene):
    def mounts(self):
        """The same engine, under three names."""
        real = self.docker.socket
        return ("-v", f"{real}:/var/run/docker.sock", "-v", f"{real}:/data/cache.db",
                "-v", f"{os.path.dirname(real)}:/outside")

    def test_the_engine_by_any_name(self):
        self.seawall.apply(RULE.format(effect="prevent"))
        inside = f"/outside/{os.path.basename(self.docker.socket)}"
        for name in ("/var/run/docker.sock", "/data/cache.db", inside):
            with self.subTest(name):
                box = self.bench(*self.mounts())
                self.inside(box, f"ln -s {name} /tmp/l; nc local:/tmp/l </dev/null; echo GET / | nc local:{name} || true; exit 0")
                audit = self.audit(box, detection="engine_socket", done="prevent")
                self.assertEqual(audit["evidence"], "path")
                self.assertIn(".sock", audit["message"])
                self.assertTrue(self.docker.running(box))

    def test_raw(self):
        self.seawall.apply(RULE.format(effect="alert"))
        box = self.bench()
        self.inside(box, "ping -c 1 -w 1 127.0.0.1 >/dev/null 2>&1 || true")
        self.audit(box, detection="raw_socket", done="alert")
