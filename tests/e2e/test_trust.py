# SPDX-License-Identifier: Apache-2.0
"""Trusted images: real registry, real engine, signatures of our own and made by hand with openssl, layouts
made by skopeo and umoci, and the program that speaks to registries."""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import engines
import scene
from lib import paths, procs
from lib.registry import MANIFEST, Keys, Registry, Speaker, digest_of, payload_of
from lib.seawall import Seawall

POLICY = """version: 1
collections:
  - {{name: everything}}
trust:
  groups:
    - {{name: named, images: ["quay.example/*"]}}
    - {{name: signed, signatures: [{{key: {key}}}]}}
  rules:
    - {{name: only signed, scope: [everything], allowed: [named, signed], effect: block}}
"""


class Trust(scene.Engine):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for program in ("docker-registry", "openssl"):
            if not shutil.which(program):
                raise unittest.SkipTest(f"{program} is not installed")
        cls.folder = tempfile.mkdtemp(prefix="seawall-trust-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.registry = Registry()
        cls.addClassCleanup(cls.registry.close)
        cls.keys = Keys(cls.folder)
        cls.secret, cls.public = cls.keys.make("cosign")
        cls.other_secret, cls.other = cls.keys.make("other")
        cls.seawall = Seawall(cls.docker)
        cls.addClassCleanup(shutil.rmtree, cls.seawall.scratch, ignore_errors=True)
        cls.policy = cls.policy_file("policy.yaml", "cosign.pub")

    @classmethod
    def policy_file(cls, name, key):
        path = os.path.join(cls.folder, name)
        pathlib.Path(path).write_text(POLICY.format(key=key), encoding="utf-8")
        return path

    def push(self, repository, tag="1", content=None):
        """A fresh image in the registry; (name, digest)."""
        name = f"{self.registry.name}/{repository}:{tag}"
        self.docker.image(name, {"etc/what": (content or self.name()).encode()})
        self.addCleanup(self.docker.docker, "rmi", "-f", name, check=False)
        self.docker.docker("push", name, timeout=60)
        return name, self.digest(name)

    def digest(self, name):
        found = json.loads(self.docker.docker("image", "inspect", "--format", "{{json .RepoDigests}}", name))
        wanted = name.rsplit(":", 1)[0] + "@"
        return next(d.partition("@")[2] for d in found if d.startswith(wanted))

    def sign_by_hand(self, repository, digest, secret=None, payload=None):
        payload = payload or payload_of(digest, f"{self.registry.name}/{repository}")
        self.registry.put_signature(repository, digest, payload, self.keys.sign(secret or self.secret, payload))

    def check(self, image, *options, policy=None):
        """What `trust check` says; its exit code fits it."""
        done = self.seawall.attempt("trust", "check", image, "--policy", policy or self.policy, "--json", *options)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if said["trusted"] else 1, said)
        return said

    def why(self, said, group="signed"):
        return next(g["why"] for g in said["explain"] if g["group"] == group)


