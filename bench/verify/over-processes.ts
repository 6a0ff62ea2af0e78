import { percentile } from '../support/statistics.js';
import { type Surroundings, type Verifier, withVerifiers } from './backend.js';
import { makeToken } from './tokens.js';

export const PROCESSES = 8;
/** Average time between two bans in milliseconds: short enough for a short run, and not in step with polls. */
const BAN_EVERY_MS = 40;

export interface RevocationRun {
  readonly redisUrl?: string;
  readonly notify: boolean;
  readonly trials: number;
}

/** For each ban the milliseconds from the ban until the last of the processes refuses the player. */
export async function revocationDelays(
  { baseUrl, databaseUrl }: Surroundings,
  { redisUrl, notify, trials }: RevocationRun,
): Promise<readonly number[]> {
  const verification = { maxAgeMs: 600_000 };
  const settings = { baseUrl, databaseUrl, redisUrl, notify, verification };
  return withVerifiers(PROCESSES, settings, async (verifiers) => {
    const userIds = Array.from({ length: trials }, (_, trial) => `banned-${notify}-${redisUrl !== undefined}-${trial}`);
    const tokens = userIds.map((userId) => makeToken(userId));
    for (const verifier of verifiers) await known(verifier, tokens);
    const looking = verifiers.map((verifier) => verifier.call('firstRefusals', tokens));
    const givenAt = await verifiers[0].call('ban', userIds, BAN_EVERY_MS);
    const seenAt = await Promise.all(looking);
    return givenAt.map((given, trial) => Math.max(...seenAt.map((times) => times[trial] ?? Number.NaN)) - given);
  });
}

/** Time that newcomers wait, in milliseconds, without Redis, with it, and while it is frozen. */
export async function waitsByRedis({ baseUrl, redis }: Surroundings, amount: number) {
  const withoutRedis = await withVerifiers(1, { baseUrl }, ([verifier]) => waits(verifier, amount));
  return withVerifiers(1, { baseUrl, redisUrl: redis.url }, async ([verifier]) => {
    const healthy = await waits(verifier, amount);
    redis.freeze();
    try {
      return { withoutRedis, healthy, frozen: await waits(verifier, amount) };
    } finally {
      redis.thaw();
    }
  });
}

export interface Lateness {
  readonly deadlineMs: number;
  /** 99th percentiles, in milliseconds. */
  readonly control: { readonly known: number; readonly newcomers: number; readonly loopDelay: number };
  readonly fault: { readonly known: number; readonly newcomers: number; readonly loopDelay: number };
}

/** Measures the same load twice: on an identity system that answers, and on one that hangs. */
export async function lateness({ identity, baseUrl }: Surroundings, seconds: number): Promise<Lateness> {
  const deadlineMs = 500;
  const load = { seconds, knownPerSecond: 500, newPerSecond: 40 };
  // Short lifetimes, so that known players need requests as well.
  const verification = { timeoutMs: deadlineMs, maxAgeMs: 2_000, staleIfErrorMs: 600_000 };
  return withVerifiers(1, { baseUrl, verification }, async ([verifier]) => {
    const tokens = Array.from({ length: 200 }, () => makeToken());
    const carry = async () => {
      const report = await verifier.call('carry', load, tokens);
      return {
        known: percentile(report.knownMs, 99),
        newcomers: percentile(report.newMs, 99),
        loopDelay: report.loopDelayMs,
      };
    };
    await known(verifier, tokens);
    // Compiles the code that the control run would otherwise be the first to use.
    await verifier.call('carry', { ...load, seconds: 2 }, tokens);
    const control = await carry();
    await identity.call('hang', true);
    try {
      return { deadlineMs, control, fault: await carry() };
    } finally {
      await identity.call('hang', false);
    }
  });
}

async function known(verifier: Verifier, tokens: readonly string[]): Promise<void> {
  for (let at = 0; at < tokens.length; at += 50) {
    await Promise.all(tokens.slice(at, at + 50).map((token) => verifier.call('present', token, 1)));
  }
}

function waits(verifier: Verifier, amount: number): Promise<readonly number[]> {
  return verifier.call('firstUses', amount);
}
