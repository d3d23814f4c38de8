# SPDX-License-Identifier: Apache-2.0
"""Real container engines for the tests: a containerd of our own, and a dockerd above it.

That is how they stand on a real host; dockerd's containers are in containerd's namespace `moby`.
Each has its own data root, sockets, bridge, subnet and cgroup parent, touches no firewall, and is
taken out completely at the end. Images are built from scratch around Debian's busybox-static.
"""
import atexit
import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time

from lib import host, paths, poll, procs

IMAGE = "seawall-test/base:1"
OUTSIDE = "203.0.113.77"    # a documentation address behind the bridge: "the internet"
OUTSIDE_COUNTRY = "SG"
APPLETS = ("sh cat cp ls ln mkdir rm mv sleep true false echo printf env grep egrep sed awk head tail tee sort "
           "wc seq date id kill ps nc wget sleep touch chmod test usleep timeout httpd dd yes").split()


class Missing(Exception):
    """This host lacks what the engine needs; the text is the reason of the skip."""


def _need(name):
    for folder in ("/usr/bin", "/usr/sbin", "/bin", "/sbin"):
        if os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    raise Missing(f"{name} is not installed")


def _run(*command, timeout=30):
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _add(tar, name, data=b"", mode=0o644, kind=tarfile.REGTYPE, link=""):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.type, entry.linkname = len(data), mode, kind, link
    tar.addfile(entry, io.BytesIO(data) if kind == tarfile.REGTYPE else None)


