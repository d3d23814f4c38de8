# SPDX-License-Identifier: Apache-2.0
"""A miner is known by its name, its arguments or what it says; and each effect does what it says."""
import dataclasses
import os

import engines
import scene
from lib import poll, procs

POOL = "203.0.113.7:5555"


@dataclasses.dataclass
class Disguise:
    """One way to start a miner: how it gets there, the command, and what gives it away."""
    title: str
    prepare: str
    command: str
    evidence: str


# {P} is the program to be disguised: the talker, or the one that writes a byte first.
DISGUISES = [
    Disguise("known name", "cp {P} /tmp/xmrig", "/tmp/xmrig", "name"),
    Disguise("known name in a deep folder", "mkdir -p /var/.a/b; cp {P} /var/.a/b/xmrig", "/var/.a/b/xmrig", "name"),
    Disguise("another known name", "cp {P} /usr/bin/minerd", "/usr/bin/minerd", "name"),
    Disguise("symlink with a known name", "mkdir /tmp/s; ln -s {P} /tmp/s/xmrig", "/tmp/s/xmrig", "name"),
    Disguise("symlink to a known name", "mkdir /tmp/t; cp {P} /tmp/t/xmrig; ln -s xmrig /tmp/t/kworker",
             "/tmp/t/kworker", "name"),
    Disguise("hard link with a known name", "cp {P} /tmp/harmless; ln /tmp/harmless /tmp/ccminer", "/tmp/ccminer", "name"),
    Disguise("script with a known name", "printf '#!{P}\\n' > /tmp/xmr-stak; chmod +x /tmp/xmr-stak", "/tmp/xmr-stak",
             "name"),
    Disguise("the worm's own", "cp {P} /usr/bin/nginx",
             f"/usr/bin/nginx -a cryptonight -o stratum+tcp://{POOL} -k --donate-level 1 --cpu-priority 0 -u WALLET -p x -t 2",
             "argv"),
    Disguise("donate level alone", "cp {P} /tmp/java", "/tmp/java --donate-level 1", "argv"),
    Disguise("donate level with =", "cp {P} /tmp/node", "/tmp/node --donate-level=1", "argv"),
    Disguise("stratum over TLS", "cp {P} /tmp/sshd", f"/tmp/sshd --url stratum+ssl://{POOL}", "argv"),
    Disguise("pool in one word with =", "cp {P} /tmp/php", f"/tmp/php --url=stratum+tcp://{POOL}", "argv"),
    Disguise("algorithm", "cp {P} /tmp/postgres", "/tmp/postgres --algo randomx", "argv"),
    Disguise("pool and wallet", "cp {P} /tmp/redis",
             f"/tmp/redis -o {POOL} -u 48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD",
             "argv"),
    Disguise("nicehash", "cp {P} /tmp/mysqld", "/tmp/mysqld --nicehash", "argv"),
    Disguise("randomx", "cp {P} /tmp/httpd", "/tmp/httpd --randomx-no-rdmsr", "argv"),
    Disguise("late argument", "cp {P} /tmp/late",
             "/tmp/late " + " ".join(f"--option{n}=value" for n in range(60)) + " --donate-level 1", "argv"),
    Disguise("arguments in a script's first line", "printf '#!{P} --donate-level=1\\n' > /tmp/start; chmod +x /tmp/start",
             "/tmp/start", "argv"),
    Disguise("an interpreter's script", "cp {P} /usr/bin/python3", f"/usr/bin/python3 /tmp/app.py -o stratum+tcp://{POOL}",
             "argv"),
    Disguise("hard link with arguments", "cp {P} /tmp/one; ln /tmp/one /tmp/ld-linux", "/tmp/ld-linux --donate-level 1",
             "argv"),
    Disguise("started by a shell", "cp {P} /tmp/sub", "sh -c '/tmp/sub --donate-level 1; exit $?'", "argv"),
    Disguise("started by env", "cp {P} /tmp/byenv", "env A=1 /tmp/byenv --donate-level 1", "argv"),
]


