# SPDX-License-Identifier: Apache-2.0
"""The flight recorder: the whole story of a container in order, from before the alarm to after its end."""
import engines
import scene
from lib import poll
from lib.seawall import stamp


class Forensics(scene.Scene):

    def story(self, name):
        """A container that works, connects, mines, is blocked and removed; its id."""
        with self.docker.outside(8989) as outside:
            container = self.docker.start_container("--name", name)
            self.inside(container, "cat /etc/passwd > /tmp/copy")
            self.docker.docker("exec", "-e", f"TALK_TO={engines.OUTSIDE},8989", "-e", "TALK_TEXT=fetch\n",
                               "-e", "TALK_SECONDS=1", container, "/opt/talker")
            poll.until("heard", lambda: b"fetch" in outside.heard)
            self.docker.attempt("exec", container, "/opt/first_byte", "--donate-level", "1")
            poll.until("it is blocked", lambda: not self.docker.running(container))
            self.docker.docker("rm", "-f", container)
        return container

    def complete(self, events):
        return all(any(e["type"] == t for e in events)
                   for t in ("create", "start", "exec", "exit", "connect", "audit", "stop", "remove")) and events

    def test_the_whole_story_after_removal(self):
        self.policy("block")
        name = self.name()
        container = self.story(name)
        events = poll.until("the story is complete", lambda: self.complete(self.seawall.forensics(container)), 5.0, 0.2)
        self.assertEqual([e for e in events if e["container"] != container or e["container_name"] != name], [])
        times = [stamp(e["time"]) for e in events]
        self.assertEqual(times, sorted(times), "not in time order")
        order = {}
        for number, event in enumerate(events):
            for key in (event["type"], f"{event['type']} {event.get('path')}"):
                order.setdefault(key, number)
        steps = ["create", "start", "exec /bin/busybox", "exec /opt/talker", "connect", "audit", "stop", "remove"]
        self.assertEqual(sorted(steps, key=lambda s: order.get(s, -1)), steps, order)
        connect = events[order["connect"]]
        self.assertEqual((connect["path"], connect["address"], connect["port"], connect["proto"], connect["country"]),
                         ("/opt/talker", engines.OUTSIDE, 8989, "tcp", engines.OUTSIDE_COUNTRY))
        audit = events[order["audit"]]
        self.assertEqual((audit["detection"], audit["effect"], audit["done"]), ("crypto_miner", "block", "block"))
        self.assertTrue(self.seawall.get(f"/audits/{audit['audit']}"))
        mined = [e for e in events if e["type"] == "exec" and e["path"] == "/opt/first_byte"]
        self.assertEqual(mined[0]["args"], ["/opt/first_byte", "--donate-level", "1"])
        killed = [e for e in events if e["type"] == "exit" and e["pid"] == mined[0]["pid"]]
        self.assertEqual(killed[0]["exit_signal"], 9)
        with self.subTest("by name, and by the beginning of the id"):
            self.assertEqual(len(self.seawall.forensics(name)), len(events))
            self.assertEqual(len(self.seawall.forensics(container[:12])), len(events))
        with self.subTest("API"):
            self.assertEqual([e["seq"] for e in self.seawall.get(f"/forensics/{container}", limit=1000)["items"]],
                             [e["seq"] for e in events])

    def test_interval(self):
        self.policy("alert")
        container = self.bench()
        for number in range(5):
            self.docker.docker("exec", container, "/opt/true", str(number))
        events = poll.until("five", lambda: (lambda f: f if len(f) == 5 else None)(
            [e for e in self.seawall.forensics(container) if e["path"] == "/opt/true" and e["type"] == "exec"]))
        some = self.seawall.json("forensics", container, "--since", events[2]["time"])
        self.assertEqual([e["args"][1] for e in some if e["path"] == "/opt/true" and e["type"] == "exec"], ["2", "3", "4"])
        some = self.seawall.json("forensics", container, "--until", events[1]["time"])
        self.assertNotIn("4", [e["args"][1] for e in some if e["path"] == "/opt/true" and e["type"] == "exec"])

    def test_unknown_container(self):
        self.seawall.cli("forensics", "no-such-container", "--json", code=1)

    def test_long_arguments_are_whole(self):
        self.policy("alert")
        container = self.bench()
        long = "x" * 20000
        self.docker.docker("exec", container, "/opt/true", long, "end")
        event = poll.until("the exec", lambda: [e for e in self.seawall.forensics(container)
                                                if e["type"] == "exec" and e["path"] == "/opt/true"])[0]
        self.assertEqual(event["args"], ["/opt/true", long, "end"])
        self.assertFalse(event.get("args_truncated"))
