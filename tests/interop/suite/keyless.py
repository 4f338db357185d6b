"""Sigstore on loopback, whole: an issuer, Fulcio with its CT log, Rekor of both generations, an authority.

Trillian and MariaDB stand behind the CT log and Rekor v1. Rekor v2 and the authority are those of `Stack`.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from suite.issuer import EMAIL, Issuer

# What a case on it must name in its peer's `needs`.
NEEDS = ("cosign", "rekor-server", "timestamp-server", "fulcio", "ct-server", "trillian", "mariadb", "rekor-v1")

FULCIO = "http://localhost:5555"
OTHER_FULCIO = "http://localhost:5557"  # of another issuer, beside the first
CT_LOG = "http://localhost:6962/ct"
REKOR_V1 = "http://localhost:3000"
ISSUER_PORT = 8080
DATABASE = "test:zaphod@tcp(127.0.0.1:3306)/test?parseTime=true&interpolateParams=true"

# Issuers by name and what Fulcio takes their tokens for; the first is the one with e-mail addresses.
ISSUERS = {"": "email", "github": "github-workflow", "gitlab": "gitlab-pipeline", "buildkite": "buildkite-job"}

CT_CONFIGURATION = """config {{
  log_id: {tree} prefix: "ct" roots_pem_file: "{root}" ext_key_usages: "CodeSigning"
  max_merge_delay_sec: 86400 expected_merge_delay_sec: 120
  private_key: {{ [type.googleapis.com/keyspb.PEMKeyFile] {{ path: "{key}" password: "ct" }} }}
}}
"""


@dataclass(frozen=True)
class Signing:
    """Where a signer sends what it makes: the files that clients take, with Rekor of one generation."""

    config: Path  # signing_config.json
    trust: Path  # client trust configuration: the same, and the trusted root


class Keyless:
    def __init__(self, world, stack):
        self.world = world
        self.stack = stack
        self.folder: Path = world.new_folder("keyless")
        self.ct_public = self.folder / "ct.pub"
        self.log_public = self.folder / "log1.pub"
        self.chain = self.folder / "fulcio-chain.pem"
        self.issuer = Issuer(world, ISSUER_PORT)
        world.on_exit(self.issuer.close)
        self._start_database()
        self._start_trillian()
        self._make_authority()
        self._start_ct_log()
        self._start_rekor()
        self._start_fulcio()
        self.root = self.trusted_root(self.ct_public)
        self.v2 = self._signing(
            "v2",
            f"--rekor=url={stack.rekor},api-version=2,{stack.service}",
            "--rekor-config=ANY",
            f"--tsa=url={stack.authority},api-version=1,{stack.service}",
            "--tsa-config=ANY",
        )
        self.v1 = self._signing("v1", f"--rekor=url={REKOR_V1},api-version=1,{stack.service}", "--rekor-config=ANY")

    @property
    def identity(self) -> dict:
        """Whom `issuer.token()` is about, as arguments of `verify_identity`."""
        return {"identity": EMAIL, "issuer": self.issuer.url, "root": self.root}

    def _start_database(self) -> None:
        data, socket = self.folder / "mysql", self.folder / "mysql.sock"
        make = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
        self.world.run([*make, "--user=root", "--skip-test-db"]).accepted()
        self.world.servers.start(
            "mariadb",
            [
                "mariadbd",
                "--no-defaults",
                "--user=root",
                f"--datadir={data}",
                f"--socket={socket}",
                f"--pid-file={self.folder / 'mysql.pid'}",
                "--bind-address=127.0.0.1",
                "--port=3306",
                "--innodb-buffer-pool-size=32M",
                "--innodb-flush-log-at-trx-commit=0",  # nobody needs it after the run
            ],
            ready="tcp:127.0.0.1:3306",
        )
        accounts = [f"test@{host} IDENTIFIED BY 'zaphod'" for host in ("localhost", "127.0.0.1")]
        said = "CREATE DATABASE test; USE test; GRANT ALL ON test.* TO " + ", ".join(accounts) + ";\n"
        script = self.folder / "storage.sql"
        script.write_text(said + self.world.go("trillian", "storage.sql").read_text())
        self.world.run(
            ["mariadb", "--no-defaults", f"--socket={socket}", "--user=root", f"--execute=source {script}"]
        ).accepted()

    def _start_trillian(self) -> None:
        storage = ["--quota_system=noop", "--storage_system=mysql", f"--mysql_uri={DATABASE}"]
        ports = {"trillian_log_server": (8090, 8091), "trillian_log_signer": (8093, 8092)}
        more = {"trillian_log_signer": ["--force_master", "--sequencer_interval=100ms", "--sequencer_guard_window=0s"]}
        for program, (rpc, http) in ports.items():
            addresses = [f"--rpc_endpoint=127.0.0.1:{rpc}", f"--http_endpoint=127.0.0.1:{http}"]
            self.world.servers.start(
                program,
                [self.world.go("trillian", program), *storage, *addresses, *more.get(program, [])],
                ready=f"tcp:127.0.0.1:{rpc}",
            )

    def _make_authority(self) -> None:
        """Fulcio's root and the CT log's key, which needs a password: ct_server refuses one without."""
        work = self.folder
        curve = ["openssl", "ecparam", "-noout", "-genkey", "-name"]
        for command in (
            [*curve, "secp384r1", "-out", "root.sec1"],
            ["openssl", "pkcs8", "-topk8", "-in", "root.sec1", "-out", "root.key", "-passout", "pass:pw"],
            [
                *["openssl", "req", "-x509", "-new", "-key", "root.sec1", "-sha384", "-days", "3650"],
                *["-subj", "/O=interop/CN=fulcio on loopback", "-out", "root.pem"],
                *["-addext", "basicConstraints=critical,CA:TRUE,pathlen:1"],
                *["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
            ],
            [*curve, "prime256v1", "-out", "ct.pem"],
            ["openssl", "ec", "-in", "ct.pem", "-pubout", "-out", self.ct_public],
            ["openssl", "ec", "-in", "ct.pem", "-aes128", "-passout", "pass:ct", "-out", "ct.enc.pem"],
            [*curve, "prime256v1", "-out", "log1.pem"],
            ["openssl", "ec", "-in", "log1.pem", "-pubout", "-out", self.log_public],
        ):
            self.world.run(command, cwd=work).accepted()

    def _start_ct_log(self) -> None:
        create = [self.world.go("trillian", "createtree"), "--admin_server=127.0.0.1:8090"]
        made = self.world.run([*create, "--max_root_duration=2s", "--tree_type=LOG"]).accepted()
        configuration = self.folder / "ct.cfg"
        configuration.write_text(
            CT_CONFIGURATION.format(
                tree=made.stdout.strip(), root=self.folder / "root.pem", key=self.folder / "ct.enc.pem"
            )
        )
        self.world.servers.start(
            "ct_server",
            [
                self.world.go("ct-server"),
                f"--log_config={configuration}",
                "--log_rpc_server=127.0.0.1:8090",
                "--http_endpoint=127.0.0.1:6962",
                "--logtostderr",
            ],
            ready=f"{CT_LOG}/ct/v1/get-sth",
        )

    def _start_rekor(self) -> None:
        self.world.servers.start(
            "rekor-v1",
            [
                self.world.go("rekor-v1", "rekor-server"),
                "serve",
                "--rekor_server.address=127.0.0.1",
                "--rekor_server.hostname=localhost",  # the origin begins with it: the host of the URL
                f"--rekor_server.signer={self.folder / 'log1.pem'}",
                "--trillian_log_server.address=127.0.0.1",
                "--trillian_log_server.port=8090",
                "--port=3000",
                "--enable_retrieve_api=true",
                "--search_index.storage_provider=mysql",
                f"--search_index.mysql.dsn={DATABASE}",
            ],
            ready=f"{REKOR_V1}/api/v1/log",
        )

    def _start_fulcio(self) -> None:
        issuers = {self.issuer.named(name): kind for name, kind in ISSUERS.items()}
        self._start_authority_for("fulcio", issuers, FULCIO, (5554, 2113))
        shutil.copy(self.folder / "root.pem", self.chain)

    def _start_authority_for(self, name: str, issuers: dict[str, str], url: str, ports: tuple[int, int]) -> None:
        """A Fulcio that takes the tokens of these issuers: by URL, what they are to it."""
        described = {it: {"IssuerURL": it, "ClientID": "sigstore", "Type": kind} for it, kind in issuers.items()}
        configuration = self.folder / f"{name}.json"
        configuration.write_text(json.dumps({"OIDCIssuers": described}))
        grpc, metrics = ports
        self.world.servers.start(
            name,
            [
                self.world.go("fulcio"),
                "serve",
                "--host=127.0.0.1",
                f"--port={url.rsplit(':', 1)[1]}",
                "--grpc-host=127.0.0.1",
                f"--grpc-port={grpc}",
                f"--metrics-port={metrics}",
                f"--legacy-unix-domain-socket=@{name}",
                f"--config-path={configuration}",
                "--ca=fileca",
                f"--fileca-cert={self.folder / 'root.pem'}",
                f"--fileca-key={self.folder / 'root.key'}",
                "--fileca-key-passwd=pw",
                f"--ct-log-url={CT_LOG}",
                f"--ct-log-public-key-path={self.ct_public}",
            ],
            ready=f"{url}/api/v2/trustBundle",
        )

    def with_issuer(self, name: str, issuer: str) -> Signing:
        """`v2` with a Fulcio beside the first, of the same authority, that takes this issuer's tokens of people."""
        made = Signing(self.folder / f"signing_config_{name}.json", self.folder / f"trust_config_{name}.json")
        if made.trust.exists():
            return made
        self._start_authority_for(f"fulcio-{name}", {issuer: "email"}, OTHER_FULCIO, (5556, 2115))
        trust = json.loads(self.v2.trust.read_text())
        config = trust["signingConfig"]
        config["caUrls"][0]["url"], config["oidcUrls"][0]["url"] = OTHER_FULCIO, issuer
        made.config.write_text(json.dumps(config))
        made.trust.write_text(json.dumps(trust))
        return made

    def trusted_root(self, ct_public: Path) -> Path:
        """All of these services, with this key for the certificate log."""
        root = self.world.new_folder("root") / "trusted_root.json"
        since = self.stack.since
        self.world.run(
            [
                self.world.go("cosign"),
                "trusted-root",
                "create",
                f"--rekor=url={self.stack.rekor},public-key={self.stack.log_public},{since},origin=localhost",
                f"--rekor=url={REKOR_V1},public-key={self.log_public},{since}",
                f"--tsa=url={self.stack.authority},certificate-chain={self.stack.chain}",
                f"--fulcio=url={FULCIO},certificate-chain={self.chain}",
                f"--ctfe=url={CT_LOG},public-key={ct_public},{since}",
                "--out",
                root,
            ]
        ).accepted()
        return root

    def _signing(self, name: str, *logs: str) -> Signing:
        made = Signing(self.folder / f"signing_config_{name}.json", self.folder / f"trust_config_{name}.json")
        service = self.stack.service
        self.world.run(
            [
                self.world.go("cosign"),
                "signing-config",
                "create",
                f"--fulcio=url={FULCIO},api-version=1,{service}",
                f"--oidc-provider=url={self.issuer.url},api-version=1,{service}",
                *logs,
                "--out",
                made.config,
            ]
        ).accepted()
        config = json.loads(made.config.read_text())
        config["tsaConfig"] = config.get("tsaConfig") or {"selector": "ANY"}  # sigstore-python wants one
        made.trust.write_text(
            json.dumps(
                {
                    "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
                    "trustedRoot": json.loads(self.root.read_text()),
                    "signingConfig": config,
                }
            )
        )
        return made
