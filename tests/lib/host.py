# SPDX-License-Identifier: Apache-2.0
"""What a host looks like from outside: taken before and after, to show that nothing was left."""
import json
import os
import subprocess

from lib import procs

CGROUP = "/sys/fs/cgroup"


def _output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def _bpf(kind):
    """Objects that nobody holds open: those that a living process holds end with it."""
    found = set()
    for item in json.loads(_output("bpftool", "-j", kind, "list") or "[]"):
        holders = [p["pid"] for p in item.get("pids", [])]
        if not any(map(procs.alive, holders)):
            found.add(f"{kind} {item['id']} {item.get('type')} {item.get('name', '')}")
    return found


def _mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return {f"{f[4]} {f[3]} {f[f.index('-') + 1]}" for f in map(str.split, file)}


def _firewall():
    lines = set()
    for command in (("iptables-save",), ("ip6tables-save",), ("nft", "list", "ruleset")):
        lines |= {line.split("[")[0] for line in _output(*command).splitlines() if not line.startswith("#")}
    return lines


def _links():
    found = set()
    for link in json.loads(_output("ip", "-j", "addr") or "[]"):
        found.add(link["ifname"])
        found |= {f"{link['ifname']} {a['local']}/{a['prefixlen']}" for a in link["addr_info"]}
    return found


def _cgroups():
    return {folder for folder, _, _ in os.walk(CGROUP)}


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
        "BPF programs": _bpf("prog"),
        "BPF links": _bpf("link"),
        "BPF maps": _bpf("map"),
        "mounts": _mounts(),
        "firewall rules": _firewall(),
        "links and addresses": _links(),
        "cgroups": _cgroups(),
        "listening sockets": _listening(),
        "files of /etc and /usr": _files("/etc", "/usr"),
        "kernel settings": _sysctls(),
    }


def difference(before, after):
    """Lines of text: what came and what went."""
    lines = []
    for kind, was in before.items():
        lines += [f"{kind}: + {line}" for line in sorted(after[kind] - was)]
        lines += [f"{kind}: - {line}" for line in sorted(was - after[kind])]
    return lines
