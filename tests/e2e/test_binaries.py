# SPDX-License-Identifier: Apache-2.0
"""Programs that the image did not bring, clients of engines and borrowed rights, in real containers."""
import scene

RULE = """version: 1
runtime:
  - name: only the image
    processes: {{modified_binaries: {effect}, engine_clients: {effect}, privilege_escalation: {effect}}}
"""
# What runs, and what is said of it. Each under another name, path or way.
CAUGHT = (
    ("new_binary", "cp /bin/busybox /usr/bin/nginx && /usr/bin/nginx true"),
    ("new_binary", "mkdir -p /tmp/a && cp /opt/true /tmp/a/.x && /tmp/a/.x"),
    ("new_binary", "cp /opt/true /dev/shm/x && chmod +x /dev/shm/x && ln -s /dev/shm/x /tmp/l && /tmp/l"),
    ("modified_binary", "printf x >>/opt/true; /opt/true"),
    ("fileless_exec", "cp /bin/busybox /tmp/b; exec 9</tmp/b; rm /tmp/b; /proc/self/fd/9 true"),
    ("engine_client", "ln -sf /bin/busybox /tmp/docker; /tmp/docker true"),
)
QUIET = (
    "/opt/true; /bin/true; ls /; cat /etc/passwd | grep root",
    "chmod 700 /opt/true; chown 1:1 /opt/true; /opt/true",
    "mv /opt/true /opt/other; /opt/other",
    "printf '#!/bin/sh\\ntrue\\n' >/tmp/script; chmod +x /tmp/script; /tmp/script",
)


class Binaries(scene.Scene):
    def say(self, effect):
        self.seawall.apply(RULE.format(effect=effect))

    def tell(self, container):
        return [a["detection"] for a in self.seawall.audits(container)]

    def test_each_is_told(self):
        self.say("alert")
        for detection, script in CAUGHT:
            with self.subTest(script):
                box = self.bench("--tmpfs", "/dev/shm:exec")
                self.inside(box, f"({script}) || true")
                self.audit(box, detection=detection, evidence="name" if detection == "engine_client" else "file")

    def test_none_begins(self):
        self.say("prevent")
        box = self.bench()
        said = self.inside(box, "cp /bin/busybox /tmp/x; /tmp/x echo it ran || true; echo after")
        self.assertEqual(said.split(), ["after"])
        audit = self.audit(box, detection="new_binary")
        self.assertEqual(audit["done"], "prevent")
        self.assertIn("/tmp/x", audit["message"])

    def test_the_images_own_are_quiet(self):
        """The engine's way in (a runtime that runs from memory) among them: docker run, and docker exec."""
        self.say("prevent")
        box = self.bench()
        for script in QUIET:
            self.inside(box, script)
        self.inside(box, "cp /opt/first_byte /tmp/last; /tmp/last || true")
        self.audit(box, detection="new_binary")
        self.assertEqual(self.tell(box), ["new_binary"])
