# SPDX-License-Identifier: Apache-2.0
"""What the gates cost those who pass: dockerd's question to the authorization plugin, the shim in front of runc, and
ten thousand commands a second for half a minute."""
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

from figures import Figure, percentile, resident, tell

import engines
from lib import authz, poll
from lib.seawall import Seawall

POLICY = """version: 1
trust:
  groups: [{name: test, images: ["seawall-test/*", "docker.io/library/*"]}]
  rules: [{name: only test, allowed: [test], effect: block}]
compliance:
  - {name: basics, checks: {privileged: block, host_pid: alert, docker_socket: block}}
access:
  - {name: no exec as root, actions: [container_exec_create], when: {exec_users: [root]}, effect: deny, message: ask the platform team}
  - {name: no privileged, actions: [container_create], when: {privileged: true}, effect: deny}
  - {name: the rest, effect: allow}
"""
PROGRAMS = ("seawall-gate", "seawall-defender", "seawall-console")


def sock(seawall, name="authz.sock"):
    return os.path.join(seawall.state, "gate", name)


def round_trips(seawall, files, share):
    """One question after the other over one connection, as a quiet engine asks."""
    count = max(200, int(5000 * share))
    figures = []
    for name, label in (("read", "a read-only command"), ("create", "a container create of 3 KB")):
        authz.ask(sock(seawall), 0, 200, 1, "allow", files[name])  # warm
        found = authz.ask(sock(seawall), 0, count, 1, "allow", files[name])
        assert not found["wrong"] and not found["broken"], found
        figures += [Figure(f"authz, {label}, p50", found["p50_ms"], "ms", None, f"{count} questions"),
                    Figure(f"authz, {label}, p99", found["p99_ms"], "ms", 1, f"{count} questions")]
    return figures


# ---- the shim ----

def bundle(docker, folder):
    """A bundle of runc's whose container is over at once, named as a CRI engine names its containers."""
    root = os.path.join(folder, "rootfs")
    os.makedirs(root)
    subprocess.run(["tar", "-x", "-C", root], input=engines.rootfs(), check=True)
    subprocess.run(["runc", "spec"], cwd=folder, check=True)
    path = os.path.join(folder, "config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    config["process"] |= {"terminal": False, "args": ["/opt/true"]}
    config["linux"]["cgroupsPath"] = f"/{docker.name}/bench"
    config["annotations"] = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.container-name": "bench",
                             "io.kubernetes.cri.image-name": f"docker.io/{engines.IMAGE}"}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    return folder


def took(*command, env=None):
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=env)
    return (time.perf_counter() - begun) * 1e3


def paired(name, plain, behind, pairs, most):
    """Alternating runs; the median of the differences, beside that of the plain ones."""
    plain(), behind()  # warm
    differences, base = [], []
    for number in range(pairs):
        if number % 2:
            b, a = behind(), plain()
        else:
            a, b = plain(), behind()
        differences.append(b - a)
        base.append(a)
    differences.sort()
    low, high = percentile(differences, 0.25), percentile(differences, 0.75)
    return Figure(name, statistics.median(differences), "ms", most,
                  f"{pairs} pairs, quartiles {low:.1f} to {high:.1f}; without {statistics.median(base):.1f} ms")


@contextlib.contextmanager
def shim(docker, seawall, folder):
    common = ("--config", os.path.join(docker.scratch, "daemon.json"), "--engine-socket", docker.socket, "--reload", "--dir", folder)
    seawall.cli("install", "shim", *common)
    try:
        # The shim of a CRI engine beside it: its containers are named by their configuration, as in Kubernetes.
        shutil.copytree(os.path.join(folder, "docker"), os.path.join(folder, "containerd"), symlinks=True)
        conf = pathlib.Path(folder, "containerd/seawall-shim.conf")
        conf.write_text(conf.read_text(encoding="ascii").replace("engine=docker", "engine=containerd"), encoding="ascii")
        yield os.path.join(folder, "containerd/seawall-shim")
    finally:
        docker.remove_containers()
        seawall.cli("uninstall", "shim", *common)


