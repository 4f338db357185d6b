// Verifies a bundle with sigstore-js: a managed key, a trusted root of one's own, no network.
//   node sigstore-js-verify.cjs MODULES BUNDLE TRUSTED_ROOT KEY [ARTIFACT]
// Exit 0 and "accepted", or exit 1 and the library's own code and words.
const { readFileSync } = require('node:fs');
const { createPublicKey } = require('node:crypto');
const { createRequire } = require('node:module');

const [modules, bundleFile, rootFile, keyFile, artifactFile] = process.argv.slice(2);
const load = createRequire(`${modules}/`);
const { bundleFromJSON } = load('@sigstore/bundle');
const { TrustedRoot } = load('@sigstore/protobuf-specs');
const { Verifier, toSignedEntity, toTrustMaterial } = load('@sigstore/verify');

const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
const spki = createPublicKey(readFileSync(keyFile)).export({ type: 'spki', format: 'der' });

try {
  const bundle = bundleFromJSON(json(bundleFile));
  // One key is trusted, whatever the bundle's hint says.
  const trust = toTrustMaterial(TrustedRoot.fromJSON(json(rootFile)), () => ({
    publicKey: createPublicKey({ key: spki, type: 'spki', format: 'der' }),
    validFor: () => true,
  }));
  const artifact = artifactFile && readFileSync(artifactFile);
  new Verifier(trust, { tlogThreshold: 1, timestampThreshold: 1, ctlogThreshold: 0 }).verify(
    toSignedEntity(bundle, artifact),
  );
  console.log('accepted');
} catch (error) {
  console.error(`refused: ${error.code ?? error.name}: ${error.message}`);
  process.exitCode = 1;
}
