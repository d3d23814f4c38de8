# SPDX-License-Identifier: Apache-2.0
"""The shim in containerd's CRI, asked as kubelet asks: pods, their containers, refusals in the gRPC error."""
import os
import uuid

import engines
import scene
from lib import poll
from lib.seawall import Seawall

POLICY = """version: 1
collections: [{name: everything}]
runtime:
  - {name: stop miners, scope: [everything], processes: {crypto_miners: block}}
trust:
  groups: [{name: test, images: ["seawall-test/*"]}]
  rules: [{name: only test, allowed: [test], effect: block}]
"""
UNTRUSTED = "[Seawall] image blocked by rule 'only test': image docker.io/evil/app:1 is in no allowed group (test)"


class Kubelet(scene.Engine):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        scene.put_away()
        cls.kube = engines.Kube()
        cls.addClassCleanup(cls.kube.stop)
        cls.docker.image("evil/app:1")
        cls.docker.docker("import", "--change", 'ENTRYPOINT ["/bin/sleep", "3600"]', "-", cls.kube.PAUSE,
                          stdin=engines.rootfs(), timeout=60)
        for image in (engines.IMAGE, "evil/app:1", cls.kube.PAUSE):
            cls.kube.load(cls.docker, image)
        cls.seawall = Seawall(None, cls.kube)
        cls.addClassCleanup(cls.seawall.destroy)
        cls.seawall.up()
        cls.seawall.cli("install", "shim", "--runtime", "containerd", "--config", cls.kube.config, "--dir",
                        os.path.join(cls.kube.scratch, "shim"), "--deadline", "2s")
        cls.kube.end_daemon()
        cls.kube.start()
        cls.seawall.apply(POLICY)

    def setUp(self):
        self.words = (f"pod-{uuid.uuid4().hex[:6]}", "payments", str(uuid.uuid4()), f"/{self.kube.tag}")
        poll.until("CRI answers", lambda: self.kube.cri("version")[0] == 0, 10, 0.1)
        self.sandbox = poll.until("a sandbox: it is exempt", lambda: self.kube.ask("run", *self.words), 10, 0.5)
        self.addCleanup(self.kube.cri, "rmp", self.sandbox)
        self.addCleanup(self.kube.cri, "stop", self.sandbox)

    def create(self, image, *command, name="app", attempt=0):
        return self.kube.ask("create", self.sandbox, *self.words, name, str(attempt), image, *command)

    def start(self, *what, **how):
        container = self.create(*what, **how)
        self.kube.ask("start", container)
        return container

    def refused(self, words, container):
        code, _, error = self.kube.cri("start", container)
        self.assertEqual(code, 1)
        self.assertIn(words, error.replace('\\"', '"'))

    def test_known_from_the_first_event(self):
        container = self.start("docker.io/" + engines.IMAGE, "/bin/sleep", "600")
        record = poll.until("it runs", lambda: [c for c in [self.seawall.container(container)] if c["state"] == "running"])[0]
        self.assertEqual((record["name"], record["pod"], record["namespace"], record["image"]),
                         ("app", self.words[0], "payments", "docker.io/" + engines.IMAGE))
        self.assertIn("trusted: ", record["trusted"])
        story = [e for e in self.seawall.forensics(container) if e["type"] == "exec"]
        self.assertTrue(story)
        self.assertEqual({e["container_name"] for e in story}, {"app"})
        sandbox = self.seawall.container(self.sandbox)
        self.assertEqual((sandbox["pod"], sandbox["state"]), (self.words[0], "running"))

    def test_untrusted_image(self):
        container = self.create("docker.io/evil/app:1", "/bin/sleep", "600")
        self.refused(UNTRUSTED, container)
        audits = poll.until("its audit", lambda: [a for a in self.seawall.json("audits", "--kind", "trust")
                                                  if a["container"]["id"] == container], 5, 0.1)
        self.assertEqual((audits[0]["container"]["name"], audits[0]["container"]["pod"]), ("app", self.words[0]))

    def test_blocked_stays_blocked(self):
        """kubelet's next attempt is another container of the same name in the same pod."""
        miner = self.start("docker.io/" + engines.IMAGE, "/bin/sh", "-c", "cp /opt/true /tmp/xmrig; sleep 0.2; /tmp/xmrig; sleep 600")
        poll.until("it is blocked", lambda: self.seawall.container(miner, "--all")["state"] == "blocked", 10, 0.1)
        again = self.create("docker.io/" + engines.IMAGE, "/bin/sleep", "600", attempt=1)
        self.refused("[Seawall] container blocked by rule 'stop miners': ", again)
        self.start("docker.io/" + engines.IMAGE, "/bin/sleep", "600", name="sidecar")
