# SPDX-License-Identifier: Apache-2.0
"""Storms of execs, connections and system calls, with and without Seawall in turns: what it costs others,
and what it costs itself."""
import subprocess
import time

from figures import POLICY, Figure, cpu_seconds, medians, resident, tell

import engines
from lib import paths, poll
from lib.seawall import Seawall


def took(text):
    wall, core = map(int, text.split())
    return wall / 1e9, core / 1e9


class Storms:
    """The loads; each gives the seconds that it took: (wall time, time of a core)."""

    def __init__(self, docker, share):
        self.docker = docker
        self.container = docker.start_container()
        self.loads = {
            "exec storm on the host": lambda: self.host("spawner", 20000 * share, paths.test_program("true")),
            "exec storm in a container": lambda: self.inside("spawner", 20000 * share, "/opt/true"),
            "connect storm in a container": lambda: self.inside("connector", 100000 * share),
            "connect storm on the host": lambda: self.host("connector", 100000 * share),
            "getppid loop": lambda: self.host("syscaller", 20_000_000 * share),
        }

    @staticmethod
    def host(name, count, *more):
        command = [paths.test_program(name), str(int(count)), *more]
        return took(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def inside(self, name, count, *more):
        return took(self.docker.docker("exec", self.container, f"/opt/{name}", str(int(count)), *more, timeout=600))

    def all(self):
        return {name: load() for name, load in self.loads.items()}


class With:
    """The same loads while Seawall is up, and what its Defender used meanwhile."""

    def __init__(self, storms, docker):
        self.storms, self.docker = storms, docker
        self.cpu, self.rss, self.idle = {}, [], []
        self.dropped_security = self.dropped_bulk = 0

    def all(self):
        seawall = Seawall(self.docker, self.docker.below)
        try:
            seawall.up()
            seawall.apply(POLICY.format(effect="prevent"))
            poll.until("the container is seen", lambda: seawall.container(self.storms.container))
            pid = seawall.processes()["seawall-defender"]
            seconds = {}
            for name, load in self.storms.loads.items():
                before = cpu_seconds(pid)
                seconds[name] = load()
                self.cpu.setdefault(name, []).append(cpu_seconds(pid) - before)
            self._rest(pid)
            self.rss.append(resident(pid))
            events = seawall.status()["events"]
            self.dropped_security += events["dropped_security"]
            self.dropped_bulk += events["dropped_bulk"]
        finally:
            seawall.destroy()
        return seconds

    def _rest(self, pid):
        """Share of a core that the Defender uses when nothing happens."""
        before, begun = cpu_seconds(pid), time.monotonic()
        poll.until("a few quiet seconds", lambda: time.monotonic() - begun > 3.0, 4.0, 0.5)
        self.idle.append((cpu_seconds(pid) - before) / (time.monotonic() - begun) * 100)


GOALS = {"exec storm on the host": 1.05, "exec storm in a container": 1.05, "getppid loop": 1.01}


def measure(share=1.0, times=7):
    docker = engines.docker()
    storms = Storms(docker, share)
    watched = With(storms, docker)
    pairs = []
    for number in range(times):
        if number % 2:
            b, a = watched.all(), storms.all()
        else:
            a, b = storms.all(), watched.all()
        pairs.append((a, b))
        tell(f"storms {number + 1}/{times}: " + ", ".join(f"{n} {b[n][0] / a[n][0]:.3f} ({b[n][1] / a[n][1]:.3f})" for n in a))
    docker.remove_containers()
    core = medians(pairs, 1)
    figures = [Figure(name, value, "ratio", GOALS.get(name), f"with / without, median of {times}; core time {core[name]:.3f}")
               for name, value in medians(pairs, 0).items()]
    figures += [Figure(f"Defender's CPU, {name}", max(values), "s", None, "most of all runs")
                for name, values in watched.cpu.items()]
    figures += [Figure("Defender's CPU at rest", min(watched.idle), "%", 0.3, "of one core"),
                Figure("Defender's resident memory", max(watched.rss), "MB", 20, "after the storms"),
                Figure("security events dropped", watched.dropped_security, "", 0),
                Figure("bulk events dropped", watched.dropped_bulk, "", 0)]
    return figures
