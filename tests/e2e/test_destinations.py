# SPDX-License-Identifier: Apache-2.0
"""Metadata of clouds, the API of Kubernetes and engines of other hosts, called from real containers."""
import scene

RULE = """version: 1
runtime:
  - name: no neighbours
    kubernetes: {effect}
    network: {{lateral_movement: {effect}}}
"""
CAUGHT = (
    ("cloud_metadata", "nc -w 1 169.254.169.254 80"),
    ("cloud_metadata", "echo GET / | nc -w 1 169.254.170.2 80"),
    ("cloud_metadata", "cp /bin/busybox /tmp/x; ln -s /tmp/x /tmp/nc; /tmp/nc -w 1 100.100.100.200 8080"),
    ("kube_api", "nc -w 1 192.0.2.7 6443"),
    ("kube_api", "(echo x | nc -w 1 127.0.0.1 6443) &"),
    ("lateral_movement", "nc -w 1 192.0.2.7 2375"),
    ("lateral_movement", "cp /bin/busybox /tmp/nc; echo GET /pods | /tmp/nc -w 1 192.0.2.7 10250"),
)
QUIET = "set +e; nc -w 1 127.0.0.1 2375; nc -w 1 192.0.2.7 2374; nc -u -w 1 192.0.2.7 2375 </dev/null; nc -w 1 169.254.169.253 80"


class Destinations(scene.Scene):
    def test_each_is_told(self):
        self.seawall.apply(RULE.format(effect="alert"))
        for detection, script in CAUGHT:
            with self.subTest(script):
                box = self.bench("--network", "none")
                self.inside(box, f"({script}) >/dev/null 2>&1 || true")
                self.audit(box, detection=detection, done="alert")

    def test_none_is_reached(self):
        self.seawall.apply(RULE.format(effect="prevent"))
        box = self.bench()
        said = self.inside(box, "nc -w 1 169.254.169.254 80 2>&1 </dev/null || true")
        self.assertIn("not permitted", said)
        audit = self.audit(box, detection="cloud_metadata")
        self.assertEqual((audit["done"], audit["evidence"]), ("prevent", "address"))
        self.assertEqual((audit["network"]["address"], audit["network"]["port"]), ("169.254.169.254", 80))
        self.assertTrue(self.docker.running(box))

    def test_others_are_quiet(self):
        self.seawall.apply(RULE.format(effect="prevent"))
        box = self.bench("--network", "none")
        self.inside(box, f"({QUIET}) >/dev/null 2>&1 || true; nc -w 1 192.0.2.7 2376 2>/dev/null || true")
        self.audit(box, detection="lateral_movement")
        self.assertEqual([a["network"]["port"] for a in self.seawall.audits(box)], [2376])
