import 'reflect-metadata';
import { setImmediate as turn } from 'node:timers/promises';
import type { NowggAuthenticator } from 'nestjs-nowgg-auth';
import { serve } from '../support/child-process.js';
import { authenticatorThatKnows } from './in-process-authenticator.js';
import { makeToken } from './tokens.js';

const collectGarbage = (globalThis as { gc?: () => void }).gc;

/** Bytes that each of so many remembered tokens takes, including the space that the cache has reserved for them. */
async function bytesPerEntry(entries: number): Promise<number> {
  // Code that the first module loads and compiles is not a cost of an entry.
  await remember(1_000);
  const before = await bytesInUse();
  const authenticator = await remember(entries);
  const bytes = (await bytesInUse()) - before;
  if (typeof authenticator.authenticate !== 'function') throw new Error('the authenticator is gone');
  return bytes / entries;
}

function remember(entries: number): Promise<NowggAuthenticator> {
  return authenticatorThatKnows(newTokens(entries), entries);
}

/** One after the other: a list of all would be in memory too. */
function* newTokens(amount: number): Iterable<string> {
  for (let index = 0; index < amount; index += 1) yield makeToken();
}

async function bytesInUse(): Promise<number> {
  if (!collectGarbage) throw new Error('start this process with --expose-gc');
  // Requests have deadlines: their timers end when those have been collected.
  for (let round = 0; round < 4; round += 1) {
    collectGarbage();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const operations = { bytesPerEntry };

export type MemoryOperations = typeof operations;

serve(operations);
