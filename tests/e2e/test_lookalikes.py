# SPDX-License-Identifier: Apache-2.0
"""What only looks like a miner stays quiet, under the sharpest effect."""
import subprocess

import engines
import scene
from lib import paths, poll

POOL = "stratum+tcp://203.0.113.7:5555"

# Commands of a shell in a container. /tmp/notes holds a miner's command line as text.
QUIET = {
    "grep for an option": "grep -- --donate-level /tmp/notes",
    "grep for a pool": f"grep -e {POOL} /tmp/notes",
    "fgrep -o for a pool": f"busybox grep -o {POOL} /tmp/notes",
    "echo": f"echo xmrig -o {POOL} -u WALLET --donate-level 1",
    "printf": f"printf '%s\\n' {POOL} --nicehash",
    "a shell's text": f"sh -c 'echo nginx -a cryptonight -o {POOL} --donate-level 1'",
    "sed": f"sed -e s,{POOL},gone, /tmp/notes",
    "awk": "awk '/stratum.tcp:/ {print}' /tmp/notes",
    "a file named like one": "cat /tmp/xmrig.txt; ls -l /tmp/xmrig.txt; cp /tmp/xmrig.txt /tmp/xmrig-notes.txt",
    "a compiler": "cp /opt/true /tmp/cc1; /tmp/cc1 -quiet -o /tmp/out.s -O2 main.c",
    "an encoder": "cp /opt/true /tmp/ffmpeg; /tmp/ffmpeg -i in.mkv -c:v libx264 -threads 8 -o out.mp4",
    "curl with a user": "cp /opt/true /tmp/curl; /tmp/curl -u alice:secret -o /tmp/page http://203.0.113.7:8080/",
    "ssh with an option": "cp /opt/true /tmp/ssh; /tmp/ssh -o Port=2222 -u nobody host:22",
    "operands after --": "cp /opt/true /tmp/tool; /tmp/tool -- --donate-level 1",
    "tar with an algorithm": "cp /opt/true /tmp/openssl; /tmp/openssl dgst -a sha256 --algo sha256 /tmp/notes",
}
SPEECH = {
    "JSON-RPC": '{"jsonrpc":"2.0","id":1,"method":"getblockcount","params":[]}\n',
    "JSON-RPC login": '{"jsonrpc":"2.0","id":1,"method":"login","params":{"user":"alice","password":"x"}}\n',
    "JSON-RPC subscribe": '{"jsonrpc":"2.0","id":2,"method":"subscribe","params":["mining news"]}\n',
    "HTTP": "GET /search?q=mining.subscribe HTTP/1.1\r\nHost: docs.example\r\n\r\n",
    "a log line": "level=info msg=\"mining.subscribe seen in sample.pcap\"\n",
}


class LookAlikes(scene.Scene):

    def test_quiet(self):
        self.policy("block")
        with self.docker.outside(8332) as outside:
            container = self.prepared()
            for title, script in QUIET.items():
                with self.subTest(title):
                    if not self.docker.running(container):
                        container = self.prepared()  # what was blocked before must not fail what comes after
                    self.inside(container, script)
                    self.assertEqual([a["message"] for a in self.seawall.audits(container)], [])
            container = self.prepared()
            for title, text in SPEECH.items():
                with self.subTest(title):
                    self.docker.docker("exec", "-e", f"TALK_TO={engines.OUTSIDE},8332", "-e", f"TALK_TEXT={text}",
                                       "-e", "TALK_SECONDS=1", container, "/opt/talker")
                    poll.until("it is heard", lambda t=text: t.encode() in outside.heard)
            with self.subTest("full load"):
                self.docker.docker("exec", "-e", "TALK_BUSY=1", "-e", "TALK_SECONDS=2", container, "/opt/talker")
            self._server_under_load(container)
            # The container's last word is a real one: were something still on its way, it would be here before.
            self.docker.attempt("exec", container, "/opt/true", "--donate-level", "1")
            self.audit(container)
            audits = self.seawall.audits(container)
            self.assertEqual([a["process"]["path"] for a in audits], ["/opt/true"], audits)

    def prepared(self):
        container = self.bench()
        self.inside(container, f"echo 'xmrig -o {POOL} --donate-level 1' > /tmp/notes; cp /tmp/notes /tmp/xmrig.txt")
        return container

    def _server_under_load(self, container):
        """A server named nginx, and many short connections to it."""
        with self.subTest("a web server under load"):
            self.inside(container, "cp /bin/busybox /tmp/nginx; mkdir /tmp/www; cp /tmp/notes /tmp/www/index.html")
            self.inside(container, "ln -s /tmp/nginx /tmp/httpd; /tmp/httpd -p 8080 -h /tmp/www")
            self.inside(container, "for i in $(seq 200); do wget -q -O /dev/null http://127.0.0.1:8080/; done")

    def test_the_engines_client(self):
        self.policy("block")
        container = self.bench()
        self.docker.docker("ps")
        self.docker.docker("inspect", container)
        self.docker.docker("top", container)
        self.assertEqual(self.seawall.audits(container), [])

    def test_the_host_is_not_a_container(self):
        """Without a host rule, a program of the host is not judged, whatever its arguments."""
        self.policy("block")
        out = subprocess.run([paths.test_program("first_byte"), "--donate-level", "1"], capture_output=True, check=False)
        self.assertEqual(out.stdout, b"B")