class Miners(scene.Scene):

    def disguised(self, container, disguise, program):
        self.inside(container, disguise.prepare.format(P=program))
        return self.docker.attempt("exec", container, "sh", "-c", disguise.command.format(P=program))

    def fresh(self, container, known):
        """Audits of a container that are not in the set of known (id, count), and remembers them."""
        found = [a for a in self.seawall.audits(container) if (a["id"], a["count"]) not in known]
        known |= {(a["id"], a["count"]) for a in found}
        return found

    def test_prevent_before_the_first_instruction(self):
        """Denied by name or arguments: the first byte is never there, and the container goes on."""
        self.policy("prevent")
        container, known = self.bench(), set()
        for disguise in DISGUISES:
            with self.subTest(disguise.title):
                _, out, _ = self.disguised(container, disguise, "/opt/first_byte")
                self.assertNotIn("B", out, "an instruction of the miner ran")
                audit = poll.until("an audit", lambda: self.fresh(container, known), 2.0)[0]
                self.assertEqual((audit["detection"], audit["evidence"], audit["effect"], audit["done"]),
                                 ("crypto_miner", disguise.evidence, "prevent", "prevent"), audit["message"])
        self.assertTrue(self.docker.running(container), "prevent must let the container go on")
        self.assertEqual(self.docker.docker("exec", container, "/opt/first_byte"), "B", "harmless programs must run")

    def test_alert_only_records(self):
        self.policy("alert")
        container, known = self.bench(), set()
        for disguise in DISGUISES:
            with self.subTest(disguise.title):
                _, out, _ = self.disguised(container, disguise, "/opt/first_byte")
                self.assertEqual(out.strip(), "B", "alert must not stop anything")
                audit = poll.until("an audit", lambda: self.fresh(container, known), 2.0)[0]
                self.assertEqual((audit["detection"], audit["evidence"], audit["effect"], audit["done"]),
                                 ("crypto_miner", disguise.evidence, "alert", "alert"), audit["message"])
        self.assertTrue(self.docker.running(container))

    def test_prevent_as_first_process(self):
        """The container's own command is judged as any other: attributed from its very first exec."""
        self.policy("prevent")
        name = self.name()
        code, out, _ = self.docker.attempt("run", "--name", name, engines.IMAGE, "/opt/first_byte", "--donate-level", "1")
        self.assertEqual((code, out), (137, ""))
        audit = self.audit(self.docker.inspect(name, "{{.Id}}"))
        self.assertEqual(audit["container"]["name"], name)
        self.assertEqual(audit["process"]["path"], "/opt/first_byte")

    def test_first_exec_of_many_containers(self):
        """No race at the start: the first instruction of a denied program never runs."""
        self.policy("prevent")
        for number in range(8):
            _, out, _ = self.docker.attempt("run", "--rm", "--network", "none", engines.IMAGE, "/opt/first_byte",
                                            "--donate-level", str(number))
            self.assertEqual(out, "", f"run {number}")

    def test_disabled_is_quiet(self):
        self.policy("disable")
        container = self.bench()
        self.assertEqual(self.docker.docker("exec", container, "/opt/first_byte", "--donate-level", "1"), "B")
        poll.until("the exec is recorded", lambda: [
            e for e in self.seawall.forensics(container) if e["type"] == "exec" and "--donate-level" in e["args"]], 3.0)
        self.assertEqual(self.seawall.audits(container), [])


