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

# Keys of a table crio.runtime.runtimes.NAME.
KEYS = {"runtime_path", "runtime_root", "runtime_type", "runtime_config_path", "privileged_without_host_devices",
        "allowed_annotations", "platform_runtime_paths", "monitor_path", "monitor_cgroup", "monitor_env"}


class Configuration(unittest.TestCase):

    def seawall(self, *arguments):
        done = subprocess.run([paths.program("seawall"), *arguments, "--runtime", "crio", "--config", self.config, "--dir",
                               self.dir, "--json"], capture_output=True, text=True, timeout=30, check=False,
                              env={**os.environ, "SEAWALL_STATE": os.path.join(self.scratch, "state")})
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
            self.assertLessEqual(set(table), KEYS)
            self.assertEqual((table["runtime_type"], table["runtime_root"]), ("oci", f"/run/{name}"))
            self.assertTrue(os.access(table["runtime_path"], os.X_OK))
            done = subprocess.run([table["runtime_path"], "--version"], capture_output=True, text=True, timeout=10, check=True)
            self.assertTrue(done.stdout.startswith(f"{name} version"), done.stdout)
        self.assertEqual(self.seawall("uninstall", "shim")[self.config], "removed")
        self.assertFalse(os.path.exists(self.config))
        self.seawall("uninstall", "shim")   # the links that were left until CRI-O had read it
        self.assertFalse(os.path.exists(self.dir))
