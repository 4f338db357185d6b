// Signs a file with sigstore-js and a managed key: its bundle builder and its timestamp client.
//   node sigstore-js-sign.cjs MODULES KEY FILE REKOR_URL TSA_BASE_URL OUT
// Its own Rekor v2 client writes certificates only, so the entry of a key is made here.
const { readFileSync, writeFileSync } = require('node:fs');
const { createHash, createPrivateKey, createPublicKey, sign } = require('node:crypto');
const { createRequire } = require('node:module');

const [modules, keyFile, file, rekor, authority, out] = process.argv.slice(2);
const load = createRequire(`${modules}/`);
const { bundleToJSON } = load('@sigstore/bundle');
const { TransparencyLogEntry } = load('@sigstore/protobuf-specs');
const { MessageSignatureBundleBuilder, TSAWitness } = load('@sigstore/sign');

const key = createPrivateKey(readFileSync(keyFile));
const publicKey = createPublicKey(key);
const spki = publicKey.export({ type: 'spki', format: 'der' });

const signer = {
  sign: async (data) => ({
    signature: sign('sha256', data, key),
    key: {
      $case: 'publicKey',
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
      hint: createHash('sha256').update(spki).digest('base64'),
    },
  }),
};

const witness = {
  testify: async ({ messageSignature }) => {
    const answer = await fetch(`${rekor}/api/v2/log/entries`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        hashedRekordRequestV002: {
          digest: messageSignature.messageDigest.digest.toString('base64'),
          signature: {
            content: messageSignature.signature.toString('base64'),
            verifier: { keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes: spki.toString('base64') } },
          },
        },
      }),
    });
    if (answer.status !== 201) throw new Error(`Rekor answers ${answer.status}: ${await answer.text()}`);
    return { tlogEntries: [TransparencyLogEntry.fromJSON(await answer.json())] };
  },
};

(async () => {
  const builder = new MessageSignatureBundleBuilder({
    signer,
    witnesses: [witness, new TSAWitness({ tsaBaseURL: authority })],
  });
  const bundle = await builder.create({ data: readFileSync(file) });
  writeFileSync(out, JSON.stringify(bundleToJSON(bundle)));
})();
