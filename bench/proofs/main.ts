import { createPublicKey, type KeyObject, randomUUID, verify, webcrypto } from 'node:crypto';
import { type CryptoKey, importJWK, jwtVerify } from 'jose';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { DEFAULTS } from '../../libs/nowgg-auth/src/options/defaults.js';
import { ProvingKey } from '../../libs/nowgg-auth/src/testing-support/proving-key.js';
import { strongKey } from '../../libs/nowgg-auth/src/testing-support/strong-key.js';
import { SessionProofs } from '../../libs/nowgg-auth/src/tokens/session/session-proofs.js';
import { newGrantRecord } from '../../libs/nowgg-auth/src/tokens/store/grant-record.js';
import { MemoryTokenStore } from '../../libs/nowgg-auth/src/tokens/store/memory/memory-token-store.js';
import { KeyRing } from '../../libs/nowgg-auth/src/tokens/vault/key-ring.js';
import { Vault } from '../../libs/nowgg-auth/src/tokens/vault/vault.js';
import { readRounds, runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { type Column, markdownTable } from '../support/markdown-table.js';
import { lowest, median, paired } from '../support/statistics.js';
import { BATCH, type Part, timedRounds } from '../support/timed-rounds.js';

const USAGE = `npm run bench:proofs -- [options]

  --rounds N    rounds (default 30)`;

const PUBLIC_URL = 'https://api.game.example';
const PATH = '/auth/refresh';
const TURNS = 20;
const WARM_UP_ROUNDS = 5;

/** A proof of a key for a handle, as a request brings it. */
interface Presented {
  readonly handle: string;
  readonly proof: string;
  readonly key: ProvingKey;
}

/** A key, as each library reads it. */
interface ReadKey {
  readonly key: ProvingKey;
  readonly publicKey: KeyObject;
  readonly imported: CryptoKey;
}

type Proven = Presented & ReadKey;

async function readKeys(count: number): Promise<ReadKey[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const key = new ProvingKey();
      const publicKey = createPublicKey({ key: { ...key.jwk }, format: 'jwk' });
      return { key, publicKey, imported: (await importJWK({ ...key.jwk }, 'ES256')) as CryptoKey };
    }),
  );
}

/** Splits a proof into what was signed and its signature. */
function parted(proof: string): [input: Buffer, signature: Buffer] {
  const end = proof.lastIndexOf('.');
  return [Buffer.from(proof.slice(0, end), 'latin1'), Buffer.from(proof.slice(end + 1), 'base64url')];
}

async function parts(): Promise<Record<string, Part>> {
  const clock = new SystemClock();
  const store = new MemoryTokenStore(clock);
  const vault = new Vault(new KeyRing([{ id: 'k1', key: strongKey(1) }]));
  const sessions = { ...DEFAULTS.tokens.sessions, binding: 'offered' as const, publicUrls: [PUBLIC_URL] };
  const proofs = new SessionProofs({ store, vault, clock, sessions }, DEFAULTS.verification.clockSkewMs);
  const known = await readKeys(200);
  let turn = 0;
  const presented = <Of extends { readonly key: ProvingKey }>(of: Of): Of & Presented => {
    const handle = randomUUID() + randomUUID();
    return { ...of, handle, proof: of.key.proof({ credential: handle, address: PUBLIC_URL + PATH, atMs: Date.now() }) };
  };
  const ofKnownKeys = () =>
    Array.from({ length: BATCH }, () => presented(known[(turn += 1) % known.length] as ReadKey));
  const grant = newGrantRecord(
    {
      id: randomUUID(),
      provider: 'nowgg',
      clientKey: 'key',
      userId: 'player',
      sessionId: undefined,
      refreshCiphertext: new Uint8Array(),
      accessCiphertext: new Uint8Array(),
      accessTokenExpiresAtMs: undefined,
      refreshTokenExpiresAtMs: undefined,
    },
    0,
  );
  const demand = ({ handle, proof, key }: Presented) =>
    proofs.demand(handle, { ...grant, keyThumbprint: key.thumbprint }, { proof, method: 'POST', path: PATH });
  return {
    bare: {
      prepare: ofKnownKeys,
      work: ({ proof, publicKey: key }: Proven) => {
        const [input, signature] = parted(proof);
        if (!verify('sha256', input, { key, dsaEncoding: 'ieee-p1363' }, signature)) throw new Error('not good');
      },
    },
    webCrypto: {
      prepare: ofKnownKeys,
      work: async ({ proof, imported }: Proven) => {
        const [input, signature] = parted(proof);
        const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
        if (!(await webcrypto.subtle.verify(algorithm, imported, signature, input))) throw new Error('not good');
      },
    },
    jose: { prepare: ofKnownKeys, work: async ({ proof, imported }: Proven) => jwtVerify(proof, imported) },
    proof: { prepare: ofKnownKeys, work: demand },
    proofOfNewKey: {
      // No one knows these keys: made and signed outside of what is timed.
      prepare: () => Array.from({ length: BATCH }, () => presented({ key: new ProvingKey() })),
      work: demand,
    },
  };
}

const ROWS: ReadonlyArray<readonly [part: string, title: string]> = [
  ['bare', 'bare ES256 verification, `node:crypto`'],
  ['webCrypto', 'bare ES256 verification, Web Crypto'],
  ['jose', '`jwtVerify` of jose, its key imported before'],
  ['proof', 'a proof of a known key, claimed in memory'],
  ['proofOfNewKey', 'the first proof of a key'],
];

async function run(rounds: number): Promise<void> {
  const all = await parts();
  await timedRounds(all, { rounds: WARM_UP_ROUNDS, turns: TURNS });
  const samples = await timedRounds(all, { rounds, turns: TURNS });
  const bare = samples['bare'] ?? [];
  const columns: Column[] = [
    { heading: 'CPU µs each' },
    { heading: 'lowest', align: 'right' },
    { heading: 'median', align: 'right' },
    { heading: '× bare', align: 'right' },
  ];
  const rows = ROWS.map(([part, title]) => {
    const of = samples[part] ?? [];
    const ratio = median(paired(of, bare, (a, b) => a / b));
    return [title, lowest(of).toFixed(0), median(of).toFixed(0), ratio.toFixed(2)];
  });
  console.log(`${describeMachine()}; ${rounds} rounds of ${TURNS * BATCH}.\n`);
  console.log(markdownTable(columns, rows));
}

await runProgram({ usage: USAGE, readArguments: (args) => readRounds(args, 30, 10_000), run });
