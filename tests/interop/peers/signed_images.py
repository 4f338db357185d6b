"""Images signed by us for an identity, in both kinds of registries: cosign finds and verifies them by their identity."""

from peers.registries import distribution, go_containerregistry, kind, new_image
from suite.keyless import NEEDS
from suite.process import Answer, Output

for peer in (distribution, go_containerregistry):
    peer.needs = tuple(sorted({*peer.needs, *NEEDS}))


def cosign_verify(world, image: str, identity: str) -> Output:
    stack = world.stack.keyless
    whom = ["--certificate-identity", identity, "--certificate-oidc-issuer", stack.issuer.url]
    words = ["verify", *whom, "--trusted-root", stack.root, "--allow-http-registry", image]
    return world.run([world.go("cosign"), *words])


def verify_here(world, image: str, identity: str) -> Answer:
    stack = world.stack.keyless
    whom = ["--identity", identity, "--issuer", stack.issuer.url, "--trusted-root", stack.root]
    return Answer(**vars(world.attest("verify", f"oci://{image}", *whom, "--format", "json")))


def signed_for_an_identity(world, *, referrers: bool) -> None:
    stack = world.stack.keyless
    whom = stack.identity["identity"]
    registry = world.stack.registry(referrers=referrers)
    for generation in ("v2", "v1"):
        image = new_image(world, registry, f"identity-{generation}-{kind(referrers)}")
        cosign_verify(world, image, whom).refused("no signatures found")
        verify_here(world, image, whom).says_no("bundle-missing")
        token = world.new_file("token", stack.issuer.token().encode())
        services = ["--identity-token", token, "--trust-config", getattr(stack, generation).trust]
        world.attest("sign", f"oci://{image}", *services).accepted()
        cosign_verify(world, image, whom).accepted()
        verify_here(world, image, whom).accepted()
        cosign_verify(world, image, "other@example.com").refused("no matching CertificateIdentity found")
        verify_here(world, image, "other@example.com").says_no("identity-mismatch")


@distribution.case
def verifies_with_cosign_what_we_signed_for_an_identity(world):
    signed_for_an_identity(world, referrers=False)


@go_containerregistry.case
def verifies_with_cosign_what_we_signed_for_an_identity_where_lists_are_kept(world):
    signed_for_an_identity(world, referrers=True)
