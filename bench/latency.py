# SPDX-License-Identifier: Apache-2.0
"""How soon: from a miner's exec to its death, to the death of its whole container, to the audit; and from a
container's start to the Radar."""
import os
import select
import time

from figures import POLICY, Figure, percentile, tell

import engines
from lib import poll
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


def blocked(docker, seawall, runs):
    """(kill, audit): milliseconds from the miner's exec, as the kernel timed it, to the death of the container's
    first process, and to the audit's arrival at a client of the stream."""
    seawall.apply(POLICY.format(effect="block"))
    kill, audit = [], []
    with seawall.stream("audits") as stream:
        for number in range(runs):
            container = docker.start_container("--network", "none")
            pidfd = os.pidfd_open(docker.inspect(container)["State"]["Pid"])
            watch = select.poll()
            watch.register(pidfd, select.POLLIN)
            docker.docker("exec", "-d", container, "/opt/first_byte", "--donate-level", "1", check=False)
            gone = watch.poll(5000)
            dead = time.time()
            os.close(pidfd)
            arrival, _, record = stream.first(lambda n, d, c=container: n == "audit" and d["container"]["id"] == c)
            if gone:
                kill.append((dead - stamp(record["first"])) * 1e3)
            else:
                tell(f"run {number}: not killed")
                kill.append(5000.0)
            audit.append((arrival - stamp(record["first"])) * 1e3)
            docker.docker("rm", "-f", container)
    return kill, audit


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


def measure(share=1.0, times=7):
    runs = max(5, int(200 * share))
    docker = engines.docker()
    seawall = Seawall(docker, docker.below)
    try:
        seawall.up()
        rows = [("exec to kill, prevent", prevented(docker, seawall, runs), None, None)]
        kill, audit = blocked(docker, seawall, runs)
        rows += [("exec to kill, whole container", kill, None, 5), ("exec to audit at the client", audit, None, 500),
                 ("start to Radar", visible(docker, seawall, max(5, runs // 4)), None, 1000)]
    finally:
        seawall.destroy()
    figures = []
    for name, values, half, all_but_one in rows:
        figures += [Figure(f"{name}, p50", percentile(values, 0.5), "ms", half, f"{len(values)} runs"),
                    Figure(f"{name}, p99", percentile(values, 0.99), "ms", all_but_one, f"{len(values)} runs")]
    return figures
