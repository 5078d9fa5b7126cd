"""`leat serve` as its clients see it: requests, and waiting for what they bring about."""

import http.client
import json
import re
import time

from servers.process import until


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.text = body.decode(errors="replace")  # a picture is none

    @property
    def json(self):
        return json.loads(self.text)


class Rest:
    """The REST API on a port of loopback."""

    def __init__(self, port):
        self.port = port
        self.worker = f"127.0.0.1:{port}"

    def connect(self, seconds=60):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)

    def ask(self, method, path, body=None, headers=None, seconds=60):
        """body: an object, sent as JSON; or text or bytes with a Content-Type among the headers."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection = self.connect(seconds)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def get(self, path):
        answer = self.ask("GET", path)
        assert answer.status == 200, f"{path}: {answer.status} {answer.text}"
        return answer.json

    def wait_answer(self, method, path, right, seconds=20):
        """Asks again until the answer is right; the last answer."""
        end = time.monotonic() + seconds
        while True:
            answer = self.ask(method, path)
            if right(answer) or time.monotonic() > end:
                return answer
            time.sleep(0.05)


class Hub(Rest):
    """A hub on a port of its own, over the data folder of a Leat."""

    def __init__(self, leat, *args, env=None, listen="127.0.0.1:0"):
        self.leat = leat
        begun = leat.stderr.count("hub.listening")
        leat.start("serve", "--listen", listen, *args, env=env)

        def listening():
            leat.alive()
            found = re.findall(r"hub\.listening url=https?://[\d.]+:(\d+)", leat.stderr)
            return found[-1] if len(found) > begun else None

        super().__init__(int(until(listening, 30, "the hub to listen")))

    def make(self, name, state=None, **config):
        config = {"connector.class": "datagen", "topic.prefix": name, **config}
        body = {"name": name, "config": {k.replace("_", "."): v for k, v in config.items()}}
        if state:
            body["initial_state"] = state
        answer = self.ask("POST", "/connectors", body)
        assert answer.status == 201, answer.text
        return answer.json

    def state(self, name):
        return self.get(f"/connectors/{name}/status")["connector"]["state"]

    def wait_state(self, name, state="RUNNING", seconds=30):
        until(lambda: self.state(name) == state, seconds, f"{name} to be {state}", every=0.02)

    def counters(self, name):
        return self.get("/hub/v1/counters")[name]

    def wait_events(self, name, more=100):
        """Until it has appended so many events more than it has now."""
        was = self.counters(name)["appended"]
        until(lambda: self.counters(name)["appended"] >= was + more, 30, f"{name} to go on")
