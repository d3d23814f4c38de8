# SPDX-License-Identifier: Apache-2.0
"""How soon: from a miner's exec to its death, to the death of its whole container, to the audit; and from a
container's start to the Radar."""
import os
import select
import time

from figures import POLICY, Figure, percentile

import engines
from lib import poll, procs
from lib.seawall import Seawall, stamp


def prevented(docker, seawall, runs):
    """Milliseconds from the spawn of a denied program to the news of its death, seen by its parent."""
    seawall.apply(POLICY.format(effect="prevent"))
    container = docker.start_container()
    poll.until("seen", lambda: seawall.container(container))
    # By its name: its arguments would be the spawner's own, too.
    docker.docker("exec", container, "cp", "/opt/first_byte", "/tmp/xmrig")
    out = docker.docker("exec", container, "/opt/spawner", "-k", str(runs), "/tmp/xmrig", timeout=120)
    docker.docker("rm", "-f", container)
    return [int(line) / 1e6 for line in out.split()]


def last_exit(seawall, container, pids, begun):
    """Milliseconds from `begun` until the last of the processes began to exit: no instruction of it ran after that."""
    def exits():
        found = {e["pid"]: stamp(e["time"]) for e in seawall.forensics(container) if e["type"] == "exit"}
        return [found[pid] for pid in pids] if set(pids) <= set(found) else None
    return (max(poll.until("all exits are recorded", exits)) - begun) * 1e3


def blocked(docker, seawall, runs):
    """{name: milliseconds}, all from the miner's exec as the kernel timed it: until the last process of its container
    exits, until the first process is gone for its parent too (namespaces and mounts taken down), and until the audit
    has arrived at a client of the stream."""
    seawall.apply(POLICY.format(effect="block"))
    kill, gone, audit = [], [], []
    with seawall.stream("audits") as stream:
        for number in range(runs):
            container = docker.start_container("--network", "none", command=("sh", "-c", "sleep 600 & sleep 601 & wait"))
            pids = poll.until("its processes", lambda c=container: (lambda p: p if len(p) == 3 else None)(
                procs.in_cgroup(docker.cgroup(c))))
            pidfd = os.pidfd_open(docker.inspect(container)["State"]["Pid"])
            watch = select.poll()
            watch.register(pidfd, select.POLLIN)
            docker.docker("exec", "-d", container, "/opt/first_byte", "--donate-level", "1", check=False)
            if not watch.poll(5000):
                raise AssertionError(f"run {number}: the container was not killed")
            dead = time.time()
            os.close(pidfd)
            arrival, _, record = stream.first(lambda n, d, c=container: n == "audit" and d["container"]["id"] == c)
            begun = stamp(record["first"])
            kill.append(last_exit(seawall, container, pids, begun))
            gone.append((dead - begun) * 1e3)
            audit.append((arrival - begun) * 1e3)
            docker.docker("rm", "-f", container)
    return {"exec to last exit, block": kill, "exec to container gone, block": gone, "exec to audit at the client": audit}


def visible(docker, seawall, runs):
    """Milliseconds from the start of a container, as Docker timed it, to its node on the stream of the Radar."""
    found = []
    with seawall.stream("radar") as stream:
        for _ in range(runs):
            container = docker.start_container("--network", "none")
            started = stamp(docker.inspect(container)["State"]["StartedAt"])
            arrival, _, _ = stream.first(lambda n, d, c=container: d.get("op") == "node"
                                         and d["node"]["id"] == f"container:{c}")
            found.append((arrival - started) * 1e3)
            docker.docker("rm", "-f", container)
    return found


GOALS = {"exec to last exit, block": 5, "exec to audit at the client": 500, "start to Radar": 1000}  # p99, ms


def measure(share=1.0, _pairs=7):
    runs = max(5, int(200 * share))
    docker = engines.docker()
    seawall = Seawall(docker, docker.below)
    try:
        seawall.up()
        rows = {"exec to death, prevent": prevented(docker, seawall, runs), **blocked(docker, seawall, runs),
                "start to Radar": visible(docker, seawall, max(5, runs // 4))}
    finally:
        seawall.destroy()
    figures = []
    for name, values in rows.items():
        figures += [Figure(f"{name}, p50", percentile(values, 0.5), "ms", None, f"{len(values)} runs"),
                    Figure(f"{name}, p99", percentile(values, 0.99), "ms", GOALS.get(name), f"{len(values)} runs")]
    return figures
