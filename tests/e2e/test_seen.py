# SPDX-License-Identifier: Apache-2.0
"""Whatever a container does is seen, at once and under its name."""
import threading
import time

import engines
import scene
from lib import poll


class Seen(scene.Scene):
    LONG = True

    def test_container_within_a_second(self):
        name = self.name()
        container = self.docker.start_container("--name", name)
        begun = time.monotonic()
        record = poll.until("the container is listed", lambda: self.seawall.container(container), 1.0)
        self.assertLess(time.monotonic() - begun, 1.0)
        self.assertEqual(record["name"], name)
        self.assertEqual(record["image"], "docker.io/" + engines.IMAGE)
        self.assertEqual(record["digest"], self.docker.inspect(container, "{{.Image}}"))
        self.assertEqual(record["runtime"], "docker")
        self.assertEqual(record["state"], "running")
        self.assertEqual(record["pid"], self.docker.inspect(container)["State"]["Pid"])

    def test_container_is_pushed_to_the_radar(self):
        with self.seawall.stream("radar") as stream:
            begun = time.time()
            container = self.docker.start_container()
            started = time.time()
            arrival, _, data = stream.first(
                lambda _, d: d.get("op") == "node" and d["node"]["id"] == f"container:{container}", 5)
        self.assertLess(arrival - started, 1.0, f"{arrival - begun} s after docker run began")
        self.assertEqual(data["node"]["kind"], "container")
        self.assertEqual(data["node"]["parent"], f"image:docker.io/{engines.IMAGE}")

    def test_edge_within_a_second(self):
        with self.docker.outside(5556) as outside:
            container = self.docker.start_container(
                "-e", f"TALK_TO={engines.OUTSIDE},5556", "-e", "TALK_TEXT=hello", command=("/opt/talker",))
            poll.until("the connection stands", lambda: b"hello" in outside.heard)
            edge = poll.until("the edge is on the radar", lambda: [
                e for e in self.seawall.get("/radar")["edges"] if e["from"] == f"container:{container}"], 1.0)[0]
        self.assertEqual((edge["proto"], edge["port"], edge["process"]), ("tcp", 5556, "/opt/talker"))
        self.assertEqual(edge["country"], engines.OUTSIDE_COUNTRY)
        self.assertEqual(edge["to"], f"internet:{engines.OUTSIDE_COUNTRY}")
        self.assertEqual(edge["addresses"], [engines.OUTSIDE])

    def test_edge_between_containers(self):
        server = self.docker.start_container(command=("/opt/sink", "0.0.0.0", "7777", "60"))
        address = self.docker.inspect(server, "{{.NetworkSettings.IPAddress}}")
        client = self.docker.start_container("-e", f"TALK_TO={address},7777", "-e", "TALK_TEXT=hello",
                                             command=("/opt/talker",))
        poll.until("an edge from one container to the other", lambda: [
            e for e in self.seawall.get("/radar")["edges"]
            if e["from"] == f"container:{client}" and e["to"] == f"container:{server}" and e["port"] == 7777], 2.0)

    def test_cli_radar_is_the_same(self):
        container = self.docker.start_container()
        poll.until("the node", lambda: [n for n in self.seawall.json("radar")[0]["nodes"]
                                        if n["id"] == f"container:{container}"], 1.0)

    def test_containerd_container(self):
        engine = engines.containerd()
        engine.ctr("run", "-d", "--null-io", "--cgroup", f"/{engine.name}/plain", f"docker.io/{engines.IMAGE}", "plain",
                   "sleep", "100")
        try:
            record = poll.until("the containerd container", lambda: [
                c for c in self.seawall.json("containers") if c["id"] == "plain"], 2.0)[0]
            self.assertEqual(record["runtime"], "containerd")
            self.assertEqual(record["image"], f"docker.io/{engines.IMAGE}")
            self.assertTrue(record["digest"].startswith("sha256:"))
        finally:
            engine.remove_containers()

    def test_docker_containers_are_not_listed_twice(self):
        container = self.docker.start_container()
        poll.until("listed", lambda: self.seawall.container(container))
        same = [c for c in self.seawall.json("containers", "--all") if c["id"] == container]
        self.assertEqual(len(same), 1)

    def test_two_hundred_short_lives(self):
        count, started, bad = 200, [], {}

        def start(number):
            for _ in range(number):
                started.append(self.docker.start_container("--network", "none", command=("sleep", "0.05")))
        threads = [threading.Thread(target=start, args=(count // 2,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(started), count)
        for container in started:
            try:
                poll.until("all of its records", lambda c=container: self._complete(c), 10.0, 0.2)
            except poll.Late as late:
                bad[container[:12]] = str(late)[-300:]
        self.assertEqual(bad, {}, f"{len(bad)} of {count} containers lack records")

    def _complete(self, container):
        """Exactly one start, one exec, one exit of the same process; and every record has a name."""
        events = self.seawall.forensics(container)
        name = self.docker.inspect(container, "{{.Name}}").lstrip("/")
        self.assertEqual([e for e in events if e["container"] != container or e["container_name"] != name], [])
        self.assertEqual(len([e for e in events if e["type"] == "start"]), 1)
        # The runtime may join the cgroup before it becomes `runc init`: that exec is the container's, too.
        execs = [e for e in events if e["type"] == "exec" and e["args"] != ["runc", "init"]]
        self.assertEqual([e["args"] for e in execs], [["sleep", "0.05"]])
        exits = [e for e in events if e["type"] == "exit" and e["pid"] == execs[0]["pid"]]
        self.assertEqual([e["exit_code"] or 0 for e in exits], [0])
        return True