class Stratum(scene.Scene):
    """What a miner says on the wire, on any port, in any pieces."""

    TEXTS = {
        "subscribe": '{"id":1,"method":"mining.subscribe","params":["x/1.0"]}\n',
        "authorize": '{"params":["wallet","x"],"id":2,"method":"mining.authorize"}\n',
        "spaced": '{ "id" : 1, "method" : "mining.subscribe", "params" : [] }\n',
        "login": '{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"48edfHu7","pass":"x","agent":"XMRig/6.21"}}\n',
    }

    def talk(self, container, to, text, split=False):
        arguments = ["-e", f"TALK_TO={to}", "-e", f"TALK_TEXT={text}", "-e", "TALK_SECONDS=3"]
        arguments += ["-e", "TALK_SPLIT=1"] if split else []
        return self.docker.attempt("exec", *arguments, container, "/opt/talker")

    def test_prevent(self):
        self.policy("prevent")
        for port in (80, 443, 5555, 31337):
            with self.docker.outside(port) as outside:
                for title, text in self.TEXTS.items():
                    for split in (False, True):
                        with self.subTest(title, port=port, split=split):
                            container = self.bench()
                            code, out, _ = self.talk(container, f"{engines.OUTSIDE},{port}", text, split)
                            self.assertEqual(code, 137, f"the miner was not killed: {out}")
                            self.assertNotIn(text.encode(), outside.heard, "the pool heard it")
                            audit = self.audit(container)
                            self.assertEqual((audit["detection"], audit["evidence"], audit["done"]),
                                             ("crypto_miner", "stratum", "prevent"), audit["message"])
                            self.assertEqual((audit["network"]["address"], audit["network"]["port"]),
                                             (engines.OUTSIDE, port))
                            self.assertEqual(audit["network"]["country"], engines.OUTSIDE_COUNTRY)
                            self.assertTrue(self.docker.running(container))
                if port != 5555:
                    continue
                with self.subTest("the wire still works for others"):
                    self.talk(self.bench(), f"{engines.OUTSIDE},{port}", "quiet words\n")
                    poll.until("they are heard", lambda: b"quiet words" in outside.heard)

    def test_ipv6(self):
        self.policy("prevent")
        for split in (False, True):
            with self.subTest(split=split):
                container = self.bench("--sysctl", "net.ipv6.conf.all.disable_ipv6=0", "--sysctl",
                                       "net.ipv6.conf.lo.disable_ipv6=0")
                self.docker.docker("exec", "-d", container, "sh", "-c", "/opt/sink ::1 4444 60 > /tmp/heard")
                poll.until("the sink listens", lambda: "listening" in self.inside(container, "cat /tmp/heard"))
                code, out, _ = self.talk(container, "::1,4444", self.TEXTS["subscribe"], split)
                self.assertEqual(code, 137, f"the miner was not killed: {out}")
                audit = self.audit(container)
                self.assertEqual(audit["evidence"], "stratum")
                self.assertEqual((audit["network"]["address"], audit["network"]["port"]), ("::1", 4444))
                self.assertNotIn("subscribe\"", self.inside(container, "cat /tmp/heard"))

    def test_alert_lets_it_speak(self):
        self.policy("alert")
        with self.docker.outside(5557) as outside:
            container = self.bench()
            self.talk(container, f"{engines.OUTSIDE},5557", self.TEXTS["subscribe"])
            audit = self.audit(container)
            self.assertEqual((audit["evidence"], audit["effect"], audit["done"]), ("stratum", "alert", "alert"))
            self.assertIn(self.TEXTS["subscribe"].encode(), outside.heard)

    def test_text_tool_that_connects(self):
        """A miner that calls itself grep is one as soon as it connects, and not before."""
        self.policy("prevent")
        with self.docker.outside(5558):
            container = self.bench()
            self.inside(container, "mkdir /tmp/x; cp /opt/talker /tmp/x/grep")
            command = (container, "/tmp/x/grep", "-o", "stratum+tcp://203.0.113.7:5558", "--donate-level", "1")
            code, out, _ = self.docker.attempt("exec", "-e", "TALK_SECONDS=1", *command)
            self.assertEqual((code, out), (0, "alive\n"), "a grep that stays at home is a grep")
            self.assertEqual(self.seawall.audits(container), [])
            _, out, _ = self.docker.attempt("exec", "-e", "TALK_SECONDS=3", "-e", f"TALK_TO={engines.OUTSIDE},5558",
                                            "-e", "TALK_TEXT=opaque", *command)
            self.assertNotIn("said", out)
            self.assertEqual(self.audit(container)["evidence"], "argv")


