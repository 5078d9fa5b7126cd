"""As much of Kafka Connect's REST as a takeover needs, with faults that a real one has only
sometimes. What it answers was recorded from Kafka Connect 4.1."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeConnect:
    """connectors: name -> {"config", "state", "tasks", "offsets"}. faults: "METHOD path" -> what to
    answer instead: (status, body), or a function that is called first and may give one."""

    def __init__(self, certificate=None, login=None):
        """certificate: (certificate file, key file), then it speaks TLS. login: the Authorization
        header that is expected."""
        self.connectors = {}
        self.faults = {}
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                outer.asked.append(f"{self.command} {self.path}")
                if login and self.headers.get("Authorization") != login:
                    said = "User cannot access the resource."
                    status, reply = 401, {"error_code": 401, "message": said}
                else:
                    status, reply = outer.handle(self.command, self.path, body)
                data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                data = b"" if reply is None else data
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_PATCH = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, name, config, offsets):
        self.connectors[name] = {
            "config": {"name": name, **config},
            "state": "RUNNING",
            "tasks": ["RUNNING"],
            "offsets": offsets,
        }

    def handle(self, method, path, body):
        fault = self.faults.get(f"{method} {path}")
        fault = fault() if callable(fault) else fault
        if fault:
            return fault
        if path == "/":
            return 200, {"version": "4.1.0", "commit": "x", "kafka_cluster_id": "y"}
        _, _, name, verb = path.split("/")
        one = self.connectors.get(name)
        if one is None:
            return 404, {"error_code": 404, "message": f"Connector {name} not found"}
        return getattr(self, f"_{verb}")(one, method, body)

    def _config(self, one, method, body):
        return 200, one["config"]

    def _status(self, one, method, body):
        tasks = [{"id": i, "state": state} for i, state in enumerate(one["tasks"])]
        return 200, {"connector": {"state": one["state"]}, "tasks": tasks}

    def _stop(self, one, method, body):
        one.update(state="STOPPED", tasks=[])
        return 204, None

    def _resume(self, one, method, body):
        one.update(state="RUNNING", tasks=["RUNNING"])
        return 202, None

    def _offsets(self, one, method, body):
        if method == "PATCH":
            if one["state"] != "STOPPED":
                return 400, {"error_code": 400, "message": "it must be in the STOPPED state"}
            one["offsets"] = json.loads(body)["offsets"]
            return 200, {"message": "The offsets for this connector have been altered successfully"}
        return 200, {"offsets": one["offsets"]}
