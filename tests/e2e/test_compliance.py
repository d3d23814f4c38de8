# SPDX-License-Identifier: Apache-2.0
"""Compliance of what is there: real daemons with and without TLS, images, containers, files of the host."""
import os
import subprocess

import engines
import scene
from lib import poll
from lib.seawall import Seawall, free_port

NOTHING = "version: 1\ncollections:\n  - {name: everything}\n"
BASICS = """compliance:
  - name: basics
    scope: [everything]
    checks: {privileged: block, host_pid: alert, root_user: ignore}
"""


class TcpDocker(engines.Docker):
    """A dockerd that listens on loopback TCP too."""

    def __init__(self, below, *more):
        self.port = free_port()
        self.more = ("-H", f"tcp://127.0.0.1:{self.port}", *more)
        super().__init__(below)

    def _spawn(self, *command):
        super()._spawn(*command, *self.more)


def certificates(folder):
    """A CA and a server's certificate in the folder, by openssl."""
    def run(*command):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=test CA")
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem",
        "-out", "server.csr", "-subj", "/CN=localhost")
    run("openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
        "-days", "2", "-out", "cert.pem")


class Compliance(scene.Engine):
    """Each test has engines and a Seawall of its own: what is judged is how they were started."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        scene.put_away()

    def begin(self, docker):
        seawall = Seawall(docker)
        self.addCleanup(seawall.destroy)
        seawall.up()
        return seawall

    def tcp_docker(self, *more):
        docker = TcpDocker(engines.containerd(), *more)
        self.addCleanup(docker.stop)
        return docker

    def listed(self, seawall):
        page = seawall.get("/compliance?limit=1000")
        self.assertIsNone(page["next"])
        return page["items"]

    def finding(self, seawall, check, target, seconds=20, **wanted):
        def look():
            found = [f for f in self.listed(seawall) if f["check"] == check and f["target"] == target]
            return found[0] if found and all(found[0][k] == v for k, v in wanted.items()) else None
        return poll.until(f"{check} of {target} with {wanted}", look, seconds, 0.1)

    def host_node(self, seawall):
        return next((n for n in seawall.get("/radar")["nodes"] if n["kind"] == "host" and n.get("badges")), None)

    def test_open_tcp_is_critical(self):
        docker = self.tcp_docker()
        seawall = self.begin(docker)
        found = self.finding(seawall, "daemon_tcp", docker.socket, passed=False)
        self.assertEqual((found["cis"], found["severity"], found["resource"]), ("2.7", "critical", "daemon"))
        self.assertIn(f"127.0.0.1:{docker.port}", found["cause"])
        self.assertIn("tlsverify", found["remedy"])
        audits = poll.until("an audit", lambda: [a for a in seawall.json("audits", "--kind", "compliance")], 10)
        self.assertEqual((len(audits), audits[0]["severity"], audits[0]["file"]), (1, "critical", docker.socket))
        node = poll.until("the host on the Radar", lambda: self.host_node(seawall), 10)
        self.assertEqual((node["badges"], node["color"], node["worst"]), (["compliance", "daemon on open TCP"], "red", "critical"))
        # No rule says a word: it is told, and nothing is blocked.
        self.assertEqual((found["effect"], found["rule"]), ("alert", None))
        out = seawall.cli("compliance", "--failed", "--resource", "daemon")
        self.assertRegex(out, r"(?m)^  FAIL +2\.7 ")
        self.assertRegex(out, r"\d+ of \d+ checks pass \(\d+ %\)")
        # A second look tells nothing twice; the socket's mode tells when it was.
        os.chmod(docker.socket, 0o666)
        seawall.apply(NOTHING)
        self.finding(seawall, "engine_socket_mode", docker.socket, passed=False)
        self.finding(seawall, "daemon_tcp", docker.socket, passed=False)
        self.assertEqual(len(seawall.json("audits", "--kind", "compliance")), 1)

    def test_tls_with_client_certificates_passes(self):
        folder = engines.containerd().scratch
        certificates(folder)
        docker = self.tcp_docker("--tlsverify", "--tlscacert", f"{folder}/ca.pem", "--tlscert", f"{folder}/cert.pem",
                                 "--tlskey", f"{folder}/key.pem")
        os.chmod(f"{folder}/key.pem", 0o644)
        os.chmod(f"{folder}/cert.pem", 0o444)
        seawall = self.begin(docker)
        self.finding(seawall, "daemon_tcp", docker.socket, passed=True)
        self.assertIsNone(self.host_node(seawall))
        self.assertEqual(seawall.json("audits", "--kind", "compliance"), [])
        key = self.finding(seawall, "tls_key_mode", f"{folder}/key.pem", passed=False)
        self.assertIn("644", key["cause"])
        self.finding(seawall, "tls_cert_mode", f"{folder}/cert.pem", passed=True)

    def test_unix_only_daemon_and_its_settings(self):
        seawall = self.begin(self.docker)
        socket = self.docker.socket
        self.finding(seawall, "daemon_tcp", socket, passed=True)
        # How engines.py starts it.
        self.finding(seawall, "live_restore", socket, passed=True)
        self.finding(seawall, "userland_proxy", socket, passed=True)
        self.finding(seawall, "daemon_iptables", socket, passed=False)
        self.finding(seawall, "daemon_no_new_privileges", socket, passed=False)
        self.finding(seawall, "daemon_cgroup_parent", socket, passed=False)
        self.finding(seawall, "authorization_plugin", socket, passed=False)
        self.finding(seawall, "experimental", socket, passed=True)
        self.finding(seawall, "daemon_json_mode", os.path.join(self.docker.scratch, "daemon.json"), passed=True)
        self.finding(seawall, "engine_socket_mode", socket, passed=True)
        os.chmod(socket, 0o666)
        self.addCleanup(os.chmod, socket, 0o660)
        summary = seawall.get("/compliance/summary")
        listed = seawall.json("compliance")
        self.assertEqual(summary["passed"], sum(f["passed"] for f in listed))
        self.assertEqual(summary["failed"], sum(not f["passed"] and f["effect"] != "disable" for f in listed))
        self.assertAlmostEqual(summary["rate"], summary["passed"] / (summary["passed"] + summary["failed"]), 3)
        self.assertEqual(sum(g["failed"] for g in summary["by_resource"].values()), summary["failed"])
        # A new policy makes it look again: at the mode too.
        seawall.apply(NOTHING)
        worse = self.finding(seawall, "engine_socket_mode", socket, passed=False)
        self.assertIn("666", worse["cause"])

    def test_images(self):
        seawall = self.begin(self.docker)
        name = f"seawall-test/secret:{os.getpid()}"
        image = self.docker.docker("import", "-c", "ENV DB_PASSWORD=hunter22", "-c", "USER nobody", "-", name,
                                   stdin=engines.rootfs(), timeout=60)
        self.addCleanup(self.docker.docker, "rmi", "-f", image, check=False)
        self.docker.start_container("--name", self.name(), image=name)
        name = f"docker.io/{name}"
        secret = self.finding(seawall, "image_secrets", name, passed=False)
        self.assertIn("DB_PASSWORD", secret["cause"])
        self.assertNotIn("hunter22", str(secret))
        self.assertEqual(secret["container"]["digest"], image)
        self.finding(seawall, "image_user", name, passed=True)
        self.finding(seawall, "image_healthcheck", name, passed=False)
        base = f"docker.io/{engines.IMAGE}"
        self.finding(seawall, "image_user", base, passed=False)
        self.finding(seawall, "image_secrets", base, passed=True)

    def test_containers(self):
        seawall = self.begin(self.docker)
        seawall.apply(NOTHING + BASICS)
        bad = self.docker.docker("create", "--name", self.name(), "--privileged", "--pid=host", engines.IMAGE, "true")
        good = self.docker.start_container("--name", self.name(), "--read-only", "--user", "65534", "--memory", "64m",
                                           "--pids-limit", "50", "--security-opt", "no-new-privileges")
        privileged = self.finding(seawall, "privileged", bad, passed=False)
        self.assertEqual((privileged["cis"], privileged["severity"], privileged["effect"], privileged["rule"]),
                         ("5.5", "critical", "block", "basics"))
        self.assertEqual(privileged["container"]["id"], bad)
        self.assertTrue(privileged["cause"])
        self.finding(seawall, "host_pid", bad, passed=False, effect="alert", rule="basics")
        ignored = self.finding(seawall, "root_user", bad, passed=False, effect="disable", rule="basics")
        for check in ("privileged", "host_pid", "readonly_root", "root_user", "memory_limit", "pids_limit", "no_new_privileges"):
            self.finding(seawall, check, good, passed=True)
        self.finding(seawall, "pids_limit", bad, passed=False, effect="alert", rule=None)
        # A rule blocks what fails: the answer is no. Of the good one alone, yes.
        self.assertEqual(seawall.attempt("compliance", "--failed").returncode, 1)
        failed = seawall.json("compliance", "--failed", "--container", bad, code=1)
        self.assertIn("privileged", {f["check"] for f in failed})
        self.assertNotIn(ignored["id"], {f["id"] for f in failed})
        self.assertEqual({f["container"]["id"] for f in failed}, {bad})
        self.assertIn("checks pass", seawall.cli("compliance", "--container", good))
        self.assertEqual(seawall.attempt("compliance", "--container", "no-such").returncode, 1)
        # What docker update changes is seen.
        self.docker.docker("update", "--pids-limit", "-1", good)
        self.finding(seawall, "pids_limit", good, passed=False)
        # Another policy, another effect; nothing failed anew.
        seawall.apply(NOTHING)
        self.finding(seawall, "privileged", bad, passed=False, effect="alert", rule=None)
        self.assertEqual(seawall.attempt("compliance").returncode, 0)
        self.docker.docker("rm", "-f", bad)
        poll.until("its findings are gone", lambda: [f for f in self.listed(seawall) if f["target"] == bad] == [], 10)
        self.finding(seawall, "privileged", good, passed=True)

    def test_survives_restarts_of_its_parts(self):
        seawall = self.begin(self.docker)
        for check, target in (("swarm_mode", self.docker.socket), ("engine_socket_mode", self.docker.socket),
                              ("image_secrets", f"docker.io/{engines.IMAGE}")):
            self.finding(seawall, check, target)

        def now():
            return {f["id"]: f["passed"] for f in self.listed(seawall)}
        before = now()
        for program in ("seawall-gate", "seawall-defender", "seawall-console"):
            pid = seawall.processes()[program]
            os.kill(pid, 9)
            poll.until(f"{program} is back", lambda p=program, o=pid: seawall.processes().get(p, o) != o, 20)
            poll.until("it is ready", lambda: seawall.attempt("status").returncode == 0, 20)
            poll.until("the same findings", lambda: before.items() <= now().items(), 20, 0.2)
