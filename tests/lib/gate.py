# SPDX-License-Identifier: Apache-2.0
"""The Gate alone, with tests/programs/defender_peer in the Defender's place."""
import json
import os
import shutil
import subprocess
import tempfile
import threading

from lib import paths, poll


class Gate:
    """A confined seawall-gate and what it says, message by message."""

    def __init__(self, *options):
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="seawall-gate-")
        os.chmod(self.folder, 0o755)
        self.socket = os.path.join(self.folder, "defender.sock")
        self.messages = []
        self.number = 0
        self.peer = self.gate = None
        self.start_peer()
        self.start_gate()

    def start_peer(self):
        self.peer = subprocess.Popen([paths.test_program("defender_peer"), self.socket], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True, bufsize=1)
        threading.Thread(target=self._listen, args=(self.peer.stdout,), daemon=True).start()

    def start_gate(self):
        self.gate = subprocess.Popen([paths.program("seawall-gate"), "--root", self.folder, *self.options])

    def _listen(self, lines):
        for line in lines:
            self.messages.append(json.loads(line))

    def kill_peer(self):
        self.peer.kill()
        self.peer.wait()

    def close(self):
        for process in filter(None, (self.gate, self.peer)):
            process.kill()
            process.wait()
        self.peer.stdin.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def of(self, kind, since=0):
        """All messages of one type, beginning with number `since`."""
        return [m for m in self.messages[since:] if m["type"] == kind]

    def pictures(self, since=0, **wanted):
        """Pictures of containers, oldest first, with these values."""
        return [m["body"] for m in self.of("container", since) if all(m["body"][k] == v for k, v in wanted.items())]

    def picture(self, seconds=5.0, since=0, **wanted):
        """The first picture with these values, awaited."""
        return poll.until(f"a container with {wanted}", lambda: self.pictures(since, **wanted), seconds)[0]

    def synced(self, since=0, seconds=10.0):
        return poll.until("the first picture is complete", lambda: self.of("synced", since), seconds)[0]

    def stop_container(self, kind, container, seconds=20.0):
        """Orders a stop; the answer."""
        self.number += 1
        self.peer.stdin.write(f"stop {kind} {container} {self.number}\n")
        self.peer.stdin.flush()
        return poll.until("the order is answered", lambda: [m for m in self.of("stop_done") if m["seq"] == self.number],
                          seconds)[0]["body"]
