// Asks sigstore-js: questions as JSON lines in a file, an answer for each on stdout. No network.
//   node sigstore-js-judge.cjs MODULES QUESTIONS
const { readFileSync } = require('node:fs');
const { createHash, createPublicKey } = require('node:crypto');
const { createRequire } = require('node:module');

const load = createRequire(`${process.argv[2]}/`);
const { bundleFromJSON } = load('@sigstore/bundle');
const { TrustedRoot } = load('@sigstore/protobuf-specs');
const { Verifier, toSignedEntity, toTrustMaterial } = load('@sigstore/verify');

const json = (file) => JSON.parse(readFileSync(file, 'utf8'));

function judge({ bundle: bundleFile, artifact: artifactFile, root, key, identity, issuer }) {
  const bundle = bundleFromJSON(json(bundleFile));
  const publicKey = key && createPublicKey(readFileSync(key));
  const trust = toTrustMaterial(TrustedRoot.fromJSON(json(root)), () => ({
    publicKey,
    validFor: () => true,
  }));
  const artifact = readFileSync(artifactFile);
  const options = { tlogThreshold: 1, timestampThreshold: 1, ctlogThreshold: key ? 0 : 1 };
  const policy = key ? undefined : { subjectAlternativeName: `^${escape(identity)}$`, extensions: { issuer } };
  if (!key && bundle.verificationMaterial.content.$case === 'publicKey') {
    throw new Error('signed with a key, a certificate is wanted');
  }
  if (key && bundle.verificationMaterial.content.$case !== 'publicKey') {
    throw new Error('signed with a certificate, a key is wanted');
  }
  new Verifier(trust, options).verify(toSignedEntity(bundle, artifact), policy);
  if (bundle.content.$case === 'dsseEnvelope') {
    // Binding the statement to the artifact is left to the caller.
    const wanted = createHash('sha256').update(artifact).digest('hex');
    const { subject } = JSON.parse(bundle.content.dsseEnvelope.payload.toString('utf8'));
    if (!subject.some(({ digest }) => digest.sha256 === wanted)) {
      throw new Error('the artifact is not a subject of the statement');
    }
  }
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

for (const line of readFileSync(process.argv[3], 'utf8').split('\n').filter(Boolean)) {
  const question = JSON.parse(line);
  let answer = { name: question.name, accepted: true, said: 'accepted' };
  try {
    judge(question);
  } catch (error) {
    const said = `${error.code ?? error.name}: ${error.message}`.slice(0, 300);
    answer = { name: question.name, accepted: false, said };
  }
  console.log(JSON.stringify(answer));
}
