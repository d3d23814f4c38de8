# SPDX-License-Identifier: Apache-2.0
"""What is written for CRI-O, which Debian has no package of: read strictly, and held against crio.conf(5)."""
import json
import os
import shutil
import subprocess
import tempfile
import tomllib
import unittest

from lib import paths

# What CRI-O takes for a runtime that no file of its has, but for the place of the program.
BUILT_IN = {"runtime_type": "oci", "allowed_annotations": ["io.containers.trace-syscall", "io.kubernetes.cri-o.Devices"],
            "monitor_env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
# As CRI-O's packages have it; the programs are put in.
PACKAGED = """[crio.image]
signature_policy = "/etc/crio/policy.json"

[crio.runtime]
default_runtime = "NAME"

[crio.runtime.runtimes.NAME]
runtime_path = "PROGRAM"
runtime_root = "/run/NAME"
monitor_path = "/usr/libexec/crio/conmon"
monitor_cgroup = "system.slice"
allowed_annotations = [
    "io.containers.trace-syscall", # of hooks
]
default_annotations = { "a.b/c" = "d" }

[crio.runtime.runtimes.runsc]
runtime_path = "/usr/bin/true"
"""


class Configuration(unittest.TestCase):

    def run_seawall(self, *arguments):
        return subprocess.run([paths.program("seawall"), *arguments, "--runtime", "crio", "--config", self.config, "--dir",
                               self.dir, "--json"], capture_output=True, text=True, timeout=30, check=False,
                              env={**os.environ, "SEAWALL_STATE": os.path.join(self.scratch, "state")})

    def seawall(self, *arguments):
        done = self.run_seawall(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {row["file"]: row["action"] for row in map(json.loads, done.stdout.splitlines())}

    def setUp(self):
        if not any(shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("runc", "crun")):
            self.skipTest("neither runc nor crun is installed")
        self.scratch = tempfile.mkdtemp(prefix="seawall-e2e-crio-")
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)
        self.config = os.path.join(self.scratch, "crio.conf.d/99-seawall.conf")
        self.dir = os.path.join(self.scratch, "lib")

    def test_is_what_crio_reads(self):
        self.assertEqual(self.seawall("install", "shim")[self.config], "created")
        with open(self.config, "rb") as file:
            written = tomllib.load(file)
        self.assertEqual((list(written), list(written["crio"]), list(written["crio"]["runtime"])),
                         (["crio"], ["runtime"], ["runtimes"]))
        for name, table in written["crio"]["runtime"]["runtimes"].items():
            expected = {**BUILT_IN, "runtime_root": f"/run/{name}", "runtime_path": table["runtime_path"]}
            self.assertEqual({"container_min_memory": "500KiB", **table} if name == "runc" else table,
                             {"container_min_memory": "500KiB", **expected})
            self.assert_leads_to(name, table["runtime_path"])
        self.assertEqual(self.seawall("uninstall", "shim")[self.config], "removed")
        self.assertFalse(os.path.exists(self.config))
        self.seawall("uninstall", "shim")   # the links that were left until CRI-O had read it
        self.assertFalse(os.path.exists(self.dir))

    def assert_leads_to(self, name, path):
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True)
        self.assertTrue(done.stdout.startswith(f"{name} version"), done.stdout)

    def put(self, name, text):
        path = os.path.join(self.scratch, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def tables(self, *files):
        """As CRI-O decodes: a table of a later file in the place of an earlier one."""
        found = {}
        for path in files:
            with open(path, "rb") as file:
                found |= tomllib.load(file)["crio"]["runtime"]["runtimes"]
        return found

    def test_carries_over_what_a_package_says(self):
        name = next(name for name in ("runc", "crun") if shutil.which(name, path="/usr/sbin:/usr/bin"))
        program = os.path.join(self.scratch, "libexec", name)   # none of the usual places
        os.makedirs(os.path.dirname(program))
        shutil.copy(shutil.which(name, path="/usr/sbin:/usr/bin"), program)
        text = PACKAGED.replace("NAME", name).replace("PROGRAM", program)
        packaged = self.put("crio.conf.d/10-crio.conf", text)
        old = self.put("crio.conf", f'[crio.runtime.runtimes.{name}]\nmonitor_path = "/old"\nno_sync_log = true\n')
        before = self.tables(old, packaged)
        self.assertEqual(self.seawall("install", "shim", "--dry-run"),
                         self.seawall("install", "shim", "--dry-run") | {packaged: "carried", self.config: "created"})
        self.assertFalse(os.path.exists(self.config))
        self.seawall("install", "shim")
        after = self.tables(old, packaged, self.config)
        shim = after[name]["runtime_path"]
        self.assertEqual(after, before | {name: before[name] | {"runtime_path": shim}})
        self.assertEqual(os.path.realpath(os.path.join(os.path.dirname(shim), "seawall-shim.runtime")), program)
        self.assert_leads_to(name, shim)
        self.assertEqual(set(self.seawall("install", "shim").values()), {"carried", "unchanged"})
        late = self.put("crio.conf.d/zz.conf", text)
        refused = self.run_seawall("install", "shim")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(late, refused.stderr)
        os.unlink(late)
        self.seawall("uninstall", "shim")
        self.seawall("uninstall", "shim")
        self.assertEqual(os.listdir(os.path.dirname(self.config)), ["10-crio.conf"])
        self.assertFalse(os.path.exists(self.dir))
        self.assertEqual(self.tables(old, packaged), before)
