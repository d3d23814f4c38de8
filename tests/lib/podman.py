# SPDX-License-Identifier: Apache-2.0
"""podman with places of its own: storage, runtime folder and configuration below one scratch folder."""
import os
import shutil
import subprocess
import tempfile

LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")


class Podman:
    """`config`: the file that CONTAINERS_CONF names, where `seawall install shim` writes."""

    def __init__(self, docker, image, runtime="runc"):
        self.home = tempfile.mkdtemp(prefix="seawall-e2e-podman-")
        self.config = os.path.join(self.home, "seawall.conf")
        self.runtime, self.image = runtime, image
        with open(self.config, "w", encoding="ascii"):
            pass    # podman wants it to be there
        archive = os.path.join(self.home, "image.tar")
        docker.docker("save", "-o", archive, image, timeout=60)
        self.run("load", "-i", archive)

    def attempt(self, *arguments, timeout=60):
        places = ("--root", f"{self.home}/root", "--runroot", f"{self.home}/run", "--tmpdir", f"{self.home}/tmp",
                  "--cgroup-manager", "cgroupfs", "--storage-driver", "overlay", "--events-backend", "none")
        return subprocess.run(["podman", *places, "--runtime", self.runtime, *arguments], capture_output=True, text=True,
                              timeout=timeout, check=False, env={**os.environ, "CONTAINERS_CONF": self.config})

    def run(self, *arguments, timeout=60):
        done = self.attempt(*arguments, timeout=timeout)
        if done.returncode:
            raise AssertionError(f"podman {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip()

    def start(self, name, *more, command=("sleep", "600")):
        """podman run -d; the full id."""
        return self.run("run", "-d", "--name", name, "--network", "none", *LIMITS, *more,
                        self.image, *command)

    def inspect(self, container, template):
        return self.run("inspect", "--format", template, container)

    def clear(self):
        self.attempt("pod", "rm", "-af", "-t", "0")
        self.attempt("rm", "-af", "-t", "0")

    def close(self):
        self.clear()
        subprocess.run(["umount", os.path.join(self.home, "root/overlay")], capture_output=True, check=False)
        shutil.rmtree(self.home, ignore_errors=True)
