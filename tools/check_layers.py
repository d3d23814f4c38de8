#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a file includes something above its layer, or a sibling. The rule is LAYERS below."""
import pathlib
import re
import sys

# Lowest first; folders of one tuple are siblings and do not include each other.
LAYERS = [
    ("base",),
    ("model",),
    ("policy",),
    ("sensor", "runtime", "command", "oci", "kube", "trust", "proxy", "enforce", "journal", "store", "ipc", "http"),
    ("api",),
    ("defender", "gate", "console", "ctl", "drill", "shim", "registry"),
]
# The only files of bpf/ that userspace may include, and who may.
SHARED = {
    "event_wire.h": {"sensor", "defender"},
    "cgroup_leaf.h": {"sensor"},
    "miner_words.h": {"policy", "sensor"},
    "miner_argv.h": {"policy"},
    "stratum.h": {"policy"},
    "destinations.h": {"policy"},
}
RANK = {folder: rank for rank, layer in enumerate(LAYERS) for folder in layer}


def problems(root):
    for path in sorted((root / "src").rglob("*.[ch]")):
        folder = path.relative_to(root / "src").parts[0]
        if folder not in RANK:
            yield f"{path}: folder '{folder}' has no layer"
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match or "/" not in match.group(1):
                continue
            target, name = match.group(1).split("/", 1)
            where = f"{path}:{number}"
            if target == "bpf":
                if folder not in SHARED.get(name, set()):
                    yield f"{where}: {folder} may not include bpf/{name}"
            elif target not in RANK:
                yield f"{where}: unknown folder '{target}'"
            elif target != folder and RANK[target] >= RANK[folder]:
                yield f"{where}: {folder} may not include {target} (same layer or above)"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    found = list(problems(root))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


sys.exit(main())