def rootfs(extra=None):
    """A tar of a tiny root file system: busybox, our test programs in /opt, `extra` {name: bytes}."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for folder in ("bin", "etc", "opt", "tmp", "var", "usr", "usr/bin", "root", "proc", "sys", "dev"):
            _add(tar, folder, mode=0o1777 if folder == "tmp" else 0o755, kind=tarfile.DIRTYPE)
        _add(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
        with open(_need("busybox"), "rb") as file:
            _add(tar, "bin/busybox", file.read(), 0o755)
        for applet in sorted(set(APPLETS)):
            _add(tar, f"bin/{applet}", kind=tarfile.SYMTYPE, link="busybox")
        for name in ("first_byte", "talker", "sink", "true", "spawner", "connector", "syscaller", "caller"):
            with open(paths.test_program(name), "rb") as file:
                _add(tar, f"opt/{name}", file.read(), 0o755)
        for name, data in (extra or {}).items():
            _add(tar, name, data, 0o755)
    return out.getvalue()


class _Engine:
    """What both engines share: a scratch folder, a name, a daemon, a thorough end."""

    def __init__(self, kind):
        tag = hashlib.sha256(f"{kind}{os.getpid()}{time.time_ns()}".encode()).hexdigest()
        self.name = f"swt{tag[:8]}"
        self.scratch = tempfile.mkdtemp(prefix=f"{self.name}-")
        self.log = os.path.join(self.scratch, "log")
        self.daemon = None
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.scratch, "TMPDIR": self.scratch}
        atexit.register(self.stop)

    def _spawn(self, *command):
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           env=self.environment, cwd=self.scratch, start_new_session=True)

    def log_tail(self):
        with open(self.log, "rb") as file:
            return file.read()[-3000:].decode(errors="replace")

    def end_daemon(self, hard=False):
        """Ends (hard: kills) the daemon only; what it started stays."""
        if self.daemon:
            self.daemon.kill() if hard else self.daemon.terminate()
            try:
                self.daemon.wait(15)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait(5)
            self.daemon = None

    def stop(self):
        """Takes everything out; safe to call again."""
        atexit.unregister(self.stop)
        if not os.path.isdir(self.scratch):
            return
        with contextlib.suppress(Exception):
            self.remove_containers()
        self.end_daemon()
        procs.end(procs.with_argument(self.scratch), 3)
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            points = [line.split()[4] for line in file]
        for point in sorted(filter(lambda p: p.startswith(self.scratch), points), key=len, reverse=True):
            subprocess.run(["umount", "-l", point], capture_output=True, check=False)
        for folder, names, _ in os.walk(host.CGROUP):
            for name in [n for n in names if n == self.name]:
                self._remove_cgroup(os.path.join(folder, name))
        self._stopped()
        shutil.rmtree(self.scratch, ignore_errors=True)

    @staticmethod
    def _remove_cgroup(path):
        procs.end(procs.in_cgroup(path), 1)
        for folder, _, _ in os.walk(path, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)

    def remove_containers(self):
        raise NotImplementedError

    def _stopped(self):
        pass


class Docker(_Engine):
    """A private dockerd above `below`, with one image, IMAGE."""

    def __init__(self, below, live_restore=True):
        super().__init__("docker")
        self.below = below
        self.program, self.client = _need("dockerd"), _need("docker")
        self.socket = os.path.join(self.scratch, "docker.sock")
        self.host = f"unix://{self.socket}"
        self.exec_root = os.path.join(self.scratch, "exec")
        self.live_restore = live_restore
        number = int(self.name[3:], 16)
        self.subnet = f"10.{200 + number % 50}.{number // 50 % 250}"
        self._bridge()
        self.start()
        self.image(IMAGE)

    def _bridge(self):
        """The containers' bridge, and at its other end a network namespace that is their gateway and their
        internet: the host forwards nothing, and no packet can leave it."""
        self.beyond = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)
        space, inside = str(self.beyond.pid), ("nsenter", f"--net=/proc/{self.beyond.pid}/ns/net", "ip")
        poll.until("a network namespace", lambda: os.readlink(f"/proc/{space}/ns/net") != os.readlink("/proc/self/ns/net"))
        _run("ip", "link", "add", self.name, "type", "bridge")
        _run("ip", "addr", "add", f"{self.subnet}.1/24", "dev", self.name)
        _run("ip", "link", "add", f"{self.name}o", "type", "veth", "peer", "name", "inside", "netns", space)
        _run("ip", "link", "set", f"{self.name}o", "master", self.name, "up")
        for address in (f"{self.subnet}.254/24", f"{OUTSIDE}/32"):
            _run(*inside, "addr", "add", address, "dev", "inside")
        for device in ("lo", "inside"):
            _run(*inside, "link", "set", device, "up")
        _run("ip", "link", "set", self.name, "up")

    def start(self, config=None):
        """Starts the daemon (again), with this configuration or a new one, and waits until it answers."""
        content = config or json.dumps({"live-restore": self.live_restore}).encode()
        config = os.path.join(self.scratch, "daemon.json")
        with open(config, "wb") as file:
            file.write(content)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.scratch, "pid"))
        self._spawn(self.program, "--config-file", config, "--data-root", os.path.join(self.scratch, "data"),
                    "--exec-root", self.exec_root, "--pidfile", os.path.join(self.scratch, "pid"),
                    "-H", self.host, "--containerd", self.below.address, "--bridge", self.name, "--default-gateway", f"{self.subnet}.254", "--iptables=false", "--ip-masq=false",
                    "--ip-forward=false", "--userland-proxy=false", "--storage-driver", "overlay2",
                    "--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{self.name}")

        def answers():
            if self.daemon.poll() is not None:
                raise Missing(f"dockerd does not start here: {self.log_tail()[-400:]}")
            return self.docker("version", "--format", "{{.Server.Version}}", check=False)
        poll.until("dockerd answers", answers, 30, 0.1)

    def docker(self, *arguments, check=True, timeout=30, stdin=None):
        """Output of the docker CLI, without the last newline; AssertionError with its words otherwise."""
        done = subprocess.run([self.client, "-H", self.host, *arguments], capture_output=True, timeout=timeout,
                              input=stdin, check=False, env=self.environment)
        out = done.stdout.decode(errors="replace")
        if check and done.returncode:
            raise AssertionError(f"docker {' '.join(arguments)}: exit {done.returncode}: "
                                 f"{done.stderr.decode(errors='replace').strip()} {out.strip()}")
        return out.rstrip("\n")

    def attempt(self, *arguments, timeout=30):
        """(exit code, stdout, stderr) of the docker CLI, whatever it says."""
        done = subprocess.run([self.client, "-H", self.host, *arguments], capture_output=True, timeout=timeout,
                              check=False, env=self.environment, text=True, errors="replace")
        return done.returncode, done.stdout, done.stderr

    def image(self, name, extra=None):
        """Makes an image; its id."""
        return self.docker("import", "-", name, stdin=rootfs(extra), timeout=60)

    def inspect(self, container, template="{{json .}}"):
        out = self.docker("inspect", "--type", "container", "--format", template, container)
        return json.loads(out) if template.startswith("{{json") else out

    def start_container(self, *arguments, image=IMAGE, command=("sleep", "600")):
        """docker run -d; the full id."""
        return self.docker("run", "-d", *arguments, image, *command)

    def running(self, container):
        return self.inspect(container, "{{.State.Running}}") == "true"

    def cgroup(self, container):
        """The container's directory in the v2 hierarchy."""
        root = os.path.join(host.CGROUP, "unified")
        root = root if os.path.isdir(root) else host.CGROUP
        return os.path.join(root, self.name, container)

    def remove_containers(self):
        """All of them; a few at a time, because a busy engine may need seconds for each."""
        ids = self.docker("ps", "-aq", check=False).split()
        for first in range(0, len(ids), 8):
            self.docker("rm", "-f", *ids[first:first + 8], check=False, timeout=120)

    def outside(self, port, address=OUTSIDE):
        """A server at an outside address for containers to connect to."""
        return Outside(self.beyond.pid, port, address)

    def _stopped(self):
        subprocess.run(["ip", "link", "del", self.name], capture_output=True, check=False)
        self.beyond.kill()
        self.beyond.wait()


