import 'reflect-metadata';
import { subscribe } from 'node:diagnostics_channel';
import { NOWGG_VERIFICATION_CHANNEL, type NowggVerificationEvent } from 'nestjs-nowgg-auth';
import { serve } from '../support/child-process.js';
import { authenticatorBefore } from './in-process-authenticator.js';
import { makeToken } from './tokens.js';

export interface Flood {
  readonly liveRequests: number;
  readonly liveHits: number;
  readonly garbageRequests: number;
  /** Number of garbage tokens that were accepted: must be none. */
  readonly garbageLetIn: number;
}

const LIVE_PLAYERS = 1_000;
/** Hardly more than there are players: every entry that a garbage token took would cost one player their own. */
const ROOM = 1_100;
const GARBAGE_PER_LIVE = 99;
const ONE_DAY_MS = 86_400_000;

/** Each request of a player comes with 99 whose tokens were never issued, all different and all well-formed. */
async function flood(liveRequests: number): Promise<Flood> {
  const players = Array.from({ length: LIVE_PLAYERS }, () => makeToken());
  const known = new Set(players);
  const sizes = { maxEntries: ROOM, negativeMaxEntries: ROOM };
  const authenticator = await authenticatorBefore((token) => known.has(token), { maxAgeMs: ONE_DAY_MS, ...sizes });
  for (const player of players) await authenticator.authenticate(player);

  let liveHits = 0;
  let garbageLetIn = 0;
  const count = (message: unknown) => {
    if ((message as NowggVerificationEvent).source === 'hit') liveHits += 1;
  };
  subscribe(NOWGG_VERIFICATION_CHANNEL, count);
  for (let request = 0; request < liveRequests; request += 1) {
    const garbage = Array.from({ length: GARBAGE_PER_LIVE }, async () => authenticator.authenticate(makeToken()));
    await authenticator.authenticate(players[(request * 7) % players.length] ?? '');
    for (const verdict of await Promise.all(garbage)) garbageLetIn += verdict.status === 'valid' ? 1 : 0;
  }
  return { liveRequests, liveHits, garbageRequests: liveRequests * GARBAGE_PER_LIVE, garbageLetIn };
}

const operations = { flood };

export type FloodOperations = typeof operations;

serve(operations);
