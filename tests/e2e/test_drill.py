# SPDX-License-Identifier: Apache-2.0
"""The drill tells the whole story and is stopped, with only the runtime gate on."""
import scene
from lib import host


class Drill(scene.Scene):
    LONG = True

    def test_graboid_is_stopped_at_runtime(self):
        steps = self.seawall.json("drill", "graboid", "--gate", "runtime", timeout=180)
        self.assertGreaterEqual(len(steps), 8, "the story has eight steps")
        for step in steps:
            self.assertEqual(set(step) & {"step", "did", "expected", "saw", "ms", "passed"},
                             {"step", "did", "expected", "saw", "ms", "passed"})
        self.assertEqual([s for s in steps if s["passed"] is False], [])
        text = " ".join(str(s["saw"]) for s in steps)
        self.assertIn("miner", text)

    def test_graboid_is_stopped_by_the_gates_at_creation(self):
        """Trusted images and access to the engine, each alone: the attacker is refused, and nothing runs."""
        for gate in ("trust", "access"):
            with self.subTest(gate=gate):
                steps = self.seawall.json("drill", "graboid", "--gate", gate, timeout=180)
                self.assertEqual([s for s in steps if s["passed"] is False], [])
                self.assertIn("[Seawall] ", steps[0]["saw"])

    def test_table_and_gates_that_are_not_built(self):
        before = host.snapshot()
        out = self.seawall.cli("drill", "graboid", timeout=180)
        self.assertEqual(host.difference(before), [], "it leaves nothing")
        for gate in ("vulnerability",):
            line = [x for x in out.splitlines() if gate in x]
            self.assertTrue(line, f"{gate} is not in the table")
            self.assertTrue(any("not built yet" in x for x in line), line)
            self.assertFalse(any("passed" in x for x in line), line)

    def test_gate_that_is_not_built(self):
        done = self.seawall.attempt("drill", "graboid", "--gate", "vulnerability", timeout=180)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not built yet", done.stdout + done.stderr)

    def test_without_a_gate_it_is_not_stopped(self):
        """The counter-proof: with nothing on, the drill's miner runs, and the drill says so."""
        done = self.seawall.attempt("drill", "graboid", "--gate", "none", "--json", timeout=180)
        self.assertEqual(done.returncode, 1, done.stdout[-500:] + done.stderr[-500:])

    def test_list_and_unknown(self):
        self.assertIn("graboid", self.seawall.cli("drill", "--list"))
        self.seawall.cli("drill", "no-such-drill", code=2)

