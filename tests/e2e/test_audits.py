# SPDX-License-Identifier: Apache-2.0
"""The audit: what it says, where it stands, and how soon."""
import json
import time

import engines
import scene
from lib import poll
from lib.seawall import stamp

SOON = 0.5


class Audits(scene.Scene):

    def mine(self, container):
        """One miner in a container; (time before, its result)."""
        before = time.time()
        self.docker.attempt("exec", container, "sh", "-c", "/opt/first_byte --donate-level 1 -p s3cret; exit 0")
        return before

    def test_fields(self):
        revision = self.policy("prevent")
        name = self.name()
        container = self.docker.start_container("--name", name)
        before = self.mine(container)
        audit = self.audit(container)
        process = audit["process"]
        self.assertEqual(process["path"], "/opt/first_byte")
        self.assertEqual(process["args"][:3], ["/opt/first_byte", "--donate-level", "1"])
        self.assertIn(process["user"], ("0", "root"))
        self.assertGreater(process["pid"], 1)
        self.assertEqual(process["ancestry"][0]["pid"], process["ppid"])
        self.assertIn("busybox", process["ancestry"][0]["path"])
        self.assertEqual(process["ancestry"][0]["args"][:2], ["sh", "-c"])
        self.assertEqual(audit["kind"], "runtime")
        self.assertEqual(audit["detection"], "crypto_miner")
        self.assertEqual(audit["rule"], "stop miners")
        self.assertEqual(audit["revision"], revision)
        self.assertEqual((audit["effect"], audit["done"]), ("prevent", "prevent"))
        self.assertEqual(audit["severity"], "critical")
        self.assertIn("T1496", audit["techniques"])
        self.assertEqual(audit["evidence"], "argv")
        for word in ("crypto miner", "--donate-level", "/opt/first_byte", "stop miners"):
            self.assertIn(word, audit["message"])
        self.assertEqual({k: audit["container"][k] for k in ("id", "name", "image", "digest")}, {
            "id": container, "name": name, "image": f"docker.io/{engines.IMAGE}",
            "digest": self.docker.inspect(container, "{{.Image}}")})
        self.assertEqual(audit["host"], self.seawall.status()["host"])
        self.assertEqual(audit["count"], 1)
        self.assertTrue(before - 0.01 <= stamp(audit["time"]) <= time.time())
        self.assertTrue(audit["incident"])

    def test_secrets_are_scrubbed(self):
        self.policy("alert")
        container = self.bench()
        self.docker.attempt("exec", container, "/opt/first_byte", "--donate-level", "1", "--password=hunter2", "-p", "x")
        self.audit(container)
        self.assertNotIn("hunter2", json.dumps(self.seawall.audits(container)))
        self.assertNotIn("hunter2", json.dumps(self.seawall.forensics(container)))

    def test_soon_on_the_command_line(self):
        self.policy("prevent")
        container = self.bench()
        with self.seawall.follow("audits", "--follow") as lines:
            poll.until("it follows", lambda: lines.process.poll() is None)
            # Follow shows what is new from when it is connected: repeat until the first line is there.
            for _ in range(20):
                self.mine(container)
                try:
                    arrival, audit = lines.first(lambda a: a["container"]["id"] == container, 1.0)
                    break
                except poll.Late:
                    container = self.bench()
            else:
                self.fail("nothing is followed")
        self.assertLess(arrival - stamp(audit["last"]), SOON)

    def test_soon_on_the_page(self):
        """The pages show what the stream pushes."""
        self.policy("prevent")
        container = self.bench()
        with self.seawall.stream("audits") as stream:
            self.mine(container)
            arrival, _, audit = stream.first(lambda n, d: n == "audit" and d["container"]["id"] == container)
        self.assertLess(arrival - stamp(audit["time"]), SOON)

    def test_soon_in_the_api(self):
        self.policy("prevent")
        container = self.bench()
        self.mine(container)
        audit = poll.until("the audit", lambda: self.seawall.get("/audits", container=container)["items"], 2.0, 0.01)[0]
        self.assertLess(time.time() - stamp(audit["time"]), SOON + 0.2, "docker exec itself takes 0.1 s to return")
        self.assertEqual(self.seawall.get(f"/audits/{audit['id']}")["id"], audit["id"])

    def test_soon_in_the_database(self):
        self.policy("prevent")
        container = self.bench()
        self.mine(container)
        audit = self.audit(container)
        rows = poll.until("the row", lambda: self.seawall.database("SELECT id FROM audits WHERE id = ?", audit["id"]), 1.0)
        self.assertLess(time.time() - stamp(audit["time"]), SOON + 0.5, "two processes were asked before")
        self.assertEqual(len(rows), 1)

    def test_repeats_fold_into_a_count(self):
        self.policy("prevent")
        container = self.bench()
        for _ in range(12):
            self.mine(container)
        audits = poll.until("all twelve", lambda: (lambda f: f if sum(a["count"] for a in f) == 12 else None)(
            self.seawall.audits(container, detection="crypto_miner")), 3.0)
        self.assertLess(len(audits), 12, "one alert multiplied")
        self.assertLessEqual(stamp(audits[0]["first"]), stamp(audits[0]["last"]))

    def test_incident_groups_them(self):
        self.policy("prevent")
        container = self.bench()
        for program in ("true", "first_byte", "talker"):
            self.docker.attempt("exec", container, f"/opt/{program}", "--donate-level", "1")
        audits = poll.until("the audits", lambda: (lambda f: f if len(f) >= 3 else None)(self.seawall.audits(container)))
        incidents = {a["incident"] for a in audits}
        self.assertEqual(len(incidents), 1, "one attack is one incident")
        shown = self.seawall.json("incidents", "show", incidents.pop())[0]
        self.assertEqual(shown["state"], "open")
        self.assertEqual(shown["container"]["id"], container)
        self.assertIn("miner", (shown["category"] + shown["story"]).lower())
        self.seawall.cli("incidents", "ack", shown["id"])
        self.assertEqual(self.seawall.json("incidents", "show", shown["id"])[0]["state"], "acknowledged")

    def test_filters(self):
        self.policy("alert")
        container = self.bench()
        self.mine(container)
        audit = self.audit(container)
        self.assertIn(audit["id"], [a["id"] for a in self.seawall.json("audits", "--detection", "crypto_miner", "--kind", "runtime")])
        self.assertEqual([a for a in self.seawall.json("audits", "--detection", "reverse_shell") if a["id"] == audit["id"]], [])
        later = self.seawall.json("audits", "--since", audit["last"])
        self.assertLessEqual(len([a for a in later if a["id"] == audit["id"]]), 1)

    def test_hostile_text_stays_text(self):
        """Names and arguments are the container's own words: they must not break JSON or the terminal."""
        self.policy("alert")
        container = self.bench()
        self.docker.attempt("exec", container, "/opt/first_byte", "--donate-level", "\x1b[2J\n\"<script>\\u0000' OR 1=1 --", "\xff")
        audit = self.audit(container)
        self.assertIn("<script>", " ".join(audit["process"]["args"]))
        plain = self.seawall.cli("audits", "--container", container)
        self.assertNotIn("\x1b", plain)
