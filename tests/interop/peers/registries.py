"""Registries with and without the referrers API, and clients of registries."""

from pathlib import Path

from suite import install
from suite.cases import Peer

HERE = Path(__file__).resolve().parent

distribution = Peer(
    "distribution",
    install=lambda version: install.go_install_all(
        "distribution",
        {"registry": ("github.com/distribution/distribution/v3/cmd/registry", None)},
        version,
    ),
)
go_containerregistry = Peer(
    "go-containerregistry",
    install=lambda version: install.go_build("go-containerregistry", HERE / "go-containerregistry", version),
)
crane = Peer(
    "crane",
    install=lambda version: install.go_install(
        "crane", "github.com/google/go-containerregistry/cmd/crane", version
    ),
)
regctl = Peer(
    "regctl",
    install=lambda version: install.go_install("regctl", "github.com/regclient/regclient/cmd/regctl", version),
)