class Signatures(Trust):
    def test_signed_and_unsigned(self):
        signed, digest = self.push("signed")
        unsigned, _ = self.push("unsigned")
        out = self.seawall.json("trust", "sign", signed, "--key", self.secret)[0]
        self.assertEqual(out["digest"], digest)
        said = self.check(signed)
        self.assertTrue(said["trusted"], said)
        self.assertEqual((said["groups"], said["rule"], said["from"]), (["signed"], "only signed", "engine"))
        said = self.check(unsigned)
        self.assertFalse(said["trusted"])
        self.assertEqual((said["groups"], said["effect"]), ([], "block"))
        self.assertIn("no signature is known", self.why(said))
        self.assertIn("in no allowed group", said["reason"])
        text = self.seawall.cli("trust", "check", unsigned, "--policy", self.policy, code=1)
        self.assertIn("not trusted", text)
        self.assertIn("not in group 'named': its name fits no pattern", text)

    def test_what_cosign_would_write(self):
        """Objects made by hand from cosign's specification, with openssl, are taken."""
        name, digest = self.push("byhand")
        self.sign_by_hand("byhand", digest)
        self.assertTrue(self.check(name)["trusted"])

    def test_what_cosign_would_read(self):
        """What we write is where cosign looks, and openssl verifies it without us."""
        name, digest = self.push("ours")
        for _ in range(2):
            self.seawall.cli("trust", "sign", name, "--key", self.secret)
        manifest = json.loads(self.registry.manifest("ours", digest.replace(":", "-") + ".sig"))
        self.assertEqual(manifest["mediaType"], MANIFEST)
        self.assertEqual(len(manifest["layers"]), 2, "the first signature was lost")
        for layer in manifest["layers"]:
            self.assertEqual(layer["mediaType"], "application/vnd.dev.cosign.simplesigning.v1+json")
            _, payload = self.registry.get(f"/v2/ours/blobs/{layer['digest']}")
            self.assertEqual((digest_of(payload), len(payload)), (layer["digest"], layer["size"]))
            said = json.loads(payload)
            self.assertEqual(said["critical"]["image"]["docker-manifest-digest"], digest)
            self.assertEqual(said["critical"]["type"], "cosign container image signature")
            self.assertEqual(said["critical"]["identity"]["docker-reference"], name.rsplit(":", 1)[0])
            signature = base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"], validate=True)
            self.assertTrue(self.keys.good(self.public, payload, signature))
            self.assertFalse(self.keys.good(self.other, payload, signature))

    def test_wrong_key(self):
        name, digest = self.push("wrongkey")
        self.sign_by_hand("wrongkey", digest, secret=self.other_secret)
        said = self.check(name)
        self.assertFalse(said["trusted"])
        self.assertIn("not by this key", self.why(said))
        self.assertTrue(self.check(name, policy=self.policy_file("other.yaml", "other.pub"))["trusted"])

    def test_tampered(self):
        """A good signature, with a payload changed after it; with another type; of another image."""
        name, digest = self.push("tampered")
        good = payload_of(digest)
        signature = self.keys.sign(self.secret, good)
        self.registry.put_signature("tampered", digest, good.replace(b"a test", b"a lie."), signature)
        said = self.check(name)
        self.assertFalse(said["trusted"])
        self.assertIn("not by this key", self.why(said))
        self.sign_by_hand("tampered", digest, payload=payload_of(digest, type="another thing"))
        self.assertFalse(self.check(name)["trusted"])
        self.sign_by_hand("tampered", digest, payload=payload_of("sha256:" + "1" * 64))
        self.assertFalse(self.check(name)["trusted"])
        self.registry.put_signature("tampered", digest, good, signature)
        self.assertTrue(self.check(name)["trusted"])

    def test_tag_moves(self):
        """The signature stays with the digest; the tag that leads elsewhere is trusted no more."""
        name, first = self.push("moving", content="first")
        self.seawall.cli("trust", "sign", name, "--key", self.secret)
        self.assertTrue(self.check(name)["trusted"])
        _, second = self.push("moving", content="second")
        self.assertNotEqual(first, second)
        self.assertFalse(self.check(name)["trusted"])
        self.docker.docker("rmi", name)
        said = self.check(name)
        self.assertEqual((said["from"], said["trusted"]), ("registry", False))
        said = self.check(f"{self.registry.name}/moving@{first}")
        self.assertTrue(said["trusted"], said)
        self.docker.docker("pull", f"{self.registry.name}/moving@{first}")
        self.assertTrue(self.check(f"{self.registry.name}/moving@{first}")["trusted"])
        self.assertFalse(self.check(f"{self.registry.name}/moving@{second}")["trusted"])

    def test_two_tags_on_one_digest(self):
        name, digest = self.push("twice")
        other = name.replace(":1", "").rsplit(":", 1)[0] + f":{self.registry.port}/twice:2"
        self.docker.docker("tag", name, other)
        self.addCleanup(self.docker.docker, "rmi", "-f", other, check=False)
        self.docker.docker("push", other)
        self.assertEqual(self.digest(other), digest)
        self.seawall.cli("trust", "sign", other, "--key", self.secret)
        self.assertTrue(self.check(name)["trusted"])
        self.assertTrue(self.check(other)["trusted"])

    def test_locally_built(self):
        """Never in a registry: it has no manifest that anybody could have signed, whatever its name says."""
        name = f"{self.registry.name}/local:1"
        self.docker.image(name, {"etc/what": b"local"})
        self.addCleanup(self.docker.docker, "rmi", "-f", name, check=False)
        said = self.check(name)
        self.assertFalse(said["trusted"])
        self.assertIn("built here", self.why(said))

    def test_loaded_archive(self):
        """It has lost its digests. What it is, its id says: the signed image in the registry has the same."""
        name, _ = self.push("archive")
        other, _ = self.push("archive2")
        self.seawall.cli("trust", "sign", name, "--key", self.secret)
        archive = os.path.join(self.folder, "archive.tar")
        self.docker.docker("save", "-o", archive, name, other)
        self.docker.docker("rmi", name, other)
        self.docker.docker("load", "-i", archive)
        self.assertEqual(self.docker.docker("image", "inspect", "--format", "{{len .RepoDigests}}", name), "0")
        self.assertTrue(self.check(name)["trusted"])
        self.assertFalse(self.check(other)["trusted"])
        self.docker.docker("tag", other, name)  # a name is not enough
        self.assertFalse(self.check(name)["trusted"])

    def test_by_id(self):
        name, _ = self.push("byid")
        self.seawall.cli("trust", "sign", name, "--key", self.secret)
        image = self.docker.docker("image", "inspect", "--format", "{{.Id}}", name)
        self.assertTrue(self.check(image)["trusted"])
        self.assertTrue(self.check(image.partition(":")[2])["trusted"])

    def test_by_name(self):
        name = "quay.example/team/app:1"
        self.docker.docker("tag", engines.IMAGE, name)
        self.addCleanup(self.docker.docker, "rmi", name, check=False)
        said = self.check(name)
        self.assertEqual((said["trusted"], said["groups"]), (True, ["named"]), said)
        self.assertFalse(self.check(engines.IMAGE)["trusted"])

    def test_no_such_image(self):
        done = self.seawall.attempt("trust", "check", f"{self.registry.name}/nothing:1", "--policy", self.policy)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no image", done.stderr)
        done = self.seawall.attempt("trust", "check", "127.0.0.1:1/nothing:1", "--policy", self.policy)
        self.assertEqual(done.returncode, 2)
        done = self.seawall.attempt("trust", "sign", f"{self.registry.name}/nothing:1", "--key", self.secret)
        self.assertEqual(done.returncode, 1)

    def test_every_kind_of_key(self):
        for kind, how in {"p384": ("ecparam", "-name", "secp384r1", "-genkey", "-noout"), "ed25519": ("genpkey", "-algorithm", "ed25519"),
                          "rsa": ("genpkey", "-algorithm", "rsa")}.items():
            with self.subTest(kind):
                secret, _ = self.keys.make(kind, *how)
                name, _ = self.push(f"key-{kind}")
                policy = self.policy_file(f"{kind}.yaml", f"{kind}.pub")
                self.assertFalse(self.check(name, policy=policy)["trusted"])
                self.seawall.cli("trust", "sign", name, "--key", secret)
                self.assertTrue(self.check(name, policy=policy)["trusted"])
                self.assertFalse(self.check(name)["trusted"])

    def test_refuses_a_key_that_is_none(self):
        name, _ = self.push("badkey")
        for path in (self.public, "/nonexistent", self.policy):
            done = self.seawall.attempt("trust", "sign", name, "--key", path)
            self.assertEqual(done.returncode, 2)
            self.assertIn("key", done.stderr)
        self.assertEqual(self.seawall.attempt("trust", "sign", name).returncode, 2)


