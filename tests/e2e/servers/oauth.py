"""A token endpoint (OAuth 2, client credentials) whose tokens a Kafka can check."""

import base64
import http.server
import json
import os
import subprocess
import threading
import time
import urllib.parse

CLIENTS = {"alice": "alice-secret"}


def _text(data):
    """Base64 of URLs, as JWTs have it."""
    if isinstance(data, dict):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Tokens:
    """`url` gives tokens; `jwks` is the file by which a broker checks them. asked: what was asked
    for, a dict each. answer: a (status, object) to give instead; life: of a token, in seconds."""

    def __init__(self, folder):
        self.key = os.path.join(folder, "tokens.key")
        self.jwks = os.path.join(folder, "jwks.json")
        self.asked, self.answer, self.life = [], None, 300
        self._openssl("genrsa", "-out", self.key, "2048")
        modulus = self._openssl("rsa", "-in", self.key, "-noout", "-modulus").decode()
        n = bytes.fromhex(modulus.strip().partition("=")[2])
        with open(self.jwks, "w", encoding="ascii") as f:
            json.dump({"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
                                 "n": _text(n), "e": _text(b"\x01\x00\x01")}]}, f)
        tokens = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802 - as the base class has it
                status, answer = tokens.handle(self)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def _openssl(*args, data=None):
        done = subprocess.run(["openssl", *args], input=data, capture_output=True, check=True)
        return done.stdout

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handle(self, request):
        size = int(request.headers.get("Content-Length") or 0)
        form = dict(urllib.parse.parse_qsl(request.rfile.read(size).decode()))
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        user, _, password = base64.b64decode(given).decode().partition(":")
        self.asked.append(form)
        if self.answer:
            return self.answer
        if form.get("grant_type") != "client_credentials" or kind != "Basic":
            return 400, {"error": "invalid_request"}
        if CLIENTS.get(user) != password:
            return 401, {"error": "invalid_client", "error_description": "who are you?"}
        return 200, {"access_token": self.token(user, form.get("scope")), "token_type": "Bearer",
                     "expires_in": self.life}

    def token(self, user, scope=None):
        now = int(time.time())
        claims = {"sub": user, "iat": now, "exp": now + self.life, "iss": "leat-tests",
                  "scope": scope or "kafka"}
        signed = f"{_text({'alg': 'RS256', 'typ': 'JWT', 'kid': '1'})}.{_text(claims)}"
        made = self._openssl("dgst", "-sha256", "-sign", self.key, data=signed.encode())
        return f"{signed}.{_text(made)}"