class Outside:
    """A server in the network namespace behind the bridge; `heard` is all that was said to it."""

    def __init__(self, beyond, port, address):
        self.process = subprocess.Popen(["nsenter", f"--net=/proc/{beyond}/ns/net", paths.test_program("sink"), address,
                                         str(port), "300"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.heard = b""
        self.process.stdout.readline()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while chunk := self.process.stdout.read1():
            self.heard += chunk

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._thread.join(5)
        self.process.stdout.close()


class Containerd(_Engine):
    """A private containerd; containers by ctr in a namespace of our own."""

    def __init__(self):
        super().__init__("containerd")
        self.program, self.client = _need("containerd"), _need("ctr")
        self.address = os.path.join(self.scratch, "containerd.sock")
        self.config = os.path.join(self.scratch, "config.toml")
        with open(self.config, "w", encoding="ascii") as file:
            file.write(f'version = 2\nroot = "{self.scratch}/root"\nstate = "{self.scratch}/state"\n' + self._plugins() +
                       f'[grpc]\naddress = "{self.address}"\n')
        self.start()

    def _plugins(self):
        return 'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'

    def start(self):
        """Starts the daemon (again) and waits until it answers."""
        self._spawn(self.program, "--config", self.config)
        poll.until("containerd answers", lambda: self.ctr("version", check=False), 30, 0.1)

    def ctr(self, *arguments, check=True, timeout=30):
        done = subprocess.run([self.client, "-a", self.address, "-n", self.name, *arguments], capture_output=True,
                              timeout=timeout, check=False, env=self.environment, text=True, errors="replace")
        if check and done.returncode:
            raise AssertionError(f"ctr {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.rstrip("\n")

    def load(self, docker, image=IMAGE):
        """Takes an image over from a Docker engine."""
        archive = os.path.join(self.scratch, "image.tar")
        docker.docker("save", "-o", archive, image, timeout=60)
        self.ctr("images", "import", archive, timeout=60)

    def remove_containers(self):
        for task in self.ctr("tasks", "ls", "-q", check=False).split():
            self.ctr("tasks", "kill", "-s", "SIGKILL", task, check=False)
            self.ctr("tasks", "delete", "-f", task, check=False)
        for container in self.ctr("containers", "ls", "-q", check=False).split():
            self.ctr("containers", "delete", container, check=False)


class Kube(Containerd):
    """A containerd as kubelet has it: asked by CRI, containers in pods, in containerd's namespace `k8s.io`."""

    PAUSE = "docker.io/seawall-pause/pause:1"

    def __init__(self):
        super().__init__()
        self.name, self.tag = "k8s.io", self.name

    def _plugins(self):
        return ('[plugins."io.containerd.grpc.v1.cri"]\n'
                f'sandbox_image = "{self.PAUSE}"\nrestrict_oom_score_adj = true\n')

    def cri(self, *words):
        """(exit code, stdout, stderr) of one call."""
        done = subprocess.run([paths.test_program("cri"), self.address, *words], capture_output=True, text=True, timeout=60,
                              check=False)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def ask(self, *words):
        code, out, error = self.cri(*words)
        if code:
            raise AssertionError(f"cri {' '.join(words)}: exit {code}: {error}")
        return out

    def stop(self):
        self.name = self.tag if hasattr(self, "tag") else self.name     # of its cgroups
        super().stop()

    def remove_containers(self):
        self.name, name = "k8s.io", self.name
        super().remove_containers()
        self.name = name


_shared = {}


def docker():
    """The Docker engine that all tests of this run share."""
    if "docker" not in _shared:
        _shared.setdefault("containerd", Containerd())
        _shared["docker"] = Docker(_shared["containerd"])
    return _shared["docker"]


def containerd():
    """The containerd that all tests of this run share, with IMAGE loaded."""
    below = docker().below
    if IMAGE not in below.ctr("images", "ls", "-q"):
        below.load(docker(), IMAGE)
    return below


def stop_all():
    for engine in reversed(list(_shared.values())):
        engine.stop()
    _shared.clear()
