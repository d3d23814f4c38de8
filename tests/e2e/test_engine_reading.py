# SPDX-License-Identifier: Apache-2.0
"""What we read in a request to create a container is what dockerd makes of it, or we refuse it.

Requests are sent as bytes to a real dockerd and read by our reader; what dockerd created is then read
from its own description, by the same code that compliance uses, and compared.
"""
import json
import random
import re
import socket
import subprocess

import engines
import scene
from lib import paths

CREATE = "/v1.41/containers/create"
JSON = "Content-Type: application/json"
# What dockerd adds by itself, and so is not in any request.
OWN = {"security_options": {"label=disable"}, "env_names": {"PATH"}}
HOST_CGROUP = 1 << 5


def head(method, uri, headers=(JSON,)):
    return [f"{method} {uri}", *headers]


class EngineReading(scene.Engine):

    def read(self, lines, body):
        text = "\n".join(lines).encode("latin1") + b"\n\n" + body
        done = subprocess.run([paths.test_program("engine_reading"), "request"], input=text, capture_output=True, check=True)
        return json.loads(done.stdout)

    def send(self, lines, body, chunked=False):
        """(status, answer) of dockerd."""
        lines = [lines[0] + " HTTP/1.1", "Host: x", "Connection: close", *lines[1:]]
        if chunked:
            lines.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        else:
            lines.append(f"Content-Length: {len(body)}")
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(20)
            peer.connect(self.docker.socket)
            peer.sendall("\r\n".join(lines).encode("latin1") + b"\r\n\r\n" + body)
            answer = b""
            while piece := peer.recv(65536):
                answer += piece
        return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]

    def created(self, answer):
        """Facts of the container that dockerd made, which is removed."""
        container = re.search(rb'"Id":"([0-9a-f]{64})"', answer).group(1).decode()
        described = self.send([f"GET /v1.41/containers/{container}/json"], b"")[1]
        described = described[described.index(b"{"):described.rindex(b"}") + 1]
        self.send([f"DELETE /v1.41/containers/{container}?force=1"], b"")
        done = subprocess.run([paths.test_program("engine_reading"), "inspect"], input=re.sub(rb"\r\n[0-9a-f]+\r\n", b"", described),
                              capture_output=True, check=True)
        return json.loads(done.stdout)

    def compare(self, said, made):
        """Nothing was made that was not said."""
        for key in ("image", "privileged", "user", "memory", "readonly_root", "seccomp", "no_new_privileges", "args"):
            self.assertEqual(said[key], made[key], key)
        for key in ("capabilities", "devices", "joins", "security_options", "sysctls", "ports", "env_names", "binds"):
            more = [item for item in made[key] if item not in said[key] and item not in OWN.get(key, ())]
            self.assertEqual(more, [], key)
        self.assertEqual(made["host_namespaces"] & ~said["host_namespaces"] & ~HOST_CGROUP, 0)
        if made["restart_policy"] not in (None, "no"):
            self.assertEqual(said["restart_policy"], made["restart_policy"])

    def both(self, lines, body, chunked=False):
        """'refused', 'failed' (by dockerd) or 'same'."""
        said = self.read(lines, body)
        status, answer = self.send(lines, body, chunked)
        made = self.created(answer) if status == 201 else None
        if not said["readable"]:
            return "refused"
        if made is None:
            return "failed"
        self.assertEqual(said["action"], "container_create")
        self.compare(said, made)
        return "same"

    def body(self, host=None, **config):
        config = {"Image": engines.IMAGE, "Cmd": ["true"], **config}
        if host is not None:
            config["HostConfig"] = host
        return json.dumps(config).encode()

    def test_what_was_made_was_said(self):
        rows = [
            (head("POST", CREATE), self.body({"Privileged": True}), "same"),
            (head("POST", CREATE), self.body(None, Privileged=True, Binds=["/etc:/h"], CapAdd="SYS_ADMIN"), "same"),
            (head("POST", CREATE), self.body({}, Privileged=True), "same"),
            (head("POST", CREATE), self.body({"CapAdd": ["cap_net_admin", "all"], "PidMode": "host", "Binds": ["/etc/../root:/r:ro"]}), "same"),
            (head("POST", CREATE), '{"Image":"%s","Cmd":["true"],"Ho\u017ftConfig":{"Networ\u212aMode":"host","PRIVILEGED":true}}'.replace("%s", engines.IMAGE).encode(), "same"),
            (head("POST", "/v1.41/containers/%63reate"), self.body({"Privileged": True}), "same"),
            (head("POST", "/containers/create"), self.body({"Privileged": True}), "same"),
            (head("POST", CREATE, ["content-type: Application/JSON; charset=utf-8"]), self.body({}), "same"),
            (head("POST", CREATE), self.body({"SecurityOpt": ["seccomp:unconfined"], "MaskedPaths": [], "ReadonlyPaths": []}), "same"),
            # dockerd makes these, and we will not have them
            (head("POST", "/v1.41/containers%2fcreate"), self.body({"Privileged": True}), "refused"),
            (head("POST", "http://y/v1.41/containers/create"), self.body({"Privileged": True}), "refused"),
            (head("POST", "/v1.041/containers/create"), self.body({"Privileged": True}), "refused"),
            (head("POST", "//containers/create"), self.body({"Privileged": True}), "refused"),
            (head("POST", CREATE, [JSON, "Content-Type: text/plain"]), self.body({"Privileged": True}), "refused"),
            (head("POST", CREATE), self.body({}) + self.body({"Privileged": True}), "refused"),
            (head("POST", CREATE), b'{"Image":"%s","Cmd":["true"],"HostConfig":{"Privileged":false,"privileged":true}}' % engines.IMAGE.encode(), "refused"),
            # dockerd will not have these
            (head("POST", CREATE), self.body({"Mounts": [{"Source": "/etc", "Target": "/x"}]}), "failed"),
            (head("POST", CREATE), self.body({"Binds": ["../x:/x"]}), "failed"),
        ]
        for number, (lines, body, expected) in enumerate(rows):
            with self.subTest(request=lines, body=body[:120]):
                self.assertEqual(self.both(lines, body, chunked=bool(number % 2)), expected)

    def test_a_form_behind_another_type(self):
        """The body of such a request replaces its query: refused, and this is why."""
        lines = head("POST", f"/v1.41/images/{engines.IMAGE}/tag?repo=reading/good&tag=1",
                     ["Content-Type: application/x-www-form-urlencoded", "Content-Type: text/plain"])
        body = b"repo=reading/evil&tag=7"
        self.assertFalse(self.read(lines, body)["readable"])
        self.assertEqual(self.send(lines, body)[0], 201)
        self.assertEqual(self.docker.docker("images", "-q", "reading/good"), "")
        self.docker.docker("rmi", "reading/evil:7")

    def test_volumes_by_another_name(self):
        """What a volume of the local driver shows to a container is what we said it binds."""
        for options, source in ((["type=none", "o=bind", "device=/etc"], "/etc"), (["type=devtmpfs", "device=x"], "/dev"),
                                (["type=none", "o=ro,rbind", "device=../../etc/../etc"], "/etc"),
                                (["type=overlay", "device=overlay", "o=lowerdir=/etc:/usr"], "/etc")):
            name = self.name()
            body = json.dumps({"Name": name, "Driver": "local", "DriverOpts": dict(o.split("=", 1) for o in options)}).encode()
            lines = head("POST", "/v1.41/volumes/create")
            with self.subTest(options=options):
                self.assertIn(source, [bind[0] for bind in self.read(lines, body)["binds"]])
                self.assertEqual(self.send(lines, body)[0], 201)
                seen = self.docker.docker("run", "--rm", "--network", "none", "-v", f"{name}:/v", engines.IMAGE, "ls", "/v").split()
                self.assertIn("null" if source == "/dev" else "passwd", seen)
            self.docker.docker("volume", "rm", "-f", name)

    def scramble(self, dice, key):
        """The same field for Go, by another spelling."""
        kind = dice.randrange(6)
        if kind == 0:
            return "".join(dice.choice((c.lower(), c.upper())) for c in key)
        if kind == 1:
            return key.replace("s", "\u017f", 1).replace("k", "\u212a", 1)
        return key

    def settings(self, dice):
        """A HostConfig of a few settings."""
        choices = {
            "Privileged": [True, False, None, "true", 1],
            "CapAdd": [["SYS_ADMIN"], "NET_ADMIN", ["cap_sys_ptrace", "chown"], [], None],
            "Binds": [["/etc:/a"], ["/:/a:ro"], ["/var//run/../log:/a:rw"], ["named:/a"], None],
            "NetworkMode": ["none", "host", "bridge", ""],
            "PidMode": ["host", "", None],
            "IpcMode": ["host", "private", "none"],
            "UTSMode": ["host", ""],
            "SecurityOpt": [["seccomp=unconfined"], ["no-new-privileges"], ["no-new-privileges:true", "apparmor=unconfined"], []],
            "Devices": [[{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "r"}], []],
            "DeviceCgroupRules": [["c 1:3 rwm"], None],
            "ReadonlyRootfs": [True, False],
            "RestartPolicy": [{"Name": "always"}, {"name": "no"}, None],
            "Memory": [33554432, 0, None],
            "Mounts": [[{"Type": "bind", "Source": "/etc/", "Target": "/m", "ReadOnly": True}], [{"type": "tmpfs", "target": "/m"}]],
            "MaskedPaths": [[], None], "ReadonlyPaths": [[], None],
            "Sysctls": [{"net.ipv4.ip_forward": "1"}, {}],
            "PortBindings": [{"80/tcp": [{"HostPort": "8099"}]}, {}],
        }
        return {key: dice.choice(choices[key]) for key in dice.sample(sorted(choices), dice.randrange(1, 6))}

    def text(self, dice, value):
        """JSON with scrambled keys, escapes, and now and then a key twice."""
        if not isinstance(value, dict):
            return json.dumps(value)
        members = []
        for key, inner in value.items():
            plain = key[0].islower() or "/" in key
            name = json.dumps(key if plain else self.scramble(dice, key), ensure_ascii=False)
            if dice.randrange(8) == 0:
                name = name.replace("e", "\\u0065", 1)
            members.append(f"{name}:{self.text(dice, inner)}")
            if dice.randrange(25) == 0:
                members.insert(0, f"{json.dumps(key)}:null")
        return "{" + ",".join(members) + "}"

    def test_any_spelling(self):
        counts = {"same": 0, "refused": 0, "failed": 0}
        for seed in range(40):
            dice = random.Random(seed)
            config, host = {"Image": engines.IMAGE, "Cmd": dice.choice((["true"], "true")), "User": dice.choice(("", "0", "nobody"))}, self.settings(dice)
            if dice.randrange(3):
                config["HostConfig"] = host
            else:
                config.update(host)
            body = self.text(dice, config).encode()
            with self.subTest(seed=seed, body=body):
                counts[self.both(head("POST", CREATE), body, bool(dice.randrange(2)))] += 1
        # A reader that refuses all, or an engine that does, would prove nothing.
        self.assertGreater(counts["same"], 12, counts)
