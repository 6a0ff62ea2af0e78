import type { Fault, RefreshTokenRotation } from 'nowgg-emulator';
import { refusal } from '../support/token-service/token-suite.js';
import { SeededRandom } from './random.js';

/** Kinds of identity systems, by what a refresh does to the refresh token. */
export const MODES: readonly RefreshTokenRotation[] = ['never', 'grace', 'once'];

/**
 * The protocol's durations in a campaign: leases lapse within a second, and a reply is accepted for so long that a busy
 * machine does not make one late that was meant to be in time.
 */
export const DURATIONS = { leaseMs: 1_000, softDeadlineMs: 1_500, lateReplyMs: 8_000 };
/** The slowest reply, in milliseconds: it comes while another process may have taken over. */
const SLOWEST_REPLY_MS = 2_100;
/** A refusal that says nothing definite is asked about again while the episode lasts. */
export const TIMING = {
  refusalPausesMs: [],
  refusedRetryMs: 500,
  designatedEveryMs: 100,
  designatedApartMs: 500,
  clientNewsMs: 100,
};
/** How long a call takes when nothing befalls it: time enough for a process to be hit meanwhile. */
const LATENCY_MS = 60;
export const USUAL_LATENCY: Fault = { kind: 'latency', endpoint: 'token', ms: LATENCY_MS, when: 'after' };

/** About the length of a reply with tokens. */
const REPLY_BYTES = 700;

/**
 * Where a process is hit: after so many milliseconds, or at a step of its refresh. `asked`: now.gg has its
 * call and has not answered yet.
 */
export type Moment = number | 'lease_acquired' | 'asked' | 'reply_received' | 'committed';

/**
 * What befalls a process.
 * - `kill`: as a power failure. `freeze`: stands still for `ms`. `shut_down`: is asked to end, as a deployment does.
 * - `cut`: its connections to the database are cut, again and again for `ms`.
 * - `use_up_pool`: its application holds every connection of its own pool for `ms`.
 */
export interface Strike {
  readonly kind: 'kill' | 'freeze' | 'shut_down' | 'cut' | 'use_up_pool';
  readonly at: Moment;
  readonly ms: number;
}

/** One expiry of one grant, and what goes wrong on the way to its next token. */
export interface Episode {
  /** The first befalls the first process that asks, the second the one that asks next. */
  readonly strikes: readonly Strike[];
  /** Befall the calls about this grant, one each. */
  readonly endpointFaults: readonly Fault[];
  readonly callers: number;
  /** When the processes that nothing befalls begin to ask. */
  readonly joinAfterMs: number;
}

/** What goes wrong in the episode of this number; the same again for the same seed. At most `most` faults. */
export function planEpisode(seed: number, mode: RefreshTokenRotation, number: number, most: number): Episode {
  const random = new SeededRandom(seed, MODES.indexOf(mode), number);
  const amount = Math.min(most, random.pick([1, 1, 1, 1, 2, 2, 3]));
  const strikes: Strike[] = [];
  const endpointFaults: Fault[] = [];
  while (strikes.length + endpointFaults.length < amount) {
    // One process of a team is never hit, so that one is left to ask.
    if (strikes.length < 2 && random.next() < 0.6) strikes.push(strike(random));
    else endpointFaults.push(endpointFault(random));
  }
  return { strikes, endpointFaults, callers: random.between(1, 5), joinAfterMs: random.between(0, 200) };
}

export function faultsOf({ strikes, endpointFaults }: Episode): number {
  return strikes.length + endpointFaults.length;
}

function strike(random: SeededRandom): Strike {
  const step = random.pick<Moment>(['lease_acquired', 'asked', 'reply_received', 'committed']);
  const anywhere = random.pick<Moment>([step, step, step, random.between(0, 2 * LATENCY_MS)]);
  const { leaseMs } = DURATIONS;
  switch (random.pick(['kill', 'kill', 'freeze', 'freeze', 'cut', 'cut', 'shut_down', 'use_up_pool'] as const)) {
    case 'kill':
      return { kind: 'kill', at: anywhere, ms: 0 };
    case 'freeze':
      return { kind: 'freeze', at: anywhere, ms: random.between(1.1 * leaseMs, 2 * leaseMs) };
    case 'cut':
      return { kind: 'cut', at: anywhere, ms: random.between(0, leaseMs / 2) };
    case 'shut_down':
      return { kind: 'shut_down', at: random.pick<Moment>(['asked', random.between(0, 2 * LATENCY_MS)]), ms: 0 };
    case 'use_up_pool':
      return { kind: 'use_up_pool', at: 0, ms: random.between(0, 2 * leaseMs) };
  }
}

function endpointFault(random: SeededRandom): Fault {
  const slow = random.between(0.5 * DURATIONS.leaseMs, SLOWEST_REPLY_MS);
  return random.pick<Fault>([
    { kind: 'status', status: 502 },
    { kind: 'reset' },
    { kind: 'reset', when: 'after' },
    { kind: 'cut' },
    { kind: 'body', body: '<html>', when: 'after' },
    { kind: 'hang' },
    { kind: 'hang', when: 'after' },
    { kind: 'rate-limit', retryAfter: 1 },
    refusal('REFUSED'),
    { kind: 'latency', ms: slow, when: 'after' },
    { kind: 'drip', intervalMs: slow / REPLY_BYTES },
  ]);
}
