# SPDX-License-Identifier: Apache-2.0
"""A real registry on loopback, what cosign would put into it made by hand, and seawall-registry alone."""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import urllib.error
import urllib.request

from lib import paths, poll
from lib.seawall import free_port

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
MAGIC = 0x53775267

# Asks one question as it stands on standard input, prints one answer.
ASKER = """
import socket, struct, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1])
s.sendall(sys.stdin.buffer.read())
got = b""
while len(got) < 16 or len(got) < 16 + struct.unpack("<I", got[4:8])[0]:
    more = s.recv(65536)
    if not more: break
    got += more
sys.stdout.buffer.write(got)
"""


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Registry:
    """Debian's docker-registry with a store of its own; with TLS when a (certificate, key) is given."""

    def __init__(self, tls=None):
        self.scratch = tempfile.mkdtemp(prefix="seawall-registry-")
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        config = pathlib.Path(self.scratch, "config.yml")
        more = f", tls: {{certificate: {tls[0]}, key: {tls[1]}}}" if tls else ""
        config.write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {self.scratch}/data}}}}\n"
                          f"http: {{addr: '{self.name}'{more}}}\n", encoding="ascii")
        with open(os.path.join(self.scratch, "log"), "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        poll.until("the registry answers", lambda: self.get("/v2/")[0] in (200, 400), 15)

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def ask(self, method, url, data=None, headers=None):
        """(status, headers, body)"""
        url = url if url.startswith("http") else f"http://{self.name}{url}"
        request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def get(self, path, **headers):
        status, _, body = self.ask("GET", path, headers=headers)
        return status, body

    def put_blob(self, repository, data):
        _, headers, _ = self.ask("POST", f"/v2/{repository}/blobs/uploads/", b"")
        place = headers["Location"]
        status, _, body = self.ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest_of(data)}", data,
                                   {"Content-Type": "application/octet-stream"})
        assert status == 201, body

    def put_manifest(self, repository, tag, manifest, kind=MANIFEST):
        data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        status, _, body = self.ask("PUT", f"/v2/{repository}/manifests/{tag}", data, {"Content-Type": kind})
        assert status == 201, body
        return digest_of(data)

    def manifest(self, repository, reference):
        status, body = self.get(f"/v2/{repository}/manifests/{reference}", Accept=f"{MANIFEST}, application/vnd.oci.image.index.v1+json, "
                                "application/vnd.docker.distribution.manifest.v2+json")
        assert status == 200, body
        return body

    def put_signature(self, repository, digest, payload, signature):
        """As cosign does it: the payload a layer, the signature an annotation, the tag the image's digest."""
        config = b"{}"
        for blob in (payload, config):
            self.put_blob(repository, blob)
        self.put_manifest(repository, digest.replace(":", "-") + ".sig", {
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(config), "digest": digest_of(config)},
            "layers": [{"mediaType": SIMPLE, "size": len(payload), "digest": digest_of(payload),
                        "annotations": {"dev.cosignproject.cosign/signature": base64.b64encode(signature).decode()}}]})


class Keys:
    """Key pairs made by openssl in a directory, and signatures made and checked by it."""

    def __init__(self, folder):
        self.folder = folder

    def make(self, name, *how):
        secret, public = os.path.join(self.folder, name + ".key"), os.path.join(self.folder, name + ".pub")
        subprocess.run(["openssl", *(how or ("ecparam", "-name", "prime256v1", "-genkey", "-noout")), "-out", secret], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", secret, "-pubout", "-out", public], check=True, capture_output=True)
        return secret, public

    def sign(self, secret, data):
        return subprocess.run(["openssl", "dgst", "-sha256", "-sign", secret], input=data, check=True, capture_output=True).stdout

    def good(self, public, data, signature):
        path = os.path.join(self.folder, "signature")
        pathlib.Path(path).write_bytes(signature)
        return subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature", path], input=data, check=False,
                              capture_output=True).returncode == 0


def payload_of(digest, reference="", **changed):
    """What cosign signs, in another layout than ours: only the meaning counts."""
    critical = {"type": "cosign container image signature", "image": {"docker-manifest-digest": digest},
                "identity": {"docker-reference": reference}, **changed}
    return json.dumps({"optional": {"creator": "a test"}, "critical": critical}, indent=1).encode()


def _field(tag, value):
    return struct.pack("<HI", tag, len(value)) + value


def _fields(data):
    at = 0
    while at < len(data):
        tag, size = struct.unpack_from("<HI", data, at)
        yield tag, data[at + 6:at + 6 + size]
        at += 6 + size


class Speaker:
    """A confined seawall-registry, and questions to it as the Gate."""

    def __init__(self, *options, gate=64184, environment=None):
        self.gate = gate
        self.folder = tempfile.mkdtemp(prefix="seawall-speaker-")
        os.chmod(self.folder, 0o755)
        self.socket = os.path.join(self.folder, "registry.sock")
        self.root = os.path.join(self.folder, "root")
        self.process = subprocess.Popen([paths.program("seawall-registry"), "--socket", self.socket, "--root", self.root, *options],
                                        env={**os.environ, **(environment or {})})
        poll.until("it listens", self._listens)

    def _listens(self):
        with open("/proc/net/unix", encoding="ascii") as file:
            return any(line.split()[-1] == self.socket and line.split()[5] == "01" and line.split()[3] == "00010000" for line in file)

    def ask(self, name, digest=None, milliseconds=5000, user=None):
        """{error, message, digest, signatures}, or None when the connection was closed without a word."""
        body = _field(1, name.encode()) + (_field(2, digest.encode()) if digest else b"") + _field(3, struct.pack("<Q", milliseconds))
        done = subprocess.run(["/usr/bin/python3", "-c", ASKER, self.socket], input=struct.pack("<IIQ", MAGIC, len(body), 1) + body,
                              capture_output=True, check=False, user=self.gate if user is None else user, timeout=20)
        if len(done.stdout) < 16:
            return None
        answer = {"error": 0, "message": "", "digest": "", "signatures": 0}
        for tag, value in _fields(done.stdout[16:]):
            if tag == 1:
                answer["error"] = struct.unpack_from("<i", value)[0]
            elif tag in (2, 3):
                answer["message" if tag == 2 else "digest"] = value.decode()
            else:
                answer["signatures"] = next((self._count(v) for t, v in _fields(value) if t == 1), 0)
        return answer

    @staticmethod
    def _count(items):
        at, n = 0, 0
        while at < len(items):
            at += 4 + struct.unpack_from("<I", items, at)[0]
            n += 1
        return n

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)
