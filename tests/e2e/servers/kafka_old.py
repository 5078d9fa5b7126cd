"""What an old Kafka says to a client: which requests it knows, and that it is the only broker.

It knows those of 0.10.2, and so no InitProducerId: no numbers for batches, no transactions.
Whatever else is asked, it closes the connection.
"""

import socket
import struct
import threading

# Request -> its versions in 0.10.2.
KNOWN = {0: (0, 2), 1: (0, 3), 2: (0, 1), 3: (0, 1), 8: (0, 2), 9: (0, 2), 10: (0, 0), 11: (0, 1),
         12: (0, 0), 13: (0, 0), 14: (0, 0), 17: (0, 0), 18: (0, 0), 19: (0, 1), 20: (0, 1)}
METADATA, VERSIONS = 3, 18
UNSUPPORTED = 35


class OldKafka:
    """Listens on a free port until close()."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.asked = []  # what it did not know
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            while head := _exactly(client, 4):
                request = _exactly(client, struct.unpack(">i", head)[0])
                if not request:
                    return
                api, version, number = struct.unpack(">hhi", request[:8])
                answer = self._answer(api, version)
                if answer is None:
                    self.asked.append(api)
                    return
                body = struct.pack(">i", number) + answer
                try:
                    client.sendall(struct.pack(">i", len(body)) + body)
                except OSError:
                    return

    def _answer(self, api, version):
        if api == VERSIONS:
            error = 0 if version == 0 else UNSUPPORTED
            return struct.pack(">hi", error, len(KNOWN)) + b"".join(
                struct.pack(">hhh", key, *span) for key, span in KNOWN.items())
        if api == METADATA:  # itself, and no topics
            me = struct.pack(">ih", 1, 9) + b"127.0.0.1" + struct.pack(">i", self.port)
            rack, controller = struct.pack(">h", -1), struct.pack(">i", 1)
            brokers = struct.pack(">i", 1) + me
            return (brokers + rack + controller if version else brokers) + struct.pack(">i", 0)
        return None


def _exactly(client, n):
    """That many bytes, or none at the end."""
    got = b""
    while len(got) < n:
        try:
            piece = client.recv(n - len(got))
        except OSError:
            return b""
        if not piece:
            return b""
        got += piece
    return got
