# SPDX-License-Identifier: Apache-2.0
"""The pages about the gates in a real browser, on a real dockerd that asks Seawall before it obeys.

The stage is scene.with_gates(): an object with `docker`, a private engine whose authorization plugin is the
Gate of `seawall`. Each ui/gates/*.mjs is one test; what a script gets is told in test_ui.py.
"""
import scene
import test_ui


class GatePages(test_ui.Browser, scene.Engine):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        gates = scene.with_gates()
        cls.addClassCleanup(scene.without_gates)
        cls.docker, cls.seawall = gates.docker, gates.seawall

    def setUp(self):
        self.addCleanup(self.seawall.apply, scene.POLICY.format(effect="alert"))


test_ui.add_tests(GatePages, test_ui.FOLDER / "gates")
