# SPDX-License-Identifier: Apache-2.0
"""What a host looks like from outside: taken before and after, to show that nothing was left."""
import json
import os
import re
import subprocess
import time

from lib import procs

CGROUP = "/sys/fs/cgroup"


def _output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def _held():
    """BPF objects that a living process has open, as (kind, id): they end with it."""
    found = set()
    for pid in procs.every():
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                if "bpf" in os.readlink(f"/proc/{pid}/fd/{fd}"):
                    with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii", errors="replace") as file:
                        found |= {(f[0][:-4], int(f[1])) for f in map(str.split, file)
                                  if f[0] in ("link_id:", "prog_id:", "map_id:")}
        except OSError:
            pass
    return found


def _bpf():
    """Links, programs and maps that nobody holds, directly or through one that is held: what was left."""
    held, lines = _held(), set()
    everything = {kind: json.loads(_output("bpftool", "-j", kind, "list") or "[]") for kind in ("link", "prog", "map")}
    held |= {("prog", link["prog_id"]) for link in everything["link"] if ("link", link["id"]) in held}
    held |= {("map", i) for prog in everything["prog"] if ("prog", prog["id"]) in held for i in prog.get("map_ids", [])}
    for kind, items in everything.items():
        lines |= {f"{kind} {i['id']} {i.get('type')} {i.get('name', '')}" for i in items if (kind, i["id"]) not in held}
    return lines


def _mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return {f"{f[4]} {f[3]} {f[f.index('-') + 1]}" for f in map(str.split, file)}


def _firewall():
    """The rules. Empty tables do not count: whoever asks iptables for one makes it."""
    lines = set()
    for command in (("iptables-save",), ("ip6tables-save",)):
        lines |= {f"{command[0]} {line}" for line in _output(*command).splitlines() if line.startswith("-A")}
    for line in _output("nft", "list", "ruleset").splitlines():
        if line.strip().split(" ")[0] not in ("table", "chain", "type", "}", "", "#"):
            lines.add(f"nft {line.strip()}")
    return lines


def _links():
    found = set()
    for link in json.loads(_output("ip", "-j", "addr") or "[]"):
        found.add(link["ifname"])
        found |= {f"{link['ifname']} {a['local']}/{a['prefixlen']}" for a in link["addr_info"]}
    return found


def _cgroups():
    """Those without a process in them or below."""
    return {folder for folder, _, _ in os.walk(CGROUP) if not procs.in_cgroup(folder)}


def _listening():
    found = set()
    for proto, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        with open(f"/proc/net/{proto}", encoding="ascii") as file:
            found |= {f"{proto} {f[1]}" for f in map(str.split, list(file)[1:]) if f[3] == state}
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
        # Flag 0x10000: it accepts connections.
        found |= {f"unix {f[7]}" for f in map(str.split, file) if len(f) > 7 and f[3] == "00010000"}
    return found


def _files(*roots):
    found = set()
    for root in roots:
        for folder, _, names in os.walk(root):
            for path in [folder] + [os.path.join(folder, n) for n in names]:
                try:
                    s = os.lstat(path)
                except OSError:
                    continue
                found.add(f"{path} {s.st_mode:o} {s.st_size} {s.st_mtime_ns}")
    return found


def _sysctls():
    found = set()
    for name in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/core/bpf_jit_enable",
                 "kernel/unprivileged_bpf_disabled", "kernel/core_pattern", "net/ipv4/conf/all/route_localnet"):
        try:
            with open(f"/proc/sys/{name}", encoding="ascii") as file:
                found.add(f"{name} {file.read().strip()}")
        except OSError:
            pass
    return found


def snapshot():
    """One set of lines for each kind of thing that a program can leave in a host's way."""
    return {
        "BPF": _bpf(),
        "mounts": _mounts(),
        "firewall rules": _firewall(),
        "links and addresses": _links(),
        "cgroups": _cgroups(),
        "listening sockets": _listening(),
        "files of /etc and /usr": _files("/etc", "/usr"),
        "kernel settings": _sysctls(),
    }


# Kinds of which only what came counts: what nobody used before may well be gone.
COMES_AND_GOES = ("BPF", "cgroups", "mounts")
ENGINES = re.compile(r"/swt[0-9a-f]{8}")  # those of the tests (engines.py) have a life of their own


def difference(before, seconds=5.0):
    """Lines of text: what came and what went since `before`, and is still so after that long."""
    deadline = time.monotonic() + seconds
    while True:
        after, lines = snapshot(), []
        for kind, was in before.items():
            lines += [f"{kind}: + {line}" for line in sorted(after[kind] - was)]
            if kind not in COMES_AND_GOES:
                lines += [f"{kind}: - {line}" for line in sorted(was - after[kind])]
        lines = [line for line in lines if not ENGINES.search(line)]
        if not lines or time.monotonic() > deadline:
            return lines
        time.sleep(0.2)
