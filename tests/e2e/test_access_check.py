# SPDX-License-Identifier: Apache-2.0
"""seawall access check: the same reader and the same rules as the gates, from the command line."""
import json
import os
import subprocess
import tempfile
import unittest

from lib import paths

POLICY = """version: 1
access:
  - {name: ops, users: [alice], groups: [], actions: ["*"], effect: allow}
  - {name: no root, actions: [container_create], when: {privileged: true}, effect: deny, message: "ask the platform team"}
  - {name: the rest, effect: allow, audit: all}
"""
OPEN = '{"Image":"nginx","hostconfig":{"PRIVILEGED":true}}'


class AccessCheck(unittest.TestCase):

    def check(self, *arguments, body=None):
        """(exit code, answer)"""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("policy.yaml", POLICY), ("body.json", body or "")):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            command = [paths.program("seawall"), "access", "check", "--json", "--policy", f"{folder}/policy.yaml", *arguments]
            if body is not None:
                command += ["--body", f"{folder}/body.json"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def test_rules(self):
        code, answer = self.check("--user", "bob", "--action", "container_create", body=OPEN)
        self.assertEqual((code, answer["allowed"], answer["rule"]), (1, False, "no root"))
        self.assertIn("ask the platform team", answer["reason"])
        code, answer = self.check("--user", "alice", "--action", "container_create", body=OPEN)
        self.assertEqual((code, answer["allowed"], answer["rule"]), (0, True, "ops"))
        code, answer = self.check("--user", "bob", "--action", "container_delete", "--target", "web")
        self.assertEqual((code, answer["allowed"], answer["rule"]), (0, True, "the rest"))

    def test_what_cannot_be_judged_is_denied(self):
        for action, body in (("container_create", OPEN + OPEN), ("POST /containers%2fcreate", OPEN)):
            code, answer = self.check("--user", "alice", "--action", action, body=body)
            self.assertEqual((code, answer["allowed"], answer["rule"]), (1, False, None))
            self.assertTrue(answer["reason"])

    def test_a_body_that_is_needed(self):
        for action in ("container_create", "POST /v1.41/containers/web/exec"):
            code, words = self.check("--user", "alice", "--action", action)
            self.assertEqual(code, 2)
            self.assertIn("--body FILE", words)

    def test_no_such_action(self):
        code, words = self.check("--action", "container_creat")
        self.assertEqual(code, 2)
        self.assertIn("container_creat", words)