class Indexes(Trust):
    def index(self, repository, *digests):
        """An index of images of this repository under the tag `all`, the last of another machine."""
        manifests = [{"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "digest": digest,
                      "size": len(self.registry.manifest(repository, digest)),
                      "platform": {"os": "linux", "architecture": machine}}
                     for digest, machine in zip(digests, (host_machine(), "s390x"))]
        kind = "application/vnd.oci.image.index.v1+json"
        return self.registry.put_manifest(repository, "all", {"schemaVersion": 2, "mediaType": kind, "manifests": manifests}, kind)

    def test_signed_index_counts_for_its_manifests(self):
        name, one = self.push("multi", "amd")
        _, two = self.push("multi", "s390x")
        _, stray = self.push("multi", "stray")
        index = self.index("multi", one, two)
        whole = f"{self.registry.name}/multi:all"
        self.assertFalse(self.check(whole)["trusted"])
        out = self.seawall.json("trust", "sign", whole, "--key", self.secret)[0]
        self.assertEqual(out["digest"], index)
        self.assertTrue(self.check(whole)["trusted"])
        self.docker.docker("pull", whole)
        self.addCleanup(self.docker.docker, "rmi", "-f", whole, check=False)
        said = self.check(whole)
        self.assertEqual((said["trusted"], said["from"]), (True, "engine"), said)
        self.assertFalse(self.check(f"{self.registry.name}/multi@{stray}")["trusted"])
        archive = os.path.join(self.folder, "multi.tar")
        self.docker.docker("save", "-o", archive, whole)
        self.docker.docker("rmi", "-f", whole, name, check=False)
        for left in self.docker.docker("images", "-q", f"{self.registry.name}/multi").split():
            self.docker.docker("rmi", "-f", left, check=False)
        self.docker.docker("load", "-i", archive)
        self.assertTrue(self.check(whole)["trusted"], "loaded from an archive")

    def test_signed_manifest_of_an_unsigned_index(self):
        name, one = self.push("single", "amd")
        _, two = self.push("single", "s390x")
        self.index("single", one, two)
        self.seawall.cli("trust", "sign", name, "--key", self.secret)
        whole = f"{self.registry.name}/single:all"
        self.docker.docker("rmi", name)
        self.docker.docker("pull", whole)
        self.addCleanup(self.docker.docker, "rmi", "-f", whole, check=False)
        self.assertTrue(self.check(whole)["trusted"])


