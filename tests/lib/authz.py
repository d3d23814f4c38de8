# SPDX-License-Identifier: Apache-2.0
"""dockerd's questions to its authorization plugin, as files for tests/programs/asker, and its runs."""
import base64
import json
import os
import subprocess

from lib import paths

# As the command line of Docker sends it for a service with the usual trimmings: some 3 KB.
CREATE = {
    "Hostname": "", "Domainname": "", "User": "1000:1000", "AttachStdin": False, "AttachStdout": False,
    "AttachStderr": False, "Tty": False, "OpenStdin": False, "StdinOnce": False, "ExposedPorts": {"8080/tcp": {}, "9090/tcp": {}},
    "Env": [f"SETTING_{i}=value-of-{i}-as-long-as-they-are" for i in range(24)], "Cmd": ["serve", "--port", "8080", "--workers", "4"],
    "Image": "seawall-test/base:1", "Volumes": {}, "WorkingDir": "/srv", "Entrypoint": None, "OnBuild": None,
    "Labels": {f"com.example.label-{i}": f"value {i}" for i in range(12)}, "StopSignal": "SIGTERM",
    "Healthcheck": {"Test": ["CMD-SHELL", "wget -qO- http://127.0.0.1:8080/health || exit 1"], "Interval": 30000000000},
    "HostConfig": {
        "Binds": ["/srv/app/data:/data", "/srv/app/conf:/etc/app:ro", "cache:/var/cache/app"], "ContainerIDFile": "",
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}, "NetworkMode": "app",
        "PortBindings": {"8080/tcp": [{"HostIp": "", "HostPort": "8080"}]}, "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
        "AutoRemove": False, "VolumeDriver": "", "VolumesFrom": None, "CapAdd": ["NET_BIND_SERVICE"], "CapDrop": ["ALL"], "CgroupnsMode": "",
        "Dns": [], "DnsOptions": [], "DnsSearch": [], "ExtraHosts": ["db:10.1.2.3"], "GroupAdd": None, "IpcMode": "", "Cgroup": "",
        "Links": None, "OomScoreAdj": 0, "PidMode": "", "Privileged": False, "PublishAllPorts": False, "ReadonlyRootfs": True,
        "SecurityOpt": ["no-new-privileges"], "Tmpfs": {"/tmp": "size=64m"}, "UTSMode": "", "UsernsMode": "", "ShmSize": 0,
        "ConsoleSize": [0, 0], "Isolation": "", "CpuShares": 0, "Memory": 536870912, "NanoCpus": 1500000000, "CgroupParent": "",
        "BlkioWeight": 0, "Devices": [], "DeviceRequests": None, "PidsLimit": 256, "Ulimits": [{"Name": "nofile", "Hard": 65536, "Soft": 65536}],
        "MaskedPaths": None, "ReadonlyPaths": None},
    "NetworkingConfig": {"EndpointsConfig": {"app": {"Aliases": ["web"], "IPAMConfig": None}}},
}


def question(method, uri, body=None):
    """The text of one AuthZReq. "########" in the uri is the asker's place for a number."""
    headers = {"User-Agent": "Docker-Client/24.0.7 (linux)"}
    q = {"RequestMethod": method, "RequestUri": uri, "RequestHeaders": headers}
    if body is not None:
        raw = json.dumps(body).encode()
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(raw))}
        q["RequestBody"] = base64.b64encode(raw).decode()
    return json.dumps(q)


def questions(folder):
    """{name: its file}: what is read, what is created under names that differ, what must be refused."""
    wanted = {
        "read": question("GET", "/v1.43/containers/json?all=1"),
        "create": question("POST", "/v1.43/containers/create?name=web", CREATE),
        "create-each": question("POST", "/v1.43/containers/create?name=web-########", CREATE),
        "evil": question("POST", "/v1.43/containers/create?name=evil", {**CREATE, "Image": "evil/app:1"}),
        "evil-each": question("POST", "/v1.43/containers/create?name=evil-########", {**CREATE, "Image": "evil/app:1"}),
        "exec": question("POST", "/v1.43/containers/web/exec", {"User": "root", "Cmd": ["sh"], "AttachStdout": True}),
    }
    files = {}
    for name, text in wanted.items():
        files[name] = os.path.join(folder, f"{name}.json")
        with open(files[name], "w", encoding="ascii") as file:
            file.write(text)
    return files


def start(sock, rate, count, connections, *kinds):
    """The asker, started: kinds are its pairs of word and file."""
    return subprocess.Popen([paths.test_program("asker"), sock, str(rate), str(count), str(connections), *kinds],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(asker, seconds=60):
    """What it found."""
    out, err = asker.communicate(timeout=seconds)
    if not out:
        raise AssertionError(f"asker: {err}")
    return {**json.loads(out), "words": err.strip()}


def ask(*arguments, seconds=60):
    return finish(start(*arguments), seconds)
