"""An RFC 3161 authority that is `openssl ts`, behind HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

CONFIGURATION = """
[tsa]
default_tsa = authority
[authority]
serial = serial
signer_cert = leaf.pem
signer_key = leaf.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.57264.2
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
tsa_name = no
"""

EXTENSIONS = {
    "root": "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n",
    "leaf": "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
    "extendedKeyUsage=critical,timeStamping\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
}


@dataclass(frozen=True)
class Authority:
    url: str
    chain: Path


@contextmanager
def openssl_authority(world) -> Iterator[Authority]:
    """Answers timestamp requests for as long as the block lasts."""
    folder = world.new_folder("authority")
    make_certificates(world, folder)
    chain = folder / "chain.pem"
    chain.write_bytes((folder / "leaf.pem").read_bytes() + (folder / "root.pem").read_bytes())
    (folder / "tsa.cnf").write_text(CONFIGURATION)
    (folder / "serial").write_text("01\n")
    one_at_a_time = Lock()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with one_at_a_time:
                (folder / "query.tsq").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
                reply = ["-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr"]
                world.run(["openssl", "ts", *reply], cwd=folder).accepted()
                token = (folder / "reply.tsr").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(token)))
            self.end_headers()
            self.wfile.write(token)

        def log_message(self, *_) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield Authority(f"http://127.0.0.1:{server.server_address[1]}/", chain)
        server.shutdown()


def make_certificates(world, folder: Path) -> None:
    issuer = ["-signkey", "root.key"]
    for name, days in (("root", "3650"), ("leaf", "365")):
        (folder / f"{name}.ext").write_text(EXTENSIONS[name])
        curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        subject = f"/O=interop/CN=openssl {name}"
        for command in (
            ["genpkey", *curve, "-out", f"{name}.key"],
            ["req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr"],
            [
                "x509",
                "-req",
                "-in",
                f"{name}.csr",
                *issuer,
                "-days",
                days,
                "-extfile",
                f"{name}.ext",
                "-out",
                f"{name}.pem",
            ],
        ):
            world.run(["openssl", *command], cwd=folder).accepted()
        issuer = ["-CA", "root.pem", "-CAkey", "root.key", "-set_serial", "2"]
