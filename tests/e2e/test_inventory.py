# SPDX-License-Identifier: Apache-2.0
"""Which containers exist: what the Gate makes of a real engine, and how it stops one for good."""
import concurrent.futures
import io
import json
import os
import signal
import subprocess
import tarfile
import time

import engines
import scene
from lib import poll
from lib.gate import Gate
from lib.seawall import stamp

SHORT_LIVES = 40
IMAGE = f"docker.io/{engines.IMAGE}"


class Docker(scene.Engine):
    """Docker's inventory."""

    def setUp(self):
        self.gate = Gate("--docker", self.docker.socket)
        self.addCleanup(self.gate.close)

    def test_from_its_create_event(self):
        self.gate.synced()
        name = self.name()
        container = self.docker.start_container("--name", name, "--label", "team=blue", "--label",
                                                "com.docker.compose.project=shop", "--restart", "on-failure")
        first = self.gate.picture(id=container)
        self.assertEqual((first["name"], first["image"], first["state"]), (name, IMAGE, "created"))
        self.assertEqual(first["labels"]["team"], "blue")
        inspected = self.docker.inspect(container)
        full = self.gate.picture(id=container, state="running", pid=inspected["State"]["Pid"])
        self.assertEqual(full["digest"], inspected["Image"])
        self.assertEqual(full["restart_policy"], "on-failure")
        self.assertEqual(full["compose_project"], "shop")
        self.assertEqual(full["networks"], ["bridge"])
        self.assertEqual(full["runtime"], "docker")
        self.assertFalse(full["privileged"])
        self.gate.picture(id=container, addresses=[inspected["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]])

    def test_life(self):
        self.gate.synced()
        name = self.name()
        container = self.docker.start_container("--name", name)
        self.gate.picture(id=container, state="running")
        self.docker.docker("pause", container)
        self.gate.picture(id=container, state="paused")
        since = len(self.gate.messages)
        self.docker.docker("unpause", container)
        self.gate.picture(since=since, id=container, state="running")
        self.docker.docker("rename", container, name + "-2")
        self.gate.picture(id=container, name=name + "-2")
        self.docker.docker("update", "--restart", "always", container)
        self.gate.picture(id=container, restart_policy="always")
        self.docker.docker("update", "--restart", "no", container)
        self.docker.docker("kill", "-s", "KILL", container)
        exited = self.gate.picture(id=container, state="exited", exit_code=137)
        self.assertEqual(exited["pid"], 0)
        since = len(self.gate.messages)
        self.docker.docker("start", container)
        again = self.gate.picture(since=since, id=container, state="running")
        self.assertGreaterEqual(stamp(again["started"]), stamp(exited["finished"]))
        self.docker.docker("rm", "-f", container)
        self.gate.picture(id=container, state="removed", name=name + "-2")

    def test_privileged(self):
        self.gate.synced()
        container = self.docker.docker("create", "--privileged", "--name", self.name(), engines.IMAGE, "true")
        self.gate.picture(id=container, state="created", privileged=True)

    def test_networks(self):
        self.gate.synced()
        network = self.name()
        third = self.docker.subnet.split(".")[2]
        self.docker.docker("network", "create", "--subnet", f"10.198.{third}.0/24", network)
        self.addCleanup(self.docker.docker, "network", "rm", network)
        container = self.docker.start_container("--name", self.name())
        self.addCleanup(self.docker.remove_containers)
        own = self.docker.inspect(container)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
        self.gate.picture(id=container, networks=["bridge"], addresses=[own])
        self.docker.docker("network", "connect", "--ip", f"10.198.{third}.9", network, container)
        both = poll.until("both networks", lambda: [p for p in self.gate.pictures(id=container) if len(p["networks"]) == 2])[0]
        self.assertEqual(set(both["networks"]), {"bridge", network})
        self.assertEqual(set(both["addresses"]), {own, f"10.198.{third}.9"})
        since = len(self.gate.messages)
        self.docker.docker("network", "disconnect", network, container)
        self.gate.picture(since=since, id=container, networks=["bridge"], addresses=[own])

    def test_first_picture(self):
        names = {self.name() for _ in range(5)}
        for name in names:
            self.docker.start_container("--name", name)
        gate = Gate("--docker", self.docker.socket)
        self.addCleanup(gate.close)
        gate.synced()
        there = gate.messages[:[m["type"] for m in gate.messages].index("synced")]
        complete = {m["body"]["name"] for m in there if m["type"] == "container" and m["body"]["pid"] and m["body"]["digest"]}
        self.assertLessEqual(names, complete)
        version = self.docker.docker("version", "--format", "{{.Server.Version}}")
        status = gate.of("runtime")[-1]["body"]
        self.assertEqual((status["kind"], status["state"], status["version"], status["socket"]),
                         ("docker", "connected", version, self.docker.socket))

    def test_short_lives(self):
        """Containers of 50 ms each are whole in name and image, every one, at once."""
        self.gate.synced()
        prefix = self.name()

        def live(number):
            return self.docker.docker("run", "--rm", "--net", "none", "--name", f"{prefix}-{number}", engines.IMAGE,
                                      "sleep", "0.05", timeout=120)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(live, range(SHORT_LIVES)))
        poll.until("all of them are gone again",
                   lambda: len([p for p in self.gate.pictures(state="removed") if p["name"].startswith(prefix)]) == SHORT_LIVES)
        lives, moments, delays = {}, {}, []
        for message in self.gate.of("container"):
            body = message["body"]
            self.assertTrue(body["name"])
            if not body["name"].startswith(prefix):  # of an earlier test: the stream begins a second ago
                continue
            self.assertEqual(body["image"], IMAGE)
            moments.setdefault(body["id"], set()).update(filter(None, (body["started"], body["finished"])))
            if body["id"] not in lives:
                delays.append(message["at"] / 1e6 - stamp(body["created"]) * 1e3)
            lives.setdefault(body["id"], []).append(body["state"])
        self.assertEqual(len(lives), SHORT_LIVES)
        for states in lives.values():
            self.assertEqual(list(dict.fromkeys(states)), ["created", "running", "exited", "removed"])
        self.assertEqual({len(m) for m in moments.values()}, {2}, "each started once and ended once")
        delays.sort()
        print(f"# create event to Defender, {SHORT_LIVES} containers, 8 at a time: p50 {delays[len(delays) // 2]:.1f} ms, "
              f"p99 {delays[int(len(delays) * 0.99)]:.1f} ms, longest {delays[-1]:.1f} ms", flush=True)
        self.assertLess(delays[len(delays) // 2], 50)

    def test_image_by_id(self):
        """A container run by its image's id is judged by the image's name."""
        self.gate.synced()
        image = self.docker.docker("image", "inspect", "--format", "{{.Id}}", engines.IMAGE)
        for reference in (image, image.removeprefix("sha256:")[:12]):
            name = self.name()
            self.docker.docker("run", "--rm", "--net", "none", "--name", name, reference, "true")
            self.assertEqual({p["image"] for p in self.gate.pictures(name=name)}, {IMAGE})

    def test_defender_comes_back(self):
        container = self.docker.start_container("--name", self.name())
        self.gate.picture(id=container, state="running")
        self.gate.kill_peer()
        later = self.docker.start_container("--name", self.name())
        since = len(self.gate.messages)
        self.gate.start_peer()
        self.gate.synced(since)
        for wanted in (container, later):
            self.assertTrue(self.gate.pictures(since, id=wanted, state="running"))
        another = self.docker.start_container("--name", self.name())
        self.gate.picture(since=since, id=another, state="running")

    def test_confined(self):
        self.gate.synced()
        with open(f"/proc/{self.gate.gate.pid}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        self.assertNotIn("0", status["Uid"].split())
        self.assertEqual(status["Groups"].strip(), "")
        self.assertEqual({int(status[k], 16) for k in ("CapPrm", "CapEff", "CapInh", "CapAmb")}, {0})
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")
        self.assertEqual(os.readlink(f"/proc/{self.gate.gate.pid}/root"), self.gate.folder)

    def stop_after(self, delay):
        """A container with --restart always is killed from outside, and stopped that much later."""
        container = self.docker.start_container("--name", self.name(), "--restart", "always",
                                                command=("sh", "-c", "echo kept > /tmp/evidence; sleep 600"))
        self.gate.picture(id=container, state="running")
        if delay is not None:
            os.kill(int(self.docker.inspect(container, "{{.State.Pid}}")), signal.SIGKILL)
            time.sleep(delay)
        answer = self.gate.stop_container("docker", container)
        self.assertEqual((answer["error"], answer["message"]), (0, "stopped, restart policy 'no'"))
        return container

    def test_stop_at_any_moment(self):
        """Before, during and after Docker's own restart of a killed container, which waits 100 ms."""
        for delay in (None, 0, 0.095, 0.105, 0.4):
            with self.subTest(delay=delay):
                container = self.stop_after(delay)
                poll.always("it stays dead", lambda: not self.docker.running(container), 0.6)  # pylint: disable=W0640
                self.assertEqual(self.docker.inspect(container, "{{.HostConfig.RestartPolicy.Name}}"), "no")
                export = subprocess.run([self.docker.client, "-H", self.docker.host, "export", container], check=True,
                                        capture_output=True, timeout=30)
                with tarfile.open(fileobj=io.BytesIO(export.stdout)) as tar:
                    self.assertEqual(tar.extractfile("tmp/evidence").read(), b"kept\n")
                self.docker.remove_containers()

    def test_stop_of_a_loop(self):
        """One that is killed whenever it starts, as a blocked container is."""
        container = self.docker.start_container("--name", self.name(), "--restart", "always", command=("false",))
        poll.until("it was restarted", lambda: int(self.docker.inspect(container, "{{.RestartCount}}")) >= 2, 10)
        self.assertEqual(self.gate.stop_container("docker", container)["error"], 0)
        count = self.docker.inspect(container, "{{.RestartCount}}")
        poll.always("it is not restarted", lambda: not self.docker.running(container) and
                    self.docker.inspect(container, "{{.RestartCount}}") == count, 2.0)

    def test_stop_of_one_that_removes_itself(self):
        container = self.docker.start_container("--name", self.name(), "--rm")
        self.gate.picture(id=container, state="running")
        self.assertEqual(self.gate.stop_container("docker", container)["error"], 0)
        self.gate.picture(id=container, state="removed")

    def test_stop_of_what_is_not_there(self):
        self.gate.synced()
        self.assertEqual(self.gate.stop_container("docker", "0" * 64)["error"], 0)
        self.assertLess(self.gate.stop_container("containerd", "0" * 64)["error"], 0)
        self.assertLess(self.gate.stop_container("docker", "../../info")["error"], 0)


class Restarts(scene.Engine):
    """The engine goes away and comes back; it has one of its own for that."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.docker = engines.Docker(engines.containerd())
        cls.addClassCleanup(cls.docker.stop)

    def setUp(self):
        self.gate = Gate("--docker", self.docker.socket)
        self.addCleanup(self.gate.close)
        self.gate.synced()

    def came_back(self, since):
        """Everything is known again, soon after the engine answers; how much later."""
        self.docker.start()
        answered = time.time()
        self.gate.synced(since)
        late = self.gate.of("synced", since)[0]["at"] / 1e9 - answered
        self.assertLess(late, 2)
        self.assertEqual(self.gate.of("runtime")[-1]["body"]["state"], "connected")

    def away(self, since):
        return poll.until("the engine is missed", lambda: [
            m for m in self.gate.of("runtime", since) if m["body"]["state"].startswith("away: ")])

    def test_killed_and_restarted(self):
        kept = self.docker.start_container("--name", self.name())
        ends = self.docker.start_container("--name", self.name(), command=("sleep", "600"))
        self.gate.picture(id=ends, state="running")
        since = len(self.gate.messages)
        pid = int(self.docker.inspect(ends, "{{.State.Pid}}"))
        self.docker.end_daemon(hard=True)
        self.away(since)
        os.kill(pid, signal.SIGKILL)  # behind the engine's back
        self.came_back(since)
        self.gate.picture(since=since, id=ends, state="exited")
        self.assertEqual(self.gate.pictures(since, id=kept)[-1]["state"], "running")
        new = self.docker.start_container("--name", self.name())
        self.gate.picture(since=since, id=new, state="running")

    def test_order_given_while_away(self):
        container = self.docker.start_container("--name", self.name(), "--restart", "always")
        self.gate.picture(id=container, state="running")
        since = len(self.gate.messages)
        self.docker.end_daemon(hard=True)
        self.away(since)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(self.gate.stop_container, "docker", container)
            self.came_back(since)
            self.assertEqual(answer.result(20)["error"], 0)
        poll.always("it stays dead", lambda: not self.docker.running(container), 1.0)
        self.docker.end_daemon()
        self.docker.start()
        poll.always("it stays dead after another start", lambda: not self.docker.running(container), 1.0)


class Containerd(scene.Engine):
    """containerd's inventory, of an engine of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engine = engines.Containerd()
        cls.addClassCleanup(cls.engine.stop)
        cls.engine.load(cls.docker)
        cls.digest = next(line.split()[2] for line in cls.engine.ctr("images", "ls").splitlines() if IMAGE in line)

    def setUp(self):
        self.gate = Gate("--containerd", self.engine.address)
        self.addCleanup(self.gate.close)
        self.addCleanup(self.engine.remove_containers)
        self.gate.synced()

    def start_container(self, name, *arguments, command=("sleep", "600")):
        self.engine.ctr("run", "-d", *arguments, IMAGE, name, *command)
        return name

    def test_life(self):
        name = self.name()
        self.start_container(name, "--label", "io.kubernetes.pod.name=pay-1", "--label",
                             "io.kubernetes.pod.namespace=pay")
        first = self.gate.picture(id=name)
        self.assertEqual((first["name"], first["image"], first["runtime"], first["state"]),
                         (name, IMAGE, "containerd", "created"))
        pid = int(next(line.split()[1] for line in self.engine.ctr("tasks", "ls").splitlines() if line.startswith(name)))
        self.gate.picture(id=name, state="running", pid=pid, digest=self.digest, pod="pay-1", namespace="pay")
        kinds = [(m["type"], m["body"].get("state")) for m in self.gate.messages
                 if m["type"] == "process_started" or m["type"] == "container" and m["body"]["id"] == name]
        started = self.gate.of("process_started")
        self.assertEqual([m["body"] for m in started], [{"container": name, "pid": pid}])
        self.assertLess(kinds.index(("process_started", None)), kinds.index(("container", "running")))
        self.assertGreater(kinds.index(("process_started", None)), kinds.index(("container", "created")))
        self.engine.ctr("tasks", "exec", "--exec-id", "one-more", name, "true")
        self.assertFalse(self.gate.pictures(id=name, state="exited"))
        self.engine.ctr("tasks", "pause", name)
        self.gate.picture(id=name, state="paused")
        self.engine.ctr("tasks", "resume", name)
        self.engine.ctr("tasks", "kill", "-s", "SIGKILL", name)
        self.gate.picture(id=name, state="exited", exit_code=137, pid=0)
        self.engine.ctr("tasks", "delete", name, check=False)
        self.engine.ctr("containers", "delete", name)
        self.gate.picture(id=name, state="removed", image=IMAGE)

    def test_first_picture(self):
        running, ended, idle = self.name(), self.name(), self.name()
        self.start_container(running)
        self.start_container(ended, command=("false",))
        self.engine.ctr("containers", "create", IMAGE, idle)
        self.gate.picture(id=ended, state="exited")
        gate = Gate("--containerd", self.engine.address)
        self.addCleanup(gate.close)
        gate.synced()
        there = {m["body"]["id"]: m["body"] for m in gate.messages[:[m["type"] for m in gate.messages].index("synced")]
                 if m["type"] == "container"}
        self.assertGreater(there[running]["pid"], 0)
        self.assertEqual((there[running]["state"], there[running]["image"]), ("running", IMAGE))
        self.assertEqual((there[ended]["state"], there[ended]["exit_code"]), ("exited", 1))
        self.assertEqual((there[idle]["state"], there[idle]["pid"]), ("created", 0))
        self.assertEqual(self.gate.stop_container("containerd", running)["error"], 0)

    def test_short_lives(self):
        prefix, many = self.name(), 40

        def live(number):
            self.engine.ctr("run", "--rm", IMAGE, f"{prefix}-{number}", "sleep", "0.05", timeout=120)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(live, range(many)))
        poll.until("all are gone", lambda: len(self.gate.pictures(state="removed")) >= many)
        started = {m["body"]["container"] for m in self.gate.of("process_started")}
        for number in range(many):
            mine = self.gate.pictures(id=f"{prefix}-{number}")
            self.assertEqual({p["image"] for p in mine}, {IMAGE})
            self.assertEqual(list(dict.fromkeys(p["state"] for p in mine)), ["created", "running", "exited", "removed"])
            self.assertIn(f"{prefix}-{number}", started)

    def test_stop_of_one_that_is_restarted(self):
        """By containerd's own restart monitor, as nerdctl run --restart asks it to."""
        name = self.start_container(self.name(), "--label", "containerd.io/restart.status=running", "--label", "a=b")
        self.gate.picture(id=name, state="running", pod=None)
        poll.until("its labels are known", lambda: self.gate.pictures(id=name)[-1]["labels"].get("a"))
        self.assertEqual(self.gate.stop_container("containerd", name)["error"], 0)
        labels = json.loads(self.engine.ctr("containers", "info", name))["Labels"]
        self.assertEqual((labels["containerd.io/restart.status"], labels["a"]), ("stopped", "b"))

    def test_docker_is_left_to_docker(self):
        gate = Gate("--containerd", self.docker.below.address)
        self.addCleanup(gate.close)
        gate.synced()
        container = self.docker.start_container("--name", self.name())
        poll.until("it runs", lambda: self.docker.running(container))
        poll.always("it is not reported twice", lambda: not gate.pictures(id=container), 0.5)

    def test_killed_and_restarted(self):
        kept = self.start_container(self.name())
        self.gate.picture(id=kept, state="running")
        since = len(self.gate.messages)
        self.engine.end_daemon(hard=True)
        poll.until("the engine is missed", lambda: [m for m in self.gate.of("runtime", since)
                                                    if m["body"]["state"].startswith("away: ")])
        self.engine._spawn(self.engine.program, "--config", os.path.join(self.engine.scratch, "config.toml"))  # pylint: disable=W0212
        self.gate.synced(since, 20)
        self.assertEqual(self.gate.pictures(since, id=kept)[-1]["state"], "running")
        new = self.start_container(self.name())
        self.gate.picture(since=since, id=new, state="running")