def host_machine():
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


class Layouts(Trust):
    """Without a registry and without an engine."""

    def layout(self, name="layout", source=None, tag="1"):
        if not shutil.which("skopeo"):
            self.skipTest("skopeo is not installed")
        path = os.path.join(self.folder, f"{self.name()}-{name}")
        subprocess.run(["skopeo", "copy", "--insecure-policy", "--src-tls-verify=false", f"docker://{source}", f"oci:{path}:{tag}"],
                       check=True, capture_output=True, timeout=60)
        return path

    def test_skopeo(self):
        name, _ = self.push("tolayout")
        path = self.layout(source=name)
        said = self.check("any.example/app:1", "--layout", path)
        self.assertEqual((said["trusted"], said["from"]), (False, "layout"))
        out = self.seawall.json("trust", "sign", f"{path}:1", "--key", self.secret)[0]
        said = self.check("any.example/app:1", "--layout", path)
        self.assertTrue(said["trusted"], said)
        self.assertEqual(said["digests"], [out["digest"]])
        self.assertEqual(subprocess.run(["skopeo", "inspect", f"oci:{path}:1"], check=False, capture_output=True).returncode, 0)

    def test_umoci(self):
        if not shutil.which("umoci"):
            self.skipTest("umoci is not installed")
        path = os.path.join(self.folder, "umoci")
        for command in (("init", "--layout", path), ("new", "--image", f"{path}:one"), ("config", "--image", f"{path}:one", "--author", "x")):
            subprocess.run(["umoci", *command], check=True, capture_output=True)
        self.seawall.cli("trust", "sign", f"oci:{path}:one", "--key", self.secret)
        self.assertTrue(self.check("x:one", "--layout", path)["trusted"])
        subprocess.run(["umoci", "config", "--image", f"{path}:one", "--author", "y"], check=True, capture_output=True)
        self.assertFalse(self.check("x:one", "--layout", path)["trusted"], "a changed image kept its signature")
        self.assertIn("one", subprocess.run(["umoci", "ls", "--layout", path], check=True, capture_output=True, text=True).stdout.split())

    def test_import(self):
        """Signatures carried by hand to a host whose registry has none."""
        name, digest = self.push("imported")
        path = self.layout(source=name)
        subprocess.run(["skopeo", "copy", "--insecure-policy", "--src-tls-verify=false", "--preserve-digests", f"docker://{name}", f"dir:{path}-dir"],
                       check=False, capture_output=True, timeout=60)
        payload = payload_of(digest)
        alone = os.path.join(self.folder, "alone")
        subprocess.run(["umoci", "init", "--layout", alone], check=True)
        signature = self.keys.sign(self.secret, payload)
        self.write_signature(alone, digest, payload, signature)
        self.assertFalse(self.check(name)["trusted"])
        self.assertEqual(self.seawall.json("trust", "import", alone)[0]["signatures"], 1)
        self.assertTrue(self.check(name)["trusted"])
        self.assertEqual(self.seawall.attempt("trust", "import", path).returncode, 1, "a layout without signatures")
        self.assertEqual(self.seawall.attempt("trust", "import", "/nonexistent").returncode, 2)

    @staticmethod
    def write_signature(layout, digest, payload, signature):
        """A layout that holds only a signature, as a transport of its own."""
        def blob(data):
            pathlib.Path(layout, "blobs/sha256", digest_of(data)[7:]).write_bytes(data)
            return {"digest": digest_of(data), "size": len(data)}
        os.makedirs(os.path.join(layout, "blobs/sha256"), exist_ok=True)
        layer = {**blob(payload), "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
                 "annotations": {"dev.cosignproject.cosign/signature": base64.b64encode(signature).decode()}}
        manifest = blob(json.dumps({"schemaVersion": 2, "config": blob(b"{}"), "layers": [layer]}).encode())
        pathlib.Path(layout, "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [{**manifest, "mediaType": MANIFEST}]}),
                                                      encoding="ascii")

    def test_broken_layouts(self):
        for text in ("", "{}", "[", '{"manifests":[{"digest":"sha256:../../../etc/passwd"}]}'):
            folder = tempfile.mkdtemp(dir=self.folder)
            pathlib.Path(folder, "index.json").write_text(text, encoding="ascii")
            done = self.seawall.attempt("trust", "check", "x", "--layout", folder, "--policy", self.policy)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("no OCI layout", done.stderr)