def shims(docker, seawall, share):
    pairs = max(5, int(60 * share))
    with tempfile.TemporaryDirectory() as folder, shim(docker, seawall, os.path.join(folder, "lib")) as program:
        where = bundle(docker, os.path.join(folder, "bundle"))
        state = os.path.join(folder, "state")

        def runc(path):
            return took(path, "--root", state, "run", "--bundle", where, f"{time.time_ns():064x}")

        def docker_run(runtime):
            return took("docker", "-H", docker.host, "run", "--rm", "--network", "none", "--runtime", runtime, engines.IMAGE, "/opt/true",
                        env=docker.environment)
        return [paired("shim before runc, added to a run", lambda: runc("runc"), lambda: runc(program), pairs, 5),
                paired("shim under docker run, added", lambda: docker_run("runc"), lambda: docker_run("seawall"), max(5, pairs // 2), 5)]


# ---- ten thousand a second ----

def memory(seawall):
    found = seawall.processes()
    return {name: (found[name], resident(found[name])) for name in PROGRAMS}


def load(seawall, kinds, rate, seconds, label):
    """RSS of the programs at the start, in the middle and at the end of one run; what was asked and what was recorded."""
    before = audited(seawall)
    sizes = [memory(seawall)]
    asker = authz.start(sock(seawall), rate, int(rate * seconds), 32, *kinds)
    begun = time.monotonic()
    for part in (0.5, 0.95):
        poll.until("the load goes on", lambda p=part: time.monotonic() - begun > seconds * p or asker.poll() is not None, seconds + 60, 0.05)
        sizes.append(memory(seawall))
    found = authz.finish(asker, 120)
    tell(f"{label}: {found}; resident {[{n: round(m) for n, (_, m) in s.items()} for s in sizes]}")
    recorded = settled(seawall, before + found["answered"])
    lost = seawall.status().get("audits_lost", 0)
    figures = [Figure(f"{label}: answered", found["rate"], "/s", None, f"p50 {found['p50_ms']:.2f} ms, p99 {found['p99_ms']:.2f} ms, most {found['most_ms']:.0f} ms"),
               Figure(f"{label}: not answered or wrong", found["asked"] - found["answered"] + found["wrong"], "", 0),
               Figure(f"{label}: audits missing", before + found["answered"] - recorded, "", 0, f"said to be lost: {lost}")]
    for name in PROGRAMS:
        (pid, first), (_, middle), (last_pid, last) = (s[name] for s in sizes)
        figures.append(Figure(f"{label}: {name} grew from middle to end", last - middle, "MB", 2,
                              f"{first:.0f}, {middle:.0f}, {last:.0f} MB{'' if pid == last_pid else '; IT WAS STARTED AGAIN'}"))
    return figures


def audited(seawall):
    """How many commands the records speak of, repeats counted."""
    return seawall.database("SELECT COALESCE(SUM(count), 0) FROM audits WHERE kind = 'access'")[0][0]


def settled(seawall, wanted, seconds=30):
    with contextlib.suppress(poll.Late):
        poll.until("all audits are recorded", lambda: audited(seawall) >= wanted, seconds, 0.5)
    return audited(seawall)


def loads(seawall, files, share):
    seconds = max(3, 30 * share)
    repeats = ("allow", files["read"], "allow", files["create"], "allow", files["read"], "deny", files["exec"])
    different = ("allow", files["create-each"], "allow", files["read"], "allow", files["read"], "deny", files["exec"])
    flood = ("allow", files["create-each"], "deny", files["evil-each"])
    return (load(seawall, repeats, 10000, seconds, "10,000 commands/s")
            + load(seawall, different, 10000, seconds, "10,000 commands/s, a quarter under new names")
            + load(seawall, flood, 20000, seconds / 3, "more than can be judged: 20,000 creations/s, no two alike"))


def measure(share=1.0, _pairs=7):
    docker = engines.docker()
    seawall = Seawall(docker, docker.below)
    with tempfile.TemporaryDirectory() as folder:
        files = authz.questions(folder)
        try:
            seawall.up()
            seawall.apply(POLICY)
            return round_trips(seawall, files, share) + shims(docker, seawall, share) + loads(seawall, files, share)
        finally:
            seawall.destroy()