class Block(scene.Scene):
    """Every process of the container dies, and plain Docker does not bring it back."""

    def blocked(self, container, pids):
        poll.until("every process is dead", lambda: not any(map(procs.alive, pids)), 2.0, 0.005)
        poll.until("Docker knows", lambda: not self.docker.running(container), 3.0)
        poll.always("it stays down", lambda: not self.docker.running(container), 3.0)
        self.assertEqual(procs.in_cgroup(self.docker.cgroup(container)), [])
        record = poll.until("it is listed as blocked", lambda: next(
            (c for c in self.seawall.json("containers", "--all") if c["id"] == container and c["state"] == "blocked"), None))
        self.assertEqual(record["blocked_by"], "stop miners")
        self.assertTrue(record["blocked_reason"].startswith("[Seawall] container blocked by rule 'stop miners': "), record)
        audit = self.audit(container)
        self.assertEqual((audit["effect"], audit["done"]), ("block", "block"))
        self.assertTrue(audit["message"].startswith("[Seawall] container blocked by rule 'stop miners': crypto miner: "),
                        audit["message"])

    def busy(self, *arguments):
        """A container of several processes, in several sessions; its id and their pids."""
        container = self.docker.start_container(
            "--name", self.name(), *arguments, command=("sh", "-c", "sleep 601 & (sleep 602 & sleep 603) & sleep 604 & wait"))
        self.docker.docker("exec", "-d", container, "sleep", "605")
        pids = poll.until("its processes", lambda: (lambda p: p if len(p) >= 6 else None)(
            procs.in_cgroup(self.docker.cgroup(container))))
        return container, pids

    def test_by_arguments(self):
        self.policy("block")
        container, pids = self.busy("--restart", "always")
        _, out, _ = self.docker.attempt("exec", container, "/opt/first_byte", "--donate-level", "1")
        self.assertNotIn("B", out)
        self.blocked(container, pids)

    def test_by_stratum(self):
        self.policy("block")
        with self.docker.outside(9999) as outside:
            container, pids = self.busy("--restart", "unless-stopped")
            self.docker.attempt("exec", "-e", f"TALK_TO={engines.OUTSIDE},9999", container, "/opt/talker")
            self.blocked(container, pids)
            self.assertNotIn(b"mining.subscribe", outside.heard)

    def test_block_switched_on_while_it_mines(self):
        """The story of the product: seen and reported first, then one switch, and it is gone."""
        with self.docker.outside(7777):
            for evidence, command in (
                    ("argv", ("-e", "TALK_SECONDS=60", "{c}", "/opt/talker", "--donate-level", "1")),
                    ("stratum", ("-e", "TALK_SECONDS=60", "-e", f"TALK_TO={engines.OUTSIDE},7777", "{c}", "/opt/talker"))):
                with self.subTest(evidence):
                    self.policy("alert")
                    container, pids = self.busy("--restart", "always")
                    self.docker.docker("exec", "-d", *(container if a == "{c}" else a for a in command))
                    self.assertEqual(self.audit(container)["evidence"], evidence)
                    self.assertTrue(self.docker.running(container))
                    self.policy("block")
                    poll.until("every process is dead", lambda: not any(map(procs.alive, pids)), 2.0, 0.005)
                    poll.until("Docker knows", lambda: not self.docker.running(container), 3.0)
                    poll.always("it stays down", lambda: not self.docker.running(container), 3.0)
                    audit = self.audit(container, effect="block")
                    self.assertEqual((audit["done"], audit["evidence"]), ("block", evidence))

    def test_as_first_process_with_restart(self):
        self.policy("block")
        for policy in ("always", "on-failure:50"):
            with self.subTest(policy):
                container = self.docker.start_container("--restart", policy, command=("/opt/first_byte", "--nicehash"))
                self.blocked(container, [])
                self.assertEqual(self.docker.docker("logs", container), "")

    def test_the_file_system_stays(self):
        self.policy("block")
        container, pids = self.busy()
        self.inside(container, "echo evidence > /tmp/evidence")
        self.docker.attempt("exec", container, "/opt/first_byte", "--donate-level", "1")
        self.blocked(container, pids)
        self.docker.docker("cp", f"{container}:/tmp/evidence", os.path.join(self.docker.scratch, "evidence"))

    def test_neighbours_go_on(self):
        self.policy("block")
        neighbour, theirs = self.busy()
        container, pids = self.busy()
        self.docker.attempt("exec", container, "/opt/first_byte", "--donate-level", "1")
        self.blocked(container, pids)
        self.assertTrue(self.docker.running(neighbour))
        self.assertTrue(all(map(procs.alive, theirs)))

    def test_fork_storm_does_not_outrun_it(self):
        self.policy("block")
        container = self.docker.start_container(
            command=("sh", "-c", "while true; do (sleep 0.01 &) ; /opt/true & done"), *("--pids-limit", "200"))
        cgroup = self.docker.cgroup(container)
        self.docker.attempt("exec", container, "/opt/first_byte", "--donate-level", "1")
        poll.until("nothing is left in it", lambda: not procs.in_cgroup(cgroup), 3.0)
        poll.always("nothing comes back", lambda: not procs.in_cgroup(cgroup), 1.0)
