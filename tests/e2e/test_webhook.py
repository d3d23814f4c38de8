# SPDX-License-Identifier: Apache-2.0
"""The admission webhook, asked over TLS as an API server does: verified by the caBundle of our own manifest."""
import base64
import http.client
import json
import os
import pathlib
import re
import ssl
import tempfile

import scene
from lib import poll
from lib.seawall import free_port

CORPUS = pathlib.Path(__file__).parent.parent / "fuzz/corpus/admission"
POLICY = """version: 1
collections: [{name: shop, namespaces: [shop]}]
trust:
  groups: [{name: ours, images: ["registry.local:5000/*"]}]
  rules: [{name: only ours, scope: [shop], allowed: [ours], effect: block}]
compliance:
  - {name: basics, checks: {privileged: block, env_secrets: alert}}
admission:
  - {name: operators, groups: [ops], actions: [pod_exec], effect: allow}
  - {name: no shells, actions: [pod_exec, pod_attach], effect: deny, message: ask the platform team}
"""


class Webhook(scene.Scene):
    """One Seawall with a webhook; its cluster is this test."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.address = f"127.0.0.1:{free_port()}"
        cls.folder = tempfile.TemporaryDirectory()
        cls.seawall.environment["SEAWALL_WEBHOOK"] = cls.address
        cls.seawall.down()
        cls.seawall.up()
        cls.seawall.apply(POLICY)
        manifest = os.path.join(cls.folder.name, "webhook.yaml")
        cls.seawall.cli("install", "webhook", "-o", manifest)
        text = pathlib.Path(manifest).read_text(encoding="utf-8")
        cls.url = re.search(r'url: "(.*)"', text).group(1)
        ca = base64.b64decode(re.search(r"caBundle: (\S+)", text).group(1)).decode()
        cls.tls = ssl.create_default_context(cadata=ca)
        poll.until("the webhook answers", cls.answers, 10, 0.1)

    @classmethod
    def tearDownClass(cls):
        cls.seawall.environment.pop("SEAWALL_WEBHOOK", None)
        cls.folder.cleanup()
        scene.put_away()
        super().tearDownClass()

    @classmethod
    def answers(cls):
        try:
            return cls.post(cls.review("pod_delete"))[0] == 200
        except OSError:
            return False

    @classmethod
    def post(cls, body):
        connection = http.client.HTTPSConnection(cls.address, context=cls.tls, timeout=10)
        try:
            connection.request("POST", cls.url.split(cls.address, 1)[1] + "?timeout=5s", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    @staticmethod
    def review(name, **request):
        review = json.loads((CORPUS / name).read_text(encoding="utf-8"))
        review["request"].update(request)
        return json.dumps(review, separators=(",", ":"))

    def ask(self, body):
        status, answer = self.post(body)
        self.assertEqual((status, answer["kind"], answer["apiVersion"]), (200, "AdmissionReview", "admission.k8s.io/v1"))
        uid = re.search(r'"uid":"([^"]*)"', body[:512]) if isinstance(body, str) else None
        self.assertEqual(answer["response"]["uid"], uid.group(1) if uid else "")
        return answer["response"]

    def refused(self, body, words):
        response = self.ask(body)
        self.assertFalse(response["allowed"], response)
        self.assertEqual((response["status"]["code"], response["status"]["reason"]), (403, "Forbidden"))
        self.assertIn(words, response["status"]["message"])
        return response

    def found(self, **wanted):
        return poll.until(f"an audit of admission with {wanted}", lambda: [
            a for a in self.seawall.json("audits", "--kind", "admission", "--limit", "0")
            if all(a["command"].get(k) == v for k, v in wanted.items())], 3.0, 0.1)

    def test_creation(self):
        response = self.ask(self.review("pod_create"))
        self.assertTrue(response["allowed"])
        self.assertIn("env_secrets", response["warnings"][0])  # a rule that alerts
        untrusted = "[Seawall] image blocked by rule 'only ours': image docker.io/evil/miner:2 is in no allowed group (ours)"
        for name in ("deployment_create", "daemonset_create", "cronjob_create", "deployment_image_update"):
            self.refused(self.review(name), untrusted)
        self.refused(self.review("pod_ephemeral"), "[Seawall] image blocked by rule 'only ours': image docker.io/evil/shell")
        self.refused(self.review("pod_everything", namespace="other"), "[Seawall] container blocked by rule 'basics': privileged")
        # Another namespace is not of the rule's scope; what is only scaled or labelled brings nothing.
        for body in (self.review("deployment_create", namespace="other"), self.review("deployment_scaled"),
                     self.review("pod_label_update"), self.review("unknown_resource")):
            self.assertTrue(self.ask(body)["allowed"])
        audit = self.found(action="deployment_create", verdict="deny")[-1]
        self.assertEqual((audit["kind"], audit["effect"], audit["command"]["user"]), ("admission", "block", "alice"))
        self.assertIn("shop-devs", audit["command"]["groups"])
        self.assertIn(untrusted, audit["message"])
        self.assertEqual((audit["container"]["namespace"], audit["container"]["workload"]), ("shop", "Deployment/web"))
        # Repeats are counted.
        for _ in range(5):
            self.ask(self.review("daemonset_create"))
        poll.until("a count", lambda: self.found(action="daemonset_create")[-1]["count"] >= 6, 5.0, 0.2)

    def test_into_a_pod(self):
        self.refused(self.review("pod_exec"), "[Seawall] command blocked by rule 'no shells': ask the platform team")
        self.refused(self.review("pod_attach"), "no shells")
        root = {"username": "root", "groups": ["ops"]}
        self.assertTrue(self.ask(self.review("pod_exec", userInfo=root))["allowed"])
        audit = self.found(action="pod_exec", verdict="deny")[-1]
        self.assertEqual((audit["rule"], audit["command"]["target"]), ("no shells", "shop/web"))
        self.assertIn("program=sh", audit["command"]["parameters"])
        self.assertNotIn("s3cret", json.dumps(audit))

    def test_malformed(self):
        for name, words in (("duplicate_image", "a key is in it twice"), ("cut", "cannot be judged"),
                            ("image_no_text", "'image' is not a text"), ("wrong_version", "no AdmissionReview")):
            self.refused((CORPUS / name).read_text(encoding="utf-8"), words)
        large = self.review("pod_create").replace('"value":"C"', '"value":"' + "x" * (5 << 20) + '"')
        self.refused(large, "larger than")
        wide = self.review("pod_create").replace('"name":"LANG"', '"name":"LANG","x":[' + "1," * 70000 + "1]")
        self.refused(wide, "too many values")
        self.refused("{}", "cannot be judged")
        self.refused("", "cannot be judged")
        with self.assertRaises(ssl.SSLError):
            http.client.HTTPSConnection(self.address, context=ssl.create_default_context(), timeout=5).connect()

    def test_zz_rotation(self):
        """A certificate that is made anew is shown without a restart."""
        def shown():
            connection = http.client.HTTPSConnection(self.address, context=self.tls, timeout=5)
            try:
                connection.connect()
                return connection.sock.getpeercert(binary_form=True)
            except OSError:
                return None
            finally:
                connection.close()
        before = shown()
        self.seawall.cli("install", "webhook", "--host", "added.example", "-o", os.path.join(self.folder.name, "w.yaml"))
        poll.until("the new certificate", lambda: shown() not in (before, None), 10, 0.3)
        self.assertTrue(self.ask(self.review("pod_create"))["allowed"])
