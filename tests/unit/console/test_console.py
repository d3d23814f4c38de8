#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real Console over HTTPS, with play_defender at its socket. As root it also runs confined.

usage: test_console.py CONSOLE PLAY_DEFENDER [unittest arguments]
"""
import faulthandler
import http.client
import json
import os
import queue
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

warnings.simplefilter("ignore", ResourceWarning)
CONSOLE, PLAY = (os.path.abspath(p) for p in sys.argv[1:3])
NOW = time.time()


def stamp(offset=0.0):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(NOW + offset)) + ".000000000Z"


def until(what, check, seconds=10):
    """Polls `check` until it answers with something true; fails after the deadline."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError("not within %s s: %s" % (seconds, what))
        time.sleep(0.01)


class Defender:
    """A running play_defender: send() and what the Console said, by type."""

    def __init__(self, state):
        self.process = subprocess.Popen([PLAY, state + "/run/console.sock"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.seen = []
        self.answers = {}
        threading.Thread(target=self.read, daemon=True).start()
        self.wait("connected")

    def read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            self.seen.append(message)
            if message["type"] in self.answers:
                self.answers[message["type"]](message)

    def send(self, kind, body, seq=0):
        self.process.stdin.write(json.dumps({"send": kind, "seq": seq, "body": body}) + "\n")
        self.process.stdin.flush()

    def wait(self, kind, check=lambda m: True, seconds=10):
        return until(kind, lambda: next((m for m in self.seen if m["type"] == kind and check(m)), None), seconds)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Stream:
    """One client of /stream: events as (id, event, data) in a queue."""

    def __init__(self, console, query="", headers=None):
        self.connection = console.connection()
        self.connection.request("GET", "/api/v1/stream" + query, headers={**console.auth, **(headers or {})})
        self.response = self.connection.getresponse()
        self.events = queue.Queue()
        self.ids = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        fields = {}
        try:
            for raw in self.response:
                line = raw.decode().rstrip("\n")
                if line:
                    key, _, value = line.partition(": ")
                    fields[key] = value
                elif "event" in fields:
                    self.events.put((fields.get("id"), fields["event"], json.loads(fields["data"])))
                    fields = {}
                else:
                    fields = {}
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass

    def next(self, event, check=lambda d: True, seconds=10):
        end = time.monotonic() + seconds
        while True:
            number, name, data = self.events.get(timeout=max(0.01, end - time.monotonic()))
            if number:
                self.ids.append(number)
            if name == event and check(data):
                return data

    def close(self):
        self.connection.sock and self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()


class Console:
    def __init__(self, state=None):
        self.state = state or tempfile.mkdtemp(prefix="seawall-console-")
        self.start()

    def start(self):
        for _ in range(20):
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                self.port = s.getsockname()[1]
            # Confined, a process built with the sanitizers cannot look for leaks: it sees no /proc.
            env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"} if os.geteuid() == 0 else None
            self.process = subprocess.Popen([CONSOLE, "--state", self.state, "--listen", "127.0.0.1:%d" % self.port],
                                            env=env)
            ready = self.state + "/run/console.ready"
            pid = str(self.process.pid)
            end = time.monotonic() + 10
            while self.process.poll() is None and time.monotonic() < end:
                if os.path.exists(ready) and open(ready).read().strip() == pid:
                    self.read_credentials()
                    return
                time.sleep(0.01)
            if self.process.poll() is None:
                self.kill()
                raise AssertionError("the Console does not get ready")
        raise AssertionError("the Console does not start")

    def read_credentials(self):
        self.tls = ssl.create_default_context(cafile=self.state + "/console/tls/cert.pem")
        self.token = open(self.state + "/admin.token").read().strip()
        self.auth = {"Authorization": "Bearer " + self.token}

    def connection(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=20)

    def ask(self, method, path, body=None, headers=None, auth=True):
        c = self.connection()
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        c.request(method, path if path.startswith("//") is False else path[1:], body,
                  {**(self.auth if auth else {}), **(headers or {})})
        r = c.getresponse()
        data = r.read()
        c.close()
        r.data = data
        r.json = json.loads(data) if "json" in (r.getheader("Content-Type") or "") else None
        return r

    def get(self, path):
        return self.ask("GET", "/api/v1" + path).json

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        shutil.rmtree(self.state, ignore_errors=True)
        if code:
            raise AssertionError("the Console ended with %d" % code)


def container(n, **more):
    return {"id": "%064x" % (0xabc000 + n), "name": "web%d" % n, "image": "docker.io/library/nginx:latest",
            "runtime": "docker", "state": "running", "created": stamp(n / 1000), "addresses": ["172.30.0.%d" % (n + 2)],
            **more}


def audit(n, c, **more):
    return {"id": "a-%d" % n, "time": stamp(n / 100), "kind": "runtime", "detection": "crypto_miner",
            "rule": "stop miners", "effect": "block", "done": "block", "severity": "critical", "techniques": ["T1496"],
            "message": "[Seawall] container blocked by rule 'stop miners': crypto miner: argument 'stratum+tcp://'",
            "evidence": "argv", "process": {"pid": 123, "path": "/usr/bin/nginx", "args": ["nginx", "-o", "stratum+tcp://p:1"],
                                            "ancestry": [{"pid": 1, "path": "/bin/sh"}]},
            "container": {k: c[k] for k in ("id", "name", "image")}, "host": "vm", "count": 1,
            "first": stamp(n / 100), "last": stamp(n / 100), **more}


def finding(n, check, target, resource, **more):
    return {"id": check + "@" + target, "check": check, "resource": resource, "target": target, "severity": "low",
            "title": "t", "passed": False, "effect": "alert", "host": "vm", "time": stamp(n), **more}


def edge(c, address, **more):
    return {"container": c["id"], "process": "/usr/bin/nginx", "direction": "outbound", "proto": "tcp",
            "address": address, "port": 5555, "count": 1, "bytes_sent": 320, "first": stamp(-60), "last": stamp(), **more}


class WithConsole(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.console = Console()
        cls.addClassCleanup(cls.console.stop)
        cls.defender = Defender(cls.console.state)
        cls.addClassCleanup(cls.defender.close)


class Access(WithConsole):
    def login(self, user, password):
        return self.console.ask("POST", "/api/v1/login", {"user": user, "password": password}, auth=False)

    def test_nothing_without_credentials(self):
        for path in ("/api/v1/status", "/api/v1/audits", "/api/v1/policy", "/metrics"):
            r = self.console.ask("GET", path, auth=False)
            self.assertEqual((path, r.status), (path, 401))
            self.assertEqual(r.getheader("Content-Type"), "application/problem+json")
        r = self.console.ask("GET", "/api/v1/status", headers={"Authorization": "Bearer nonsense"}, auth=False)
        self.assertEqual(r.status, 401)

    def test_health_is_public(self):
        r = self.console.ask("GET", "/healthz", auth=False)
        self.assertEqual((r.status, r.data.strip()), (200, b"ok"))

    def test_session_csrf_and_password(self):
        password = open(self.console.state + "/run/initial-password").read().strip()
        r = self.login("admin", password)
        self.assertEqual((r.status, r.json), (200, {"user": "admin", "role": "admin"}))
        cookie = r.getheader("Set-Cookie")
        for flag in ("HttpOnly", "SameSite=Strict", "Secure"):
            self.assertIn(flag, cookie)
        h = {"Cookie": cookie.split(";")[0]}
        self.assertEqual(self.console.ask("GET", "/api/v1/me", headers=h, auth=False).json["user"], "admin")
        change = {"old": password, "new": "correct horse battery"}
        # By cookie a change needs the header that a foreign page cannot send.
        self.assertEqual(self.console.ask("POST", "/api/v1/password", change, h, auth=False).status, 403)
        h["X-Requested-With"] = "seawall"
        short = self.console.ask("POST", "/api/v1/password", {"old": password, "new": "short"}, h, auth=False)
        self.assertEqual(short.status, 400)
        r = self.console.ask("POST", "/api/v1/password", change, h, auth=False)
        self.assertEqual(r.status, 204)
        fresh = {**h, "Cookie": r.getheader("Set-Cookie").split(";")[0]}
        # The old session went with the old password, the new one works until log-out.
        self.assertEqual(self.console.ask("GET", "/api/v1/me", headers=h, auth=False).status, 401)
        self.assertEqual(self.console.ask("GET", "/api/v1/me", headers=fresh, auth=False).status, 200)
        self.assertEqual(self.console.ask("POST", "/api/v1/logout", headers=fresh, auth=False).status, 204)
        self.assertEqual(self.console.ask("GET", "/api/v1/me", headers=fresh, auth=False).status, 401)
        self.assertEqual(self.login("admin", password).status, 401)
        self.assertEqual(self.login("admin", change["new"]).status, 200)
        said = [a["message"] for a in self.console.get("/audits?kind=admin")["items"]]
        self.assertTrue(any("changed the password" in m for m in said), said)

    def test_rate_limit(self):
        codes = [self.login("nobody", "wrong").status for _ in range(12)]
        self.assertEqual(codes[0], 401)
        self.assertEqual(codes[-1], 429)

    def test_limits_and_methods(self):
        big = b"x" * 20000
        self.assertEqual(self.console.ask("POST", "/api/v1/login", big, auth=False).status, 413)
        self.assertEqual(self.console.ask("DELETE", "/api/v1/policy").status, 405)
        self.assertEqual(self.console.ask("GET", "/api/v1/nothing").status, 404)
        self.assertEqual(self.console.ask("GET", "/api/v1/audits?limit=-3").status, 400)
        self.assertEqual(self.console.ask("GET", "/api/v1/audits?cursor=x").status, 400)
        self.assertEqual(self.console.ask("GET", "/api/v1/audits?since=yesterday").status, 400)

    def test_ui_and_headers(self):
        r = self.console.ask("GET", "/forensics/web1", auth=False)
        self.assertEqual(r.status, 200)
        self.assertIn(b"<html", r.data.lower())
        self.assertIn("frame-ancestors 'none'", r.getheader("Content-Security-Policy"))
        self.assertEqual(r.getheader("X-Content-Type-Options"), "nosniff")
        again = self.console.ask("GET", "/", headers={"If-None-Match": r.getheader("ETag")}, auth=False)
        self.assertEqual(again.status, 304)
        packed = self.console.ask("GET", "/", headers={"Accept-Encoding": "gzip"}, auth=False)
        self.assertEqual(packed.getheader("Content-Encoding"), "gzip")
        self.assertEqual(self.console.ask("GET", "/assets/none.js", auth=False).status, 404)

    def test_openapi_names_every_schema(self):
        d = self.console.get("/openapi.json")
        self.assertEqual(d["openapi"], "3.1.0")
        text = json.dumps(d)
        for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
            self.assertIn(name, d["components"]["schemas"])

    @unittest.skipUnless(os.geteuid() == 0, "needs root: the rights that are given up")
    def test_confined(self):
        pid = self.console.process.pid
        status = open("/proc/%d/status" % pid).read()
        self.assertNotIn("Uid:\t0", status)
        self.assertIn("NoNewPrivs:\t1", status)
        self.assertEqual(os.readlink("/proc/%d/root" % pid), os.path.realpath(self.console.state) + "/console")
        for name in ("admin.token", "run/initial-password", "console/tls/key.pem", "console/seawall.db"):
            if os.path.exists(self.console.state + "/" + name):
                self.assertEqual(os.stat(self.console.state + "/" + name).st_mode & 0o777, 0o600, name)


class Records(WithConsole):
    def test_container_by_id_name_and_prefix(self):
        c = container(1)
        self.defender.send("container", c)
        until("container", lambda: self.console.ask("GET", "/api/v1/containers/web1").status == 200)
        for what in (c["id"], c["name"]):
            self.assertEqual(self.console.get("/containers/" + what)["id"], c["id"])
        self.assertIn(c["id"], [x["id"] for x in self.console.get("/containers")["items"]])
        self.defender.send("container", {**c, "state": "removed"})
        until("gone", lambda: c["id"] not in [x["id"] for x in self.console.get("/containers")["items"]])
        self.assertIn(c["id"], [x["id"] for x in self.console.get("/containers?all=1")["items"]])

    def test_audit_commit_ack_incident_and_radar(self):
        with open(self.console.state + "/console/geo-overlay.csv", "w") as f:
            f.write("203.0.113.0/24,SG\n")
        c = container(2)
        stream = Stream(self.console)
        self.defender.send("container", c)
        node = stream.next("radar", lambda d: d["op"] == "node" and d["node"]["id"] == "container:" + c["id"])["node"]
        self.assertEqual((node["state"], node["color"], node["parent"]),
                         ("running", "green", "image:docker.io/library/nginx:latest"))
        self.defender.send("edge", edge(c, "203.0.113.7"))
        e = stream.next("radar", lambda d: d["op"] == "edge")["edge"]
        self.assertEqual((e["to"], e["country"], e["port"], e["effect"], e["addresses"]),
                         ("internet:SG", "SG", 5555, "allow", ["203.0.113.7"]))
        sent = time.monotonic()
        self.defender.send("audit", audit(1, c, network={"direction": "outbound", "proto": "tcp",
                                                         "address": "203.0.113.7", "port": 5555}), seq=41)
        a = stream.next("audit", lambda d: d["id"] == "a-1")
        self.assertLess(time.monotonic() - sent, 0.5)
        self.assertEqual(a["network"]["country"], "SG")
        self.defender.wait("audit_ack", lambda m: m["body"]["seq"] == 41)
        i = stream.next("incident", lambda d: d["id"] == a["incident"] and d["story"])
        self.assertEqual((i["severity"], i["state"], i["audits"]), ("critical", "open", 1))
        for word in ("/usr/bin/nginx", "parent /bin/sh", "container web2", "by its arguments", "rule 'stop miners'",
                     "Before that it had connected to 203.0.113.7:5555 (SG)"):
            self.assertIn(word, i["story"])
        radar = self.console.get("/radar")
        nodes = {n["id"]: n for n in radar["nodes"]}
        self.assertEqual(nodes["container:" + c["id"]]["state"], "blocked")
        self.assertIn("blocked by rule", nodes["container:" + c["id"]]["reason"])
        self.assertEqual(nodes["internet:SG"]["label"], "Singapore")
        self.assertIn("incident", nodes[node["parent"]]["badges"])
        # A repeat replaces; an older count does not.
        self.defender.send("audit", audit(1, c, count=9), seq=42)
        self.defender.send("audit", audit(1, c, count=3), seq=43)
        self.defender.wait("audit_ack", lambda m: m["body"]["seq"] == 43)
        self.assertEqual(self.console.get("/audits/a-1")["count"], 9)
        single = self.console.get("/incidents/" + i["id"])
        self.assertEqual(([x["id"] for x in single["items"]], single["audits"]), (["a-1"], 1))
        self.assertEqual(self.console.get("/containers/web2")["worst"], "critical")
        self.assertEqual(self.console.get("/containers/web2/connections")["items"][0]["country"], "SG")
        r = self.console.ask("POST", "/api/v1/incidents/%s/ack" % i["id"])
        self.assertEqual((r.status, r.json["state"]), (200, "acknowledged"))
        until("the badge gone", lambda: "incident" not in next(
            n for n in self.console.get("/radar")["nodes"] if n["id"] == "container:" + c["id"])["badges"])
        stream.close()

    def test_compliance(self):
        c = container(70, image="docker.io/library/checked:latest")
        stream = Stream(self.console)
        self.defender.send("container", c)
        told = [finding(1, "daemon_tcp", "/d.sock", "daemon", severity="critical", cause="tcp://0.0.0.0:2375", cis="2.7"),
                finding(2, "daemon_icc", "/d.sock", "daemon", passed=True),
                finding(3, "engine_socket_mode", "/d.sock", "file", severity="high", effect="disable", rule="accepted"),
                finding(4, "privileged", c["id"], "container", severity="critical", effect="block", rule="basics",
                        container={"id": c["id"], "name": c["name"]}),
                finding(5, "host_pid", c["id"], "container", passed=True, container={"id": c["id"], "name": c["name"]})]
        for f in told:
            self.defender.send("finding", f)
        node = stream.next("radar", lambda d: d["op"] == "node" and d["node"]["kind"] == "host" and d["node"].get("badges"))["node"]
        self.assertEqual((node["badges"], node["color"]), (["compliance", "daemon on open TCP"], "red"))
        first = stream.next("compliance_finding", lambda d: d["check"] == "daemon_tcp")
        self.assertEqual((first["id"], first["host"]), ("daemon_tcp@/d.sock", "vm"))

        def ids(query=""):
            return sorted(x["check"] for x in self.console.get("/compliance" + query)["items"])
        until("all are stored", lambda: len(ids()) == 5)
        self.assertEqual(ids("?passed=false"), ["daemon_tcp", "privileged"])
        self.assertEqual(ids("?passed=true"), ["daemon_icc", "host_pid"])
        self.assertEqual(ids("?passed=ignored"), ["engine_socket_mode"])
        self.assertEqual(ids("?resource=daemon"), ["daemon_icc", "daemon_tcp"])
        self.assertEqual(ids("?check=host_pid"), ["host_pid"])
        self.assertEqual(ids("?severity=critical&effect=block"), ["privileged"])
        self.assertEqual(ids("?container=" + c["name"]), ["host_pid", "privileged"])
        self.assertEqual(self.console.ask("GET", "/api/v1/compliance?passed=maybe").status, 400)
        page = self.console.get("/compliance?limit=2")
        rest = self.console.get("/compliance?limit=5&cursor=" + page["next"])
        self.assertEqual([x["check"] for x in page["items"] + rest["items"]],
                         ["host_pid", "privileged", "engine_socket_mode", "daemon_icc", "daemon_tcp"])
        self.assertIsNone(rest["next"])
        s = self.console.get("/compliance/summary")
        self.assertEqual((s["rate"], s["passed"], s["failed"], s["ignored"], s["blocked"]), (0.5, 2, 2, 1, 1))
        self.assertEqual(s["by_resource"]["container"], {"passed": 1, "failed": 1, "ignored": 0})
        self.assertEqual(s["by_severity"], {"critical": 2, "high": 0, "medium": 0, "low": 0})
        self.assertNotIn("host", s["by_resource"])

        # The same again is no news; then the next thing that is told is this one.
        self.defender.send("finding", {**told[1], "time": stamp(89)})
        # Mended; taken back; what was told before a full look and not in it.
        self.defender.send("finding", {**told[0], "passed": True, "cause": None, "time": stamp(90)})
        stream.next("radar", lambda d: d["op"] == "remove" and d["id"] == node["id"])
        self.assertEqual(stream.next("compliance_finding", lambda d: d["time"] >= stamp(89))["check"], "daemon_tcp")
        until("it passes", lambda: ids("?passed=false") == ["privileged"])
        self.defender.send("finding", {"id": told[1]["id"], "resource": "daemon", "host": "vm", "time": stamp(91)})
        self.assertEqual(stream.next("compliance_gone")["id"], told[1]["id"])
        self.defender.send("finding", {"id": "*", "resource": "file", "host": "vm", "time": stamp(92)})
        until("both are gone", lambda: ids() == ["daemon_tcp", "host_pid", "privileged"])
        self.defender.send("container", {**c, "state": "removed"})
        until("the container's are gone", lambda: ids() == ["daemon_tcp"])
        self.assertEqual(self.console.get("/compliance/summary")["rate"], 1)

    def test_cursor_pages_cover_everything_once(self):
        c = container(3)
        for n in range(250):
            self.defender.send("audit", audit(1000 + n, c, detection="denied_port", time=stamp(n // 10)), seq=1000 + n)
        self.defender.wait("audit_ack", lambda m: m["body"]["seq"] == 1249)
        seen, cursor = [], ""
        while cursor is not None:
            page = self.console.get("/audits?limit=40&detection=denied_port" + ("&cursor=" + cursor if cursor else ""))
            seen += [a["id"] for a in page["items"]]
            cursor = page["next"]
        self.assertEqual(len(seen), 250)
        self.assertEqual(len(set(seen)), 250)
        times = [a["time"] for a in self.console.get("/audits?limit=1000&detection=denied_port")["items"]]
        self.assertEqual(times, sorted(times, reverse=True))

    def test_audits_are_looked_for(self):
        c = container(8)

        def command(n, user, action, verdict, **more):
            self.defender.send("audit", audit(n, c, kind="access", detection=None, done="block" if verdict == "deny" else None,
                                              effect="block" if verdict == "deny" else "disable", severity=None,
                                              command={"user": user, "action": action, "verdict": verdict, **more}), seq=8000 + n)
        command(3001, "alice", "container_create", "deny", groups=["ops"], parameters=["privileged=true"])
        command(3002, "bob", "container_exec_create", "alert", target="web8")
        command(3003, None, "ping", "allow")
        self.defender.wait("audit_ack", lambda m: m["body"]["seq"] == 11003)

        def ids(query):
            return [a["id"] for a in self.console.get("/audits?kind=access" + query)["items"]]
        for query, found in (("", [3003, 3002, 3001]), ("&user=alice", [3001]), ("&user=*B", [3002]), ("&user=local%20socket", [3003]),
                             ("&action=container_*", [3002, 3001]), ("&verdict=alert", [3002]), ("&done=block", [3001]),
                             ("&text=PRIVILEGED", [3001]), ("&text=ops&verdict=deny", [3001]), ("&user=nobody", [])):
            self.assertEqual((query, ids(query)), (query, ["a-%d" % n for n in found]))
        page = self.console.get("/audits?user=*&limit=2")
        rest = self.console.get("/audits?user=*&cursor=" + page["next"])
        self.assertEqual([len(page["items"]), len(rest["items"]), rest["next"]], [2, 1, None])
        for query, word in (("verdict=denied", "allow, alert, deny"), ("done=blocked", "weakened"), ("kind=x", "runtime"),
                            ("user=a*b", "*"), ("action=a*b", "*"), ("text=" + 300 * "x", "256"), ("effect=x", "prevent")):
            r = self.console.ask("GET", "/api/v1/audits?" + query)
            self.assertEqual((query, r.status), (query, 400))
            self.assertIn(word, r.json["detail"])
        names = [p["name"] for p in self.console.get("/openapi.json")["paths"]["/api/v1/audits"]["get"]["parameters"]]
        for name in ("user", "action", "verdict", "done", "text"):
            self.assertIn(name, names)

    def test_stream_resumes_after_the_last_event(self):
        c = container(4)
        first = Stream(self.console, "?topics=audits")
        self.defender.send("audit", audit(2000, c), seq=5000)
        first.next("audit", lambda d: d["id"] == "a-2000")
        last = first.ids[-1]
        first.close()
        for n in (2001, 2002):
            self.defender.send("audit", audit(n, c), seq=5000 + n)
        self.defender.wait("audit_ack", lambda m: m["body"]["seq"] == 7002)
        again = Stream(self.console, "?topics=audits", {"Last-Event-ID": last})
        self.assertEqual([again.next("audit")["id"] for _ in range(2)], ["a-2001", "a-2002"])
        again.close()
        old = Stream(self.console, "?topics=audits&after=5")
        self.assertEqual(old.next("radar"), {"op": "reset"})
        old.close()

    def test_forensics_and_processes_are_asked_of_the_defender(self):
        c = container(5)
        self.defender.send("container", c)
        until("container", lambda: self.console.ask("GET", "/api/v1/containers/web5").status == 200)

        def events(m):
            self.assertEqual(m["body"]["container"], c["id"])
            first = {"seq": 7, "time": stamp(), "type": "exec", "container": c["id"], "path": "/bin/sh"}
            second = {"seq": 8, "time": stamp(), "type": "connect", "container": c["id"], "address": "203.0.113.9"}
            self.defender.send("events", {"events": [first]}, m["seq"])
            self.defender.send("events", {"events": [second], "last": True, "more": True}, m["seq"])

        self.defender.answers["query_events"] = events
        r = self.console.get("/forensics/web5?limit=2")
        self.assertEqual([e["seq"] for e in r["items"]], [7, 8])
        self.assertEqual(r["next"], "8")
        self.defender.answers["query_processes"] = lambda m: self.defender.send(
            "processes", {"processes": [{"pid": 9, "path": "/bin/true"}]}, m["seq"])
        self.assertEqual(self.console.get("/containers/web5/processes")["items"][0]["pid"], 9)
        # No answer: a clear problem after the deadline, and the Console goes on.
        self.defender.answers.clear()
        r = self.console.ask("GET", "/api/v1/containers/web5/processes")
        self.assertEqual(r.status, 504)

    def test_status(self):
        self.defender.send("status", {"ready": True, "version": "0.1.0", "policy_revision": 1, "containers": 3})
        until("ready", lambda: self.console.ask("GET", "/readyz", auth=False).status == 200)
        self.assertEqual(self.console.get("/status")["containers"], 3)
        self.assertIn(b"seawall_enforcing 1\n", self.console.ask("GET", "/metrics").data)


class Policy(WithConsole):
    def test_put_check_history_rollback(self):
        before = self.console.get("/policy")
        p = self.defender.wait("policy")
        self.assertEqual(p["body"]["revision"], before["revision"])
        text = before["text"].replace("crypto_miners: alert", "crypto_miners: block")
        self.assertNotEqual(text, before["text"])
        diff = self.console.ask("POST", "/api/v1/policy/diff", text).json["diff"]
        self.assertIn("+      crypto_miners: block", diff)
        edited = self.console.ask("POST", "/api/v1/policy/edit",
                                  {"rule": "default", "key": "processes.crypto_miners", "value": "block"}).json
        self.assertEqual(edited["text"], text)
        r = self.console.ask("PUT", "/api/v1/policy", text, {"If-Match": '"%d"' % before["revision"]})
        self.assertEqual(r.status, 200)
        self.assertEqual(r.json["revision"], before["revision"] + 1)
        self.defender.wait("policy", lambda m: m["body"]["revision"] == r.json["revision"])
        late = self.console.ask("PUT", "/api/v1/policy", text, {"If-Match": '"%d"' % before["revision"]})
        self.assertEqual(late.status, 412)
        bad = self.console.ask("PUT", "/api/v1/policy", "version: 1\nruntime:\n  - name: x\n    proceses: {}\n")
        self.assertEqual(bad.status, 422)
        self.assertEqual((bad.json["errors"][0]["line"], bad.json["errors"][0]["level"]), (4, "error"))
        self.assertEqual(self.console.get("/policy")["revision"], r.json["revision"])
        check = self.console.ask("POST", "/api/v1/policy/check", "version: 1\nruntime: 7\n").json
        self.assertFalse(check["ok"])
        history = self.console.get("/policy/history")["items"]
        self.assertEqual((history[0]["added"], history[0]["removed"], history[0]["author"]), (1, 1, "admin token"))
        back = self.console.ask("POST", "/api/v1/policy/rollback", {"revision": before["revision"]}).json
        now = self.console.get("/policy")
        self.assertEqual((now["revision"], now["text"]), (back["revision"], before["text"]))
        self.assertEqual(self.console.ask("GET", "/api/v1/policy/revisions/999").status, 404)

    def test_several_files(self):
        parts = {"a.yaml": "version: 1\ncollections:\n  - {name: everything}\n",
                 "b.yaml": "version: 1\nruntime:\n  - {name: x, scope: [everything], processes: {crypto_miners: nope}}\n"}
        body = "".join("--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"%s\"\r\n\r\n%s\r\n" % kv
                       for kv in parts.items()) + "--B--\r\n"
        r = self.console.ask("POST", "/api/v1/policy/check", body, {"Content-Type": "multipart/form-data; boundary=B"})
        self.assertFalse(r.json["ok"])
        self.assertEqual((r.json["messages"][0]["file"], r.json["messages"][0]["line"]), ("b.yaml", 3))
        broken = self.console.ask("POST", "/api/v1/policy/check", body[:-10],
                                  {"Content-Type": "multipart/form-data; boundary=B"})
        self.assertEqual(broken.status, 400)


class Faults(unittest.TestCase):
    def start(self, state=None):
        console = Console(state)
        self.addCleanup(console.stop)
        defender = Defender(console.state)
        self.addCleanup(defender.close)
        return console, defender

    @staticmethod
    def complains(console):
        return any("database" in w for w in console.get("/status")["warnings"])

    def test_killed_console_has_lost_nothing_that_it_acknowledged(self):
        console, defender = self.start()
        c = container(1)
        defender.send("container", c)
        for n in range(400):
            defender.send("audit", audit(n, c), seq=n + 1)
        until("an acknowledgement", lambda: [m for m in defender.seen if m["type"] == "audit_ack"])
        console.kill()
        defender.wait("closed")
        acknowledged = max(m["body"]["seq"] for m in defender.seen if m["type"] == "audit_ack")
        console.start()
        have = {a["id"] for a in console.get("/audits?limit=1000")["items"]}
        missing = [n for n in range(acknowledged) if "a-%d" % n not in have]
        self.assertEqual(missing, [])
        until("connected again", lambda: sum(m["type"] == "connected" for m in defender.seen) == 2)

    @unittest.skipUnless(os.geteuid() == 0, "needs root: mounts a small file system")
    def test_full_disk_is_told_and_survived(self):
        state = tempfile.mkdtemp(prefix="seawall-console-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", state], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", state], check=True))
        console, defender = self.start(state)
        c = container(1)
        defender.send("container", c)
        with open(state + "/ballast", "wb") as f:
            f.write(b"x" * (13 << 20))
        # More than the 3 MiB that are left, and with log and database together less than the ballast: a slow Console
        # still has some of them to read when it is gone.
        sent, blob = 0, "x" * 20000
        while sent < 240 and not self.complains(console):
            for _ in range(20):
                sent += 1
                defender.send("audit", audit(sent, c, file=blob), seq=sent)
        until("the warning", lambda: self.complains(console))
        acknowledged = max([m["body"]["seq"] for m in defender.seen if m["type"] == "audit_ack"] or [0])
        self.assertLess(acknowledged, sent)
        self.assertIsNone(console.process.poll())
        os.unlink(state + "/ballast")
        # It notices by itself, and makes the Defender repeat what was not acknowledged: after each new connection, of
        # which there may have been one already, that a last free page had brought about.
        served = 1

        def acknowledges_all():
            nonlocal served
            connections = sum(m["type"] == "connected" for m in defender.seen)
            if connections > served:
                served = connections
                for n in range(acknowledged + 1, sent + 1):
                    defender.send("audit", audit(n, c, file="y"), seq=n)
            return any(m["type"] == "audit_ack" and m["body"]["seq"] == sent for m in defender.seen)
        until("all is acknowledged", acknowledges_all)
        have = {a["id"] for a in console.get("/audits?limit=1000")["items"]}
        self.assertEqual([n for n in range(1, sent + 1) if "a-%d" % n not in have], [])
        until("no warning", lambda: not self.complains(console))

    def test_password_stays(self):
        console, _ = self.start()
        path = console.state + "/run/initial-password"
        first = open(path).read()
        token = console.token
        console.kill()
        console.start()
        self.assertEqual(open(path).read(), first, "what was printed must stay true over a crash")
        self.assertEqual(console.token, token)
        r = console.ask("POST", "/api/v1/login", {"user": "admin", "password": open(path).read().strip()}, auth=False)
        h = {"Cookie": r.getheader("Set-Cookie").split(";")[0], "X-Requested-With": "seawall"}
        change = {"old": open(path).read().strip(), "new": "correct horse battery"}
        self.assertEqual(console.ask("POST", "/api/v1/password", change, h, auth=False).status, 204)
        console.kill()
        console.start()
        self.assertFalse(os.path.exists(path))
        r = console.ask("POST", "/api/v1/login", {"user": "admin", "password": change["new"]}, auth=False)
        self.assertEqual(r.status, 200)

    def test_a_stored_policy_that_no_longer_loads(self):
        console, defender = self.start()
        console.kill()
        with sqlite3.connect(console.state + "/console/seawall.db") as db:
            db.execute("UPDATE policies SET text = 'version: 77'")
        db.close()
        if os.geteuid() == 0:
            for name in os.listdir(console.state + "/console"):
                shutil.chown(console.state + "/console/" + name, os.stat(console.state + "/console").st_uid)
        policies = sum(m["type"] == "policy" for m in defender.seen)
        console.start()
        until("connected again", lambda: sum(m["type"] == "connected" for m in defender.seen) == 2)
        self.assertTrue(any("policy does not load" in w for w in console.get("/status")["warnings"]))
        self.assertIsNone(console.get("/policy")["policy"])
        self.assertEqual(sum(m["type"] == "policy" for m in defender.seen), policies)
        self.assertEqual(console.ask("POST", "/api/v1/policy/diff", "version: 1\n").status, 200)
        self.assertEqual(console.ask("PUT", "/api/v1/policy", "version: 1\n").status, 200)
        until("sent", lambda: sum(m["type"] == "policy" for m in defender.seen) == policies + 1)
        until("no warning", lambda: not any("policy does not load" in w for w in console.get("/status")["warnings"]))

    def test_second_console_changes_nothing(self):
        console, _ = self.start()
        path = console.state + "/run/initial-password"
        before = open(path).read()
        r = subprocess.run([CONSOLE, "--state", console.state, "--listen", "127.0.0.1:%d" % console.port],
                           capture_output=True, text=True)
        self.assertEqual(r.returncode, 2)
        self.assertIn("free port", r.stderr)
        self.assertEqual(open(path).read(), before)
        self.assertEqual(console.ask("GET", "/api/v1/me").status, 200)

    def test_wrong_options(self):
        for args in (["--listen", "nonsense"], ["--no-such"], ["argument"]):
            with tempfile.TemporaryDirectory() as state:
                r = subprocess.run([CONSOLE, "--state", state] + args, capture_output=True, text=True)
                self.assertEqual(r.returncode, 2)
                self.assertTrue(r.stderr)


if __name__ == "__main__":
    # Whatever hangs is a failure, not a wait.
    faulthandler.dump_traceback_later(100, exit=True)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], warnings="ignore")
