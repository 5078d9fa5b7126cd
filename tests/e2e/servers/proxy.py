"""A TCP proxy on loopback that does to connections what networks do: cuts, resets, stalls, delays,
drops them half-way, swallows what is sent.

    proxy = Proxy(server.port)
    proxy.stall(); ...; proxy.mend()

A test says when, so nothing is left to chance. All that was asked for ends with mend().
"""

import contextlib
import socket
import struct
import threading
import time

TURN_S = 0.02
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends RST


class Proxy:
    """Listens on a free port and forwards to port on loopback, until close()."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.lock = threading.Lock()
        self.pairs = set()
        self.passed = 0  # connections taken
        self.listener = None
        self.port = 0
        self._defaults()
        self._listen()

    def _defaults(self):
        self.stalled = self.swallowing = self.holding = False
        self.delay_s = 0.0
        self.left = None  # bytes from the server until all is reset; None: no such bound

    # ---- what a test says

    def cut(self):
        """Resets all connections and refuses new ones, as a host that went away."""
        listener, self.listener = self.listener, None
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        listener.close()
        self.reset()

    def reset(self):
        """Resets all connections; new ones are taken."""
        with self.lock:
            pairs, self.pairs = self.pairs, set()
        for pair in pairs:
            for s in pair:
                with contextlib.suppress(OSError):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    s.shutdown(socket.SHUT_RDWR)
                s.close()

    def stall(self):
        """Nothing moves any more, in old connections and new ones; nothing is lost either."""
        self.stalled = True

    def swallow(self):
        """What is sent is taken and vanishes, both ways: a black hole."""
        self.swallowing = True

    def hold(self):
        """Who goes away is not missed: the end of a connection is not told to the other side."""
        self.holding = True

    def delay(self, seconds):
        """Each piece waits so long before it goes on."""
        self.delay_s = seconds

    def drop_after(self, count):
        """After so many bytes from the server all is reset, in the middle of whatever it is."""
        self.left = count

    def mend(self):
        """Everything passes again. What was swallowed in is lost, so its connections are reset."""
        lost = self.swallowing or self.holding
        self._defaults()
        if self.listener is None:
            self._listen()
        if lost:
            self.reset()

    def close(self):
        if self.listener is not None:
            self.cut()

    # ---- inside

    def _listen(self):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", self.port))
        s.listen(64)
        self.port = s.getsockname()[1]
        self.listener = s
        threading.Thread(target=self._accept, args=(s,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target, timeout=10)
                server.settimeout(None)
            except OSError:
                client.close()  # the server is away: so are we
                continue
            pair = (client, server)
            with self.lock:
                self.pairs.add(pair)
            self.passed += 1
            for source, target in (pair, pair[::-1]):
                threading.Thread(
                    target=self._pump, args=(pair, source, target), daemon=True
                ).start()

    def _pump(self, pair, source, target):
        try:
            while self._wait_while_stalled(pair):
                data = source.recv(16384)
                if not data:
                    while self.holding and pair in self.pairs:
                        time.sleep(TURN_S)
                    break
                if self._wait_while_stalled(pair) and not self.swallowing:
                    self._forward(data, target, from_server=source is pair[1])
        except OSError:
            pass
        with self.lock:
            self.pairs.discard(pair)
        for s in pair:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def _wait_while_stalled(self, pair):
        """False when the connection was reset meanwhile."""
        while self.stalled:
            if pair not in self.pairs:
                return False
            time.sleep(TURN_S)
        return True

    def _forward(self, data, target, from_server):
        if self.delay_s:
            time.sleep(self.delay_s)
        left = self.left
        if from_server and left is not None:
            target.sendall(data[:left])
            self.left = max(0, left - len(data))
            if len(data) >= left:
                self.left = None
                self.reset()
            return
        target.sendall(data)
