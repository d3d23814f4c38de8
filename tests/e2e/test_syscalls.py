# SPDX-License-Identifier: Apache-2.0
"""System calls that need a capability, in real containers: what their programs do, and not what makes them."""
import scene

RULE = """version: 1
runtime:
  - name: no way out
    threats: {effect}
    detections: {{new_binary: disable, modified_binary: disable, fileless_exec: disable, engine_client: disable}}
"""
TOLD = (  # how the container was started, what it does, what is said
    (("--cap-add", "SYS_ADMIN"), "unshare", "namespace_escape"),
    (("--cap-add", "SYS_ADMIN"), "setns", "namespace_escape"),
    (("--cap-add", "SYS_ADMIN"), "mount", "mount"),
    (("--cap-add", "SYS_ADMIN"), "bpf", "bpf_load"),
    ((), "packet", "raw_socket"),
    ((), "mknod", "privilege_escalation"),
    (("--user", "65534"), "to_root", "privilege_escalation"),
)


class Syscalls(scene.Scene):
    def say(self, effect):
        self.seawall.apply(RULE.format(effect=effect))

    def test_each_is_told(self):
        self.say("alert")
        for options, call, detection in TOLD:
            with self.subTest(call):
                box = self.bench("--security-opt", "seccomp=unconfined", *options)
                self.inside(box, f"cd /tmp; cp /opt/caller renamed; ./renamed {call} || true")
                audit = self.audit(box, detection=detection)
                self.assertEqual(audit["evidence"], "syscall")
                self.assertEqual(audit["process"]["path"], "/tmp/renamed")

    def test_it_does_not_go_on(self):
        self.say("prevent")
        box = self.bench("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined")
        self.assertEqual(self.inside(box, "/opt/caller unshare || true"), "")
        self.assertEqual(self.audit(box, detection="namespace_escape")["done"], "prevent")
        self.inside(box, "/opt/caller mount || true")
        self.assertEqual(self.audit(box, detection="mount")["done"], "weakened")

    def test_who_makes_the_container_is_quiet(self):
        """The runtime mounts, makes namespaces and nodes, and takes rights away: none of it is the container's."""
        self.say("prevent")
        boxes = [self.bench(*options) for options in (
            (), ("--init",), ("--user", "7"), ("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"), ("--read-only", "--tmpfs", "/tmp"),
            ("--cap-drop", "ALL", "--security-opt", "no-new-privileges"), ("--pid", "host"))]
        for box in boxes:
            self.docker.docker("exec", box, "true")
            self.docker.docker("exec", "-u", "9", box, "sh", "-c", "id; /opt/caller stream fork memory || true")
        self.inside(boxes[3], "/opt/caller setns || true")
        self.audit(boxes[3], detection="namespace_escape")  # all that came before it has been told by now
        self.assertEqual([self.seawall.audits(box) for box in boxes if box != boxes[3]], [[]] * 6)
        self.assertEqual(len(self.seawall.audits(boxes[3])), 1)