class Policies(Trust):
    """Names of key files in policies become the keys, and what is no key is refused at its place."""

    def findings(self, text, name="p.yaml"):
        path = os.path.join(self.folder, name)
        pathlib.Path(path).write_text(text, encoding="utf-8")
        done = self.seawall.attempt("policy", "check", path, "--json")
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def test_groups(self):
        groups = self.seawall.json("trust", "groups", "--policy", self.policy)
        self.assertEqual([g["name"] for g in groups], ["named", "signed"])
        self.assertEqual(groups[0]["images"], ["quay.example/*"])
        der = subprocess.run(["openssl", "pkey", "-pubin", "-in", self.public, "-outform", "DER"], check=True, capture_output=True).stdout
        self.assertEqual(groups[1]["keys"], [{"kind": "ECDSA P-256", "fingerprint": digest_of(der)}])
        self.assertEqual(groups[1]["rules"], ["only signed"])
        self.assertIn("ECDSA P-256", self.seawall.cli("trust", "groups", "--policy", self.policy))

    def test_yaml_and_json(self):
        for name in ("a.yaml", "b.json"):
            with self.subTest(name):
                text = POLICY.format(key="cosign.pub") if name == "a.yaml" else json.dumps(
                    {"version": 1, "trust": {"groups": [{"name": "g\u00fc", "signatures": [{"key": "cosign.pub"}, {"key": "other.pub"}]}]}})
                code, found = self.findings(text, name)
                self.assertEqual((code, [f for f in found if f["level"] == "error"]), (0, []))
                path = os.path.join(self.folder, name)
                self.assertEqual(len(self.seawall.json("trust", "groups", "--policy", path)), 2 if name == "a.yaml" else 1)

    def test_errors_have_a_place(self):
        lines = "version: 1\ntrust:\n  groups:\n    - name: \u00fcber\n      signatures:\n        - {key: cosign.pub}\n        - {key: %s}\n"
        for value, words in (("missing.pub", "cannot be read"), ("cosign.key", "private key"), ("policy.yaml", "not a public key"),
                             ("/etc/hostname", "not a public key"), ("'-----BEGIN PUBLIC KEY-----'", "not a public key")):
            with self.subTest(value):
                code, found = self.findings(lines % value)
                self.assertEqual(code, 1)
                errors = [f for f in found if f["level"] == "error"]
                self.assertEqual(len(errors), 1, found)
                self.assertEqual((errors[0]["line"], errors[0]["column"]), (7, 17))
                self.assertEqual(errors[0]["file"], os.path.join(self.folder, "p.yaml"))
                self.assertIn(words, errors[0]["message"])
                self.assertTrue(errors[0]["expected"])


