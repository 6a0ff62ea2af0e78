import 'reflect-metadata';
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { loadInternals } from '../guard/internals.js';
import { serve } from '../support/child-process.js';
import { rotated } from '../support/statistics.js';
import { authenticatorBefore } from './in-process-authenticator.js';
import { cachePeers } from './peers.js';
import { flat, makeToken } from './tokens.js';

/** CPU microseconds for one operation, by name. */
export type HitRound = Readonly<Record<string, number>>;

/** `ours`, or a cache by its place in the list of peers. */
export type HitSubject = 'ours' | number;

/** Prepares inputs, which is not timed, and processes them, which is. */
interface Part {
  readonly prepare: () => readonly unknown[];
  readonly work: (input: never) => unknown;
}

const TOKENS = 1_000;
/** Few enough that a batch's inputs stay in the processor's caches, as those of a request just parsed do. */
const BATCH = 16;
const BATCHES_PER_ROUND = 20;
const WARM_UP_ROUNDS = 60;
/** No verdict expires while the benchmark runs. */
const ONE_DAY_MS = 86_400_000;

let parts: Readonly<Record<string, Part>> = {};
let rounds = 0;

/** Fills one cache: garbage that the others leave for the collector is not in this process. */
async function prepare(subject: HitSubject): Promise<void> {
  parts = await makeParts(subject);
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) await measure();
}

async function measure(): Promise<HitRound> {
  const spent = new Map(Object.keys(parts).map((name) => [name, 0]));
  for (let batch = 0; batch < BATCHES_PER_ROUND; batch += 1) {
    for (const name of rotated([...spent.keys()], (rounds += 1))) {
      spent.set(name, (spent.get(name) ?? 0) + (await timeBatch(parts[name] as Part)));
    }
  }
  return Object.fromEntries([...spent].map(([name, sum]) => [name, sum / (BATCH * BATCHES_PER_ROUND)]));
}

/** Holds the latest result, so that no call can be optimised away. */
const sink: { result: unknown } = { result: undefined };

/** Processor time for one batch, in microseconds; a promise is awaited, as in a guard. */
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

async function makeParts(subject: HitSubject): Promise<Readonly<Record<string, Part>>> {
  const tokens = Array.from({ length: TOKENS }, () => makeToken());
  const cache = new LRUCache<string, object>({ max: 100_000 });
  for (const token of tokens) cache.set(hash('sha256', token, 'binary'), {});
  let turn = 0;
  const ownTokens = () => Array.from({ length: BATCH }, () => flat(tokens[(turn += 1) % tokens.length] ?? ''));
  const bare: Part = {
    prepare: ownTokens,
    work: (token: string) => cache.get(hash('sha256', token, 'binary')),
  };
  return {
    bare,
    ...(subject === 'ours' ? await ownParts(tokens, ownTokens) : await peerParts(subject, tokens, ownTokens)),
  };
}

async function ownParts(tokens: readonly string[], ownTokens: () => readonly string[]): Promise<Record<string, Part>> {
  const { tokenDigest, cacheKey, principalOf, facts } = await loadInternals();
  const authenticator = await authenticatorBefore(() => true, { maxAgeMs: ONE_DAY_MS });
  for (const token of tokens) {
    const { status } = await authenticator.authenticate(token);
    if (status !== 'valid') throw new Error('a good token was not accepted');
  }
  return {
    hit: { prepare: ownTokens, work: (token: string) => authenticator.authenticate(token) },
    hash: { prepare: ownTokens, work: (token: string) => cacheKey({}, tokenDigest(token)) },
    principal: { prepare: () => Array.from({ length: BATCH }, () => facts), work: () => principalOf(facts) },
  };
}

async function peerParts(
  index: number,
  tokens: readonly string[],
  ownTokens: () => readonly string[],
): Promise<Record<string, Part>> {
  const { principalOf, facts } = await loadInternals();
  const peer = cachePeers(async () => ({ ...facts }))[index];
  if (!peer) throw new Error(`there is no cache number ${index}`);
  await peer.fill(tokens);
  const principalBy = async (token: string) => {
    const found = (await peer.find(token)) as { readonly expiresAtMs: number };
    return found.expiresAtMs > Date.now() ? principalOf(found) : undefined;
  };
  return {
    [peer.name]: { prepare: ownTokens, work: (token: string) => peer.find(token) },
    [`${peer.name}, expiry and principal`]: { prepare: ownTokens, work: principalBy },
  };
}

const operations = { prepare, measure };

export type HitOperations = typeof operations;

serve(operations);
