# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the Gate, for tests of the shim alone: listens, keeps what it is asked, answers as told.

The wire is src/ipc/shim_wire.h.
"""
import array
import os
import select
import socket
import struct
import threading

MAGIC = 0x53776831
ALLOW, REFUSE = 1, 2
REQUEST = struct.Struct("=II16s256s1024sQ")
REPLY_TEXT = 2048


class Question:
    def __init__(self, data, files):
        magic, self.pid, engine, name, bundle, self.until = REQUEST.unpack(data)
        assert magic == MAGIC
        self.engine, self.id, self.bundle = (text.split(b"\0")[0].decode() for text in (engine, name, bundle))
        self.config = files[0]
        self.storage = files[1] if len(files) > 1 else None


def reply(answer, text="", magic=MAGIC):
    return struct.pack("=II", magic, answer) + text.encode()[:REPLY_TEXT - 1].ljust(REPLY_TEXT, b"\0")


class FakeGate:
    """`answer`: a function from Question to the bytes to send, b"" (hang up) or None (say nothing)."""

    def __init__(self, path, answer=lambda question: reply(ALLOW), backlog=512, uid=0):
        self.path, self.answer, self.questions = path, answer, []
        self._open = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.bind(path)
        self.callers = 0
        os.seteuid(uid)  # whoever listens is who the other side sees
        try:
            self._socket.listen(backlog)
        finally:
            os.seteuid(0)
        self._wake, self._woken = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            ready, _, _ = select.select([self._socket, self._wake], [], [])
            if self._wake in ready:
                return
            self._one(self._socket.accept()[0])

    def _one(self, peer):
        room = array.array("i", [0, 0])
        data, control, _, _ = peer.recvmsg(REQUEST.size + 1, socket.CMSG_SPACE(room.itemsize * 2))
        self.callers += 1
        descriptors = array.array("i")
        for level, kind, content in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(content[:len(content) - len(content) % descriptors.itemsize])
        files = []
        for descriptor in descriptors:
            with open(descriptor, "rb") as file:
                files.append(file.read())
        if len(data) != REQUEST.size:
            peer.close()
            return
        question = Question(data, files)
        self.questions.append(question)
        answer = self.answer(question)
        if answer is None:
            self._open.append(peer)
            return
        if answer:
            try:
                peer.send(answer)
            except BrokenPipeError:
                pass
        peer.close()

    def close(self):
        os.write(self._woken, b"x")
        self._thread.join(5)
        for peer in self._open:
            peer.close()
        self._socket.close()
        for descriptor in (self._wake, self._woken):
            os.close(descriptor)
        if os.path.exists(self.path):
            os.unlink(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