class InForce(Trust):
    """With a Seawall that is up: the Console keeps the key itself."""

    def test_apply_and_check(self):
        running = scene.seawall()
        name, _ = self.push("inforce")
        running.cli("policy", "apply", self.policy)
        self.addCleanup(running.apply, scene.POLICY.format(effect="alert"))
        text = running.json("policy", "get")[0]["text"]
        self.assertIn("-----BEGIN PUBLIC KEY-----\\n", text)
        self.assertNotIn("cosign.pub", text)
        self.assertEqual([g["name"] for g in running.json("trust", "groups")], ["named", "signed"])
        self.assertEqual(running.attempt("trust", "check", name).returncode, 1)
        running.cli("trust", "sign", name, "--key", self.secret)
        self.assertTrue(running.json("trust", "check", name)[0]["trusted"])
        done = running.attempt("policy", "apply", self.policy_file("missing.yaml", "missing.pub"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("missing.yaml:7:41: error", done.stdout)
        self.assertIn("seawall-registry", running.processes())


class SpeakerToRegistries(Trust):
    """seawall-registry by itself, confined, with a Gate that is the test."""

    def speaker(self):
        speaker = Speaker()
        self.addCleanup(speaker.close)
        return speaker

    def test_answers_the_gate_alone(self):
        name, digest = self.push("spoken")
        self.seawall.cli("trust", "sign", name, "--key", self.secret)
        speaker = self.speaker()
        answer = speaker.ask(name, digest)
        self.assertEqual((answer["error"], answer["signatures"]), (0, 1), answer)
        answer = speaker.ask(name)
        self.assertEqual((answer["error"], answer["digest"], answer["signatures"]), (0, digest, 1), answer)
        self.assertEqual(speaker.ask(f"{self.registry.name}/nothing:1")["error"], -2)
        self.assertEqual(speaker.ask("127.0.0.1:1/nothing:1")["error"], -113)
        self.assertEqual(speaker.ask("Not A Name")["error"], -22)
        self.assertIsNone(speaker.ask(name, user=0), "root is not the Gate")
        self.assertIsNone(speaker.ask(name, user=65534), "nobody is not the Gate")

    def test_has_no_rights(self):
        speaker = self.speaker()
        speaker.ask(f"{self.registry.name}/nothing:1")
        fields = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{speaker.process.pid}/status").read_text(encoding="ascii").splitlines())
        self.assertNotIn("0", fields["Uid"].split())
        self.assertEqual((int(fields["CapEff"], 16), fields["NoNewPrivs"].strip(), fields["Seccomp"].strip()), (0, "1", "2"))
        self.assertEqual(os.readlink(f"/proc/{speaker.process.pid}/root"), speaker.root)
        self.assertLess(int(fields["VmRSS"].split()[0]), 25000)

    def test_many_questions(self):
        """Memory does not grow with the questions."""
        speaker = self.speaker()
        def rss():
            return int(next(line for line in pathlib.Path(f"/proc/{speaker.process.pid}/status").read_text(encoding="ascii").splitlines()
                            if line.startswith("VmRSS")).split()[1])
        for number in range(20):
            speaker.ask(f"{self.registry.name}/nothing{number}:1")
        before = rss()
        for number in range(60):
            speaker.ask(f"{self.registry.name}/more{number}:1")
        self.assertLess(rss() - before, 3000)
        self.assertTrue(procs.alive(speaker.process.pid))

    def test_imported_signatures(self):
        """Imported ones are there at once, and the registry is not asked."""
        digest = "sha256:" + "2" * 64
        speaker = self.speaker()
        self.assertEqual(speaker.ask("127.0.0.1:1/app:1", digest)["error"], -113)
        payload = payload_of(digest)
        layout = os.path.join(self.folder, "carried")
        Layouts.write_signature(layout, digest, payload, self.keys.sign(self.secret, payload))
        state = os.path.join(self.folder, "state")
        os.makedirs(state, exist_ok=True)
        os.symlink(speaker.root, os.path.join(state, "registry"))
        environment = {**self.seawall.environment, "SEAWALL_STATE": state}
        subprocess.run([self.program(), "trust", "import", layout], env=environment, check=True, capture_output=True)
        answer = speaker.ask("127.0.0.1:1/app:1", digest)
        self.assertEqual((answer["error"], answer["signatures"]), (0, 1), answer)

    @staticmethod
    def program():
        return paths.program("seawall")

    def test_names_and_certificates(self):
        """A registry elsewhere by its name: the host's names and authorities reach into the empty directory, and
        without the right authority nothing is believed; plain HTTP only where it is allowed."""
        hosts, certificate, key = (os.path.join(self.folder, n) for n in ("hosts2", "tls.pem", "tls.key"))
        pathlib.Path(hosts).write_text("127.0.0.1 localhost registry.test plain.local\n", encoding="ascii")
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)  # seen by this run alone
        self.addCleanup(subprocess.run, ["umount", "/etc/hosts"], check=True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=registry.test", "-addext",
                        "subjectAltName=DNS:registry.test", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        secure = Registry(tls=(certificate, key))
        self.addCleanup(secure.close)
        name = f"registry.test:{secure.port}/app:1"
        speaker = Speaker("--insecure", "other.test, *.local:*", environment={"SSL_CERT_FILE": certificate})
        self.addCleanup(speaker.close)
        self.assertEqual(speaker.ask(name)["error"], -2, "over TLS: there is no such image")
        self.assertEqual(speaker.ask(f"plain.local:{self.registry.port}/nothing:1")["error"], -2, "over plain HTTP")
        answer = speaker.ask(f"registry.test:{self.registry.port}/nothing:1")
        self.assertEqual(answer["error"], -113, "plain HTTP where it is not allowed")
        stranger = self.speaker()  # with the authorities of the host
        answer = stranger.ask(name)
        self.assertEqual(answer["error"], -113)
        self.assertIn("certificate", answer["message"])

    def test_leaves_when_names_resolve_otherwise(self):
        """Copies of the host's files were taken at the start: changed ones need another."""
        hosts = os.path.join(self.folder, "hosts")
        shutil.copy("/etc/hosts", hosts)
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)  # seen by this run alone
        self.addCleanup(subprocess.run, ["umount", "/etc/hosts"], check=True)
        speaker = self.speaker()
        with open(hosts, "a", encoding="ascii") as file:
            file.write("127.0.0.2 other.test\n")
        speaker.process.wait(5)
        self.assertEqual(speaker.process.returncode, 0)


if __name__ == "__main__":
    unittest.main()
