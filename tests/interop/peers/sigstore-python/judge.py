"""Asks sigstore-python: questions as JSON lines in a file, an answer for each on stdout. No network.

Its own verifier has no keys: questions with a key are not asked.
"""

import hashlib
import json
import sys
from pathlib import Path

from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity


def judge(question: dict) -> None:
    bundle = Bundle.from_json(Path(question["bundle"]).read_bytes())
    verifier = Verifier(trusted_root=TrustedRoot.from_file(question["root"]))
    policy = Identity(identity=question["identity"], issuer=question["issuer"])
    artifact = Path(question["artifact"]).read_bytes()
    if bundle._dsse_envelope is None:
        verifier.verify_artifact(artifact, bundle, policy)
        return
    _, payload = verifier.verify_dsse(bundle, policy)
    # Binding the statement to the artifact is left to the caller: as its command line does it.
    wanted = hashlib.sha256(artifact).hexdigest()
    subjects = json.loads(payload)["subject"]
    if not any(subject["digest"].get("sha256") == wanted for subject in subjects):
        raise ValueError("the artifact is not a subject of the statement")


for line in Path(sys.argv[1]).read_text().splitlines():
    question = json.loads(line)
    try:
        judge(question)
        accepted, said = True, "accepted"
    except Exception as error:  # whatever it raises is a refusal
        accepted, said = False, f"{type(error).__name__}: {error}"[:300]
    print(json.dumps({"name": question["name"], "accepted": accepted, "said": said}), flush=True)
