import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LRUCache } from 'lru-cache';
import { NowggAuthGuard, NowggAuthenticator } from 'nestjs-nowgg-auth';
import { serve } from '../support/child-process.js';
import { rotated } from '../support/statistics.js';
import { nowggModule } from './benched-app.js';
import type { Identity } from './identity-process.js';
import { loadInternals } from './internals.js';
import { contextOf, flat, requestOf } from './parsed-request.js';

/** CPU microseconds for one operation, by name, one value for each round. */
export type InProcessSamples = Readonly<Record<MeasuredPart, readonly number[]>>;

export type MeasuredPart = 'bare' | 'hash' | 'guard' | 'authenticate' | 'credential' | 'key';

/**
 * Prepares inputs, which is not timed, and processes them, which is. Inputs are new for each batch, as a request is: a
 * string that was hashed or a request that was decided once is cheaper the second time.
 */
interface Part {
  readonly prepare: () => readonly unknown[];
  readonly work: (input: never) => unknown;
}

/** Few enough that a batch's inputs stay in the processor's caches, as those of a request just parsed do. */
const BATCH = 16;
const BATCHES_PER_ROUND = 20;
const WARM_UP_ROUNDS = 60;

async function measure({ identity, rounds }: { identity: Identity; rounds: number }): Promise<InProcessSamples> {
  const parts = await makeParts(identity);
  const names = Object.keys(parts) as MeasuredPart[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<MeasuredPart, number[]>;
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    const spent = new Map<MeasuredPart, number>();
    for (let batch = 0; batch < BATCHES_PER_ROUND; batch += 1) {
      for (const name of rotated(names, batch)) spent.set(name, (spent.get(name) ?? 0) + timeBatch(parts[name]));
    }
    if (round < 0) continue;
    for (const name of names) samples[name].push((spent.get(name) ?? 0) / (BATCH * BATCHES_PER_ROUND));
  }
  return samples;
}

/** Holds the latest result, so that no call can be optimised away. */
const sink: { result: unknown } = { result: undefined };

/** Processor time for one batch, in microseconds: the time of other programs does not count. */
function timeBatch({ prepare, work }: Part): number {
  const inputs = prepare();
  const before = process.cpuUsage();
  for (let i = 0; i < inputs.length; i += 1) sink.result = work(inputs[i] as never);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function makeParts(identity: Identity): Promise<Record<MeasuredPart, Part>> {
  const { tokenDigest, cacheKey, readCredential } = await loadInternals();
  const app = await NestFactory.createApplicationContext(nowggModule(identity, false), {
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  const guard = app.get(NowggAuthGuard);
  const authenticator = app.get(NowggAuthenticator);
  const tokens = identity.tokens.nowgg;
  for (const token of tokens) {
    const verdict = await authenticator.authenticate(token);
    if (verdict.status !== 'valid') throw new Error('a token of the emulator was not accepted');
  }
  const cache = new LRUCache<string, object>({ max: 100_000 });
  for (const token of tokens) cache.set(hash('sha256', token, 'binary'), {});

  let turn = 0;
  const batchOf = <T>(make: (token: string) => T) => {
    return () => Array.from({ length: BATCH }, () => make(flat(tokens[(turn += 1) % tokens.length] ?? '')));
  };
  const ownTokens = batchOf((token) => token);
  return {
    bare: { prepare: ownTokens, work: (token: string) => cache.get(hash('sha256', token, 'binary')) },
    hash: { prepare: ownTokens, work: (token: string) => hash('sha256', token, 'binary') },
    guard: {
      prepare: batchOf(contextOf),
      work: (context: ExecutionContext) => {
        if (guard.canActivate(context) !== true) throw new Error('the verdict was not in the cache');
      },
    },
    authenticate: { prepare: ownTokens, work: (token: string) => authenticator.authenticate(token) },
    credential: { prepare: batchOf(requestOf), work: (request: IncomingMessage) => readCredential(request) },
    key: { prepare: ownTokens, work: (token: string) => cacheKey({}, tokenDigest(token)) },
  };
}

const operations = { measure };

export type InProcessOperations = typeof operations;

serve(operations);
