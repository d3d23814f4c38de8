# SPDX-License-Identifier: Apache-2.0
"""A policy that is wrong is refused with its place and what was expected; the old one stays."""
import contextlib
import os
import pathlib
import random
import time

import scene

BASE = scene.POLICY.format(effect="prevent")

# title -> (text, line of the error, word that the message or `expected` must hold)
WRONG = {
    "unknown effect": (BASE.replace("prevent", "explode"), 8, "prevent"),
    "wrong type": (BASE.replace("crypto_miners: prevent", "crypto_miners: [prevent]"), 8, ""),
    "unknown key": (BASE + "      crypto_minerz: alert\n", 9, "crypto_miners"),
    "unknown area": (BASE + "runtimes: []\n", 9, "runtime"),
    "unknown collection": (BASE.replace("scope: [everything]", "scope: [nothing]"), 6, "nothing"),
    "bad pattern": (BASE.replace("{name: everything}", '{name: everything, images: ["a*b*c"]}'), 3, ""),
    "bad address": (BASE + "    network:\n      denied: {effect: prevent, addresses: [203.0.113.0/33]}\n", 10, ""),
    "bad port": (BASE + '    network:\n      denied: {effect: prevent, ports: ["70000"]}\n', 10, ""),
    "ports backwards": (BASE + '    network:\n      denied: {effect: prevent, ports: ["20-10"]}\n', 10, ""),
    "no name": (BASE.replace("  - name: stop miners\n    scope", "  - scope"), 5, "name"),
    "two of the same name": (BASE + BASE[BASE.index("  - name: stop miners"):], 9, "stop miners"),
    "wrong version": (BASE.replace("version: 1", "version: 9"), 1, "1"),
    "not YAML": (BASE + "  ]]\n", 9, ""),
    "a tab": (BASE.replace("    processes:", "\tprocesses:"), 7, ""),
    "the same key twice": (BASE + "      crypto_miners: block\n", 9, "crypto_miners"),
    "a list at the top": ("- version: 1\n", 1, ""),
}


class BadPolicy(scene.Scene):

    def setUp(self):
        self.revision = self.policy("prevent")
        self.file = os.path.join(self.seawall.scratch, "bad.yaml")

    def write(self, data):
        pathlib.Path(self.file).write_bytes(data if isinstance(data, bytes) else data.encode())

    def still_in_force(self):
        """Revision, text and effect are those from before."""
        self.assertEqual(self.seawall.get("/policy")["revision"], self.revision)
        self.assertEqual(self.seawall.status()["policy_revision"], self.revision)
        container = self.bench()
        _, out, _ = self.docker.attempt("exec", container, "/opt/first_byte", "--donate-level", "1")
        self.assertEqual(out, "", "the old policy is not enforced any more")

    def refused(self, *words, code=1):
        done = self.seawall.attempt(*words, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout[-500:] + done.stderr[-500:])
        return done

    def test_each_mistake_is_shown_in_its_place(self):
        for title, (text, line, word) in WRONG.items():
            with self.subTest(title):
                self.write(text)
                found = [m for m in self.seawall.json("policy", "check", self.file, code=1) if m["level"] == "error"]
                self.assertTrue(found, "no error")
                self.assertEqual(os.path.basename(found[0]["file"]), "bad.yaml")
                self.assertEqual(found[0]["line"], line, found[0])
                self.assertGreaterEqual(found[0]["column"], 1)
                self.assertTrue(found[0]["message"])
                self.assertTrue(found[0]["expected"], found[0])
                self.assertIn(word, found[0]["message"] + found[0]["expected"])
                done = self.refused("policy", "apply", self.file)
                self.assertIn(f"bad.yaml:{line}:", done.stderr + done.stdout)
        self.still_in_force()

    def test_one_wrong_file_of_two(self):
        good = os.path.join(self.seawall.scratch, "good.yaml")
        pathlib.Path(good).write_text("version: 1\ncollections:\n  - {name: more}\n", encoding="ascii")
        self.write(WRONG["unknown effect"][0])
        self.refused("policy", "apply", good, self.file)
        self.still_in_force()

    def test_binary(self):
        self.write(random.Random(1).randbytes(20000))
        self.refused("policy", "apply", self.file)
        self.write(b"version: 1\0\0\0runtime: []\n")
        self.refused("policy", "apply", self.file)
        self.write(b"\x7fELF" + bytes(5000))
        self.refused("policy", "apply", self.file)
        self.still_in_force()

    def test_a_hundred_megabytes(self):
        with open(self.file, "wb") as file:
            file.write(b"version: 1\n")
            for _ in range(100):
                file.write(b"# " + b"x" * 1048573 + b"\n")
        begun = time.monotonic()
        done = self.refused("policy", "apply", self.file)
        self.assertLess(time.monotonic() - begun, 10.0)
        self.assertIn("bad.yaml", done.stdout + done.stderr)
        self.still_in_force()

    def test_a_hundred_megabytes_to_the_api(self):
        """The Console itself refuses: a client of the API need not be ours."""
        try:
            connection, response = self.seawall.open("PUT", "/api/v1/policy", b"#" * (100 << 20),
                                                     {"Content-Type": "application/yaml"})
            with contextlib.closing(connection):
                self.assertEqual(response.status, 413)
        except OSError:
            pass  # it need not listen to the end
        self.still_in_force()

    def test_deep_and_wide(self):
        begun = time.monotonic()
        for text in ("version: 1\nruntime: " + "[" * 60000, "version: 1\nruntime: " + "{a: " * 60000,
                     "version: 1\na: &a [x]\n" + "".join(f"b{n}: [*a, *a]\n" for n in range(10)),
                     "version: 1\ncollections:\n" + "".join(f"  - {{name: c{n}}}\n" for n in range(100000)),
                     BASE + "".join(f"  - {{name: r{n}, processes: {{crypto_miners: alert}}}}\n" for n in range(2000))):
            with self.subTest(text[:40]):
                self.write(text)
                self.refused("policy", "apply", self.file)
        self.assertLess(time.monotonic() - begun, 30.0)
        self.still_in_force()

    def test_missing_and_unreadable(self):
        self.refused("policy", "apply", self.file + ".not-there", code=2)
        self.refused("policy", "apply", "/tmp", code=2)
        self.write("")
        self.refused("policy", "apply", self.file)
        self.still_in_force()

    def test_someone_was_faster(self):
        connection, response = self.seawall.open("PUT", "/api/v1/policy", BASE.encode(), {
            "Content-Type": "application/yaml", "If-Match": f'"{self.revision - 1}"'})
        with contextlib.closing(connection):
            self.assertEqual(response.status, 412)
        self.still_in_force()

    def test_history_and_rollback(self):
        second = self.policy("alert")
        self.assertGreater(second, self.revision)
        history = self.seawall.json("policy", "history")
        self.assertEqual({h["revision"] for h in history} & {self.revision, second}, {self.revision, second})
        self.seawall.cli("policy", "rollback", str(self.revision))
        self.revision = self.seawall.get("/policy")["revision"]
        self.assertGreater(self.revision, second)
        self.still_in_force()
        self.assertIn("crypto_miners: prevent", self.seawall.cli("policy", "get"))

    def test_usage(self):
        self.refused("policy", "aply", self.file, code=2)
        self.assertIn("--json", self.refused("status", "--jsn", code=2).stderr)
