import 'reflect-metadata';
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { serve } from '../support/child-process.js';
import { flat } from '../support/request-headers.js';
import { BATCH, type Part, timedRounds } from '../support/timed-rounds.js';
import { authenticatorThatKnows } from './in-process-authenticator.js';
import { cachePeers, ENTRIES } from './peers.js';
import { makeToken } from './tokens.js';

/** `ours`, or a cache by its place in the list of peers. */
export type HitSubject = 'ours' | number;

const TOKENS = 1_000;
const WARM_UP_ROUNDS = 60;
const TURNS = 20;

let parts: Readonly<Record<string, Part>> = {};

/** Fills one cache: garbage that the others leave for the collector is not in this process. */
async function prepare(subject: HitSubject): Promise<void> {
  const tokens = Array.from({ length: TOKENS }, () => makeToken());
  let turn = 0;
  const newInputs = () => Array.from({ length: BATCH }, () => flat(tokens[(turn += 1) % tokens.length] ?? ''));
  const { name, find } = await (subject === 'ours' ? ours(tokens) : peer(subject, tokens));
  parts = {
    // Our cost is compared with the bare cost from the same process.
    ...(subject === 'ours' && { bare: { prepare: newInputs, work: bare(tokens) } }),
    [name]: { prepare: newInputs, work: find },
  };
  await timedRounds(parts, { rounds: WARM_UP_ROUNDS, turns: TURNS });
}

/** CPU microseconds for one operation, by name. */
async function measure(): Promise<Readonly<Record<string, readonly number[]>>> {
  return timedRounds(parts, { rounds: 1, turns: TURNS });
}

function bare(tokens: readonly string[]): (token: string) => unknown {
  const cache = new LRUCache<string, object>({ max: ENTRIES });
  for (const token of tokens) cache.set(hash('sha256', token, 'binary'), {});
  return (token) => cache.get(hash('sha256', token, 'binary'));
}

async function ours(tokens: readonly string[]) {
  const authenticator = await authenticatorThatKnows(tokens, ENTRIES);
  return { name: 'hit', find: (token: string) => authenticator.authenticate(token) };
}

async function peer(index: number, tokens: readonly string[]) {
  const chosen = cachePeers()[index];
  if (!chosen) throw new Error(`there is no cache number ${index}`);
  for (const token of tokens) await chosen.find(token);
  return chosen;
}

const operations = { prepare, measure };

export type HitOperations = typeof operations;

serve(operations);
