"""An OpenID Connect issuer on loopback: tokens with whatever claims, signed RS256.

    GET  /.well-known/openid-configuration     also below /NAME, which is then another issuer
    GET  /keys                                 the key set
    GET  /authorize                            the interactive flow: sends the browser back with a code
    POST /token                                the code for an identity token; PKCE S256 is insisted on
    GET  /mint?audience=A&NAME=VALUE           `{"value": TOKEN}`, as GitHub Actions answers a job

Whoever asks gets a token: it stands for an identity provider in tests, and decides nothing.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

EMAIL = "rel@example.com"
AUDIENCE = "sigstore"
KEY_ID = "interop"


class Issuer:
    """Serves until `close`. Tokens are the caller's to spoil: each claim can be given, or removed by None."""

    def __init__(self, world, port: int):
        self.world = world
        self.url = f"http://localhost:{port}"
        self.key = world.new_folder("issuer") / "key.pem"
        world.run(["openssl", "genrsa", "-out", self.key, "2048"]).accepted()
        modulus = world.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"]).accepted()
        self.modulus = bytes.fromhex(modulus.stdout.strip().removeprefix("Modulus="))
        self.codes: dict[str, dict[str, str]] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", port), type("Bound", (Answer,), {"issuer": self}))
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def named(self, name: str) -> str:
        """The URL of another issuer with the same key, for instance `github`."""
        return f"{self.url}/{name}" if name else self.url

    def token(self, *, seconds: int = 600, key: Path | None = None, **claims) -> str:
        now = int(time.time())
        payload = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "rel",
            "email": EMAIL,
            "email_verified": True,
            "iat": now,
            "nbf": now - 5,
            "exp": now + seconds,
        } | claims
        header = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        given = {name: value for name, value in payload.items() if value is not None}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, given))
        folder = self.world.new_folder("token")
        (folder / "signed").write_text(signed)
        sign = ["openssl", "dgst", "-sha256", "-sign", key or self.key, "-out", folder / "signature"]
        self.world.run([*sign, folder / "signed"]).accepted()
        return f"{signed}.{encoded((folder / 'signature').read_bytes())}"

    def discovery(self, name: str) -> dict:
        return {
            "issuer": self.named(name),
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def key_set(self) -> dict:
        public = {"n": encoded(self.modulus), "e": encoded(b"\x01\x00\x01")}
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID} | public]}

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser goes next; nobody is asked for a password."""
        if query.get("response_type") != "code" or query.get("code_challenge_method") != "S256":
            raise Refused("invalid_request")
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query.get('state', '')})}"

    def redeem(self, form: dict[str, str]) -> dict:
        """RFC 7636: a code is good once, for whoever knows what the challenge was made of."""
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form.get("grant_type") != "authorization_code":
            raise Refused("invalid_grant")
        challenge = encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if challenge != asked["code_challenge"] or form.get("redirect_uri") != asked["redirect_uri"]:
            raise Refused("invalid_grant")
        token = self.token(aud=asked["client_id"], nonce=asked.get("nonce"))
        return {"access_token": "unused", "token_type": "Bearer", "expires_in": 600, "id_token": token}


class Refused(Exception):
    """An error code of RFC 6749."""


class Answer(BaseHTTPRequestHandler):
    issuer: Issuer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        if url.path.endswith("/.well-known/openid-configuration"):
            self.reply(self.issuer.discovery(url.path.removesuffix("/.well-known/openid-configuration").strip("/")))
        elif url.path == "/keys":
            self.reply(self.issuer.key_set())
        elif url.path == "/mint":
            audience = query.pop("audience", AUDIENCE)
            issuer = self.issuer.named(query.pop("issuer", ""))
            self.reply({"value": self.issuer.token(aud=audience, iss=issuer, **query)})
        elif url.path == "/authorize":
            self.refusable(lambda: self.redirect(self.issuer.authorize(query)))
        else:
            self.reply({"error": "not_found"}, 404)

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        if urlsplit(self.path).path == "/token":
            self.refusable(lambda: self.reply(self.issuer.redeem(form)))
        else:
            self.reply({"error": "not_found"}, 404)

    def refusable(self, answer) -> None:
        try:
            answer()
        except (Refused, KeyError) as refused:
            self.reply({"error": str(refused)}, 400)

    def redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def reply(self, document: dict, status: int = 200) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_) -> None:
        pass


def encoded(content: bytes) -> str:
    """base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
