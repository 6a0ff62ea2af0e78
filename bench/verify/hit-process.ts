import 'reflect-metadata';
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { loadInternals } from '../guard/internals.js';
import { serve } from '../support/child-process.js';
import { rotated } from '../support/statistics.js';
import { authenticatorBefore } from './in-process-authenticator.js';
import { cachePeers } from './peers.js';
import { flat, makeToken } from './tokens.js';

/** CPU microseconds for one operation, by name, one value for each round. */
export type HitSamples = Readonly<Record<string, readonly number[]>>;

/** Prepares inputs, which is not timed, and works them off, which is. */
interface Part {
  readonly prepare: () => readonly unknown[];
  readonly work: (input: never) => unknown;
}

const TOKENS = 1_000;
/** Few enough that a batch's inputs stay in the processor's caches, as those of a request just parsed do. */
const BATCH = 16;
const BATCHES_PER_ROUND = 20;
const WARM_UP_ROUNDS = 60;
/** No verdict ages out while the benchmark runs. */
const ONE_DAY_MS = 86_400_000;

async function measure(rounds: number): Promise<HitSamples> {
  const parts = await makeParts();
  const names = Object.keys(parts);
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]]));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    const spent = new Map<string, number>();
    for (let batch = 0; batch < BATCHES_PER_ROUND; batch += 1) {
      for (const name of rotated(names, batch)) {
        spent.set(name, (spent.get(name) ?? 0) + (await timeBatch(parts[name] as Part)));
      }
    }
    if (round < 0) continue;
    for (const name of names) samples[name]?.push((spent.get(name) ?? 0) / (BATCH * BATCHES_PER_ROUND));
  }
  return samples;
}

/** Holds the latest result, so that no call can be optimised away. */
const sink: { result: unknown } = { result: undefined };

/** Processor time for one batch, microseconds; what answers with a promise is awaited, as a guard would have to. */
async function timeBatch({ prepare, work }: Part): Promise<number> {
  const inputs = prepare();
  const before = process.cpuUsage();
  for (let i = 0; i < inputs.length; i += 1) {
    const result = work(inputs[i] as never);
    sink.result = result instanceof Promise ? await result : result;
  }
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function makeParts(): Promise<Readonly<Record<string, Part>>> {
  const { tokenDigest, cacheKey, principalOf, facts } = await loadInternals();
  const authenticator = await authenticatorBefore(() => true, { maxAgeMs: ONE_DAY_MS });
  const tokens = Array.from({ length: TOKENS }, () => makeToken());
  const cache = new LRUCache<string, object>({ max: 100_000 });
  for (const token of tokens) {
    const { status } = await authenticator.authenticate(token);
    if (status !== 'valid') throw new Error('a good token was not accepted');
    cache.set(hash('sha256', token, 'binary'), {});
  }
  let turn = 0;
  const ownTokens = () => Array.from({ length: BATCH }, () => flat(tokens[(turn += 1) % tokens.length] ?? ''));
  const digests = tokens.map((token) => tokenDigest(token));
  const ownDigests = () => Array.from({ length: BATCH }, () => digests[(turn += 1) % digests.length]);
  const parts: Record<string, Part> = {
    hit: { prepare: ownTokens, work: (token: string) => authenticator.authenticate(token) },
    bare: { prepare: ownTokens, work: (token: string) => cache.get(hash('sha256', token, 'binary')) },
    hash: { prepare: ownTokens, work: (token: string) => cacheKey({}, tokenDigest(token)) },
    lookup: { prepare: ownDigests, work: (digest: string) => cache.get(digest) },
    principal: { prepare: () => Array.from({ length: BATCH }, () => facts), work: () => principalOf(facts) },
  };
  for (const peer of cachePeers(async () => ({ ...facts }))) {
    await peer.fill(tokens);
    parts[peer.name] = { prepare: ownTokens, work: (token: string) => peer.find(token) };
    const principalBy = async (token: string) => {
      const found = (await peer.find(token)) as { readonly expiresAtMs: number };
      return found.expiresAtMs > Date.now() ? principalOf(found) : undefined;
    };
    parts[`${peer.name}, expiry and principal`] = { prepare: ownTokens, work: principalBy };
  }
  return parts;
}

const operations = { measure };

export type HitOperations = typeof operations;

serve(operations);
