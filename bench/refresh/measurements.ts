import { VARIANTS, type VariantName } from './refresher.js';
import type { Asked, Beside } from './refresher-process.js';
import { type Surroundings, withRefreshers } from './surroundings.js';
import type { RotationMode } from './upstream-process.js';

export const PROCESSES = 8;
export const CALLERS = 50;
export const POOL_SIZE = 10;
export const REFRESHES = 60;
export const CALL_MS = 1_500;
const EXPIRY_LATENCY_MS = 100;
const WARM_UP_EXPIRIES = 2;
const CONTROL_MS = 2_000;
/** Less than a call takes, so that for a while all of them are in progress. */
const SPREAD_MS = 1_000;
/** Warm-up refreshes of each grant. */
const WARM_UP_REFRESHES = 10;
/** No caller gives up while the others are measured: a lease that expires would be another experiment. */
const PATIENT = { softDeadlineMs: 60_000, leaseMs: 60_000 };

export interface Expiry {
  readonly calls: number;
  readonly failed: number;
  readonly statements: number;
  readonly ms: number;
}

export interface ExpiryRun {
  readonly variant: VariantName;
  readonly mode: RotationMode;
  readonly expiries: readonly Expiry[];
}

/** Measures an expiry: all callers in all processes need the token of the same grant when it has expired. */
export async function measureExpiries(around: Surroundings, rounds: number): Promise<readonly ExpiryRun[]> {
  const runs: ExpiryRun[] = [];
  for (const variant of VARIANTS) {
    const settings = { variant, poolSize: POOL_SIZE, durations: PATIENT };
    await withRefreshers(around, PROCESSES, settings, async (refreshers) => {
      for (const mode of ['static', 'strict'] as const) {
        await around.upstream.call('behave', { mode, latencyMs: EXPIRY_LATENCY_MS });
        const ids = await refreshers[0].call('signIn', WARM_UP_EXPIRIES + rounds);
        await refreshers[0].call('expire', ids);
        const expiries: Expiry[] = [];
        for (const id of ids) {
          const before = await around.upstream.call('refreshes');
          const startedAt = performance.now();
          const asked = await Promise.all(refreshers.map((refresher) => refresher.call('ask', id, CALLERS)));
          const ms = performance.now() - startedAt;
          const calls = (await around.upstream.call('refreshes')) - before;
          const sum = (of: (part: Asked) => number) => asked.reduce((total, part) => total + of(part), 0);
          expiries.push({ calls, ms, failed: sum(({ failed }) => failed), statements: sum((part) => part.statements) });
        }
        runs.push({ variant, mode, expiries: expiries.slice(WARM_UP_EXPIRIES) });
      }
    });
  }
  return runs;
}

export interface BesideRun {
  readonly variant: VariantName;
  /** Time within which the refreshes begin, in milliseconds. */
  readonly withinMs: number;
  readonly control: readonly Beside[];
  readonly refreshing: readonly Beside[];
}

/** Measures the effect of refreshes on queries of the same application, over the same pool. */
export async function measureBeside(around: Surroundings, rounds: number): Promise<readonly BesideRun[]> {
  const runs: BesideRun[] = [];
  const spread = VARIANTS.map((variant) => ({ variant, withinMs: SPREAD_MS }));
  const inOneMoment = (['library', 'none'] as const).map((variant) => ({ variant, withinMs: 0 }));
  for (const { variant, withinMs } of [...spread, ...inOneMoment]) {
    await withRefreshers(around, 1, { variant, poolSize: POOL_SIZE, durations: PATIENT }, async ([refresher]) => {
      await around.upstream.call('behave', { mode: 'static', latencyMs: 0 });
      const ids = await refresher.call('signIn', REFRESHES);
      // Code compiled on the way is not a cost of a refresh in an application that has run for a while.
      for (let time = 0; time < WARM_UP_REFRESHES; time += 1) {
        await refresher.call('expire', ids);
        await refresher.call('oneByOne', ids);
      }
      await around.upstream.call('behave', { mode: 'static', latencyMs: CALL_MS });
      const control: Beside[] = [];
      const refreshing: Beside[] = [];
      // The first round connects.
      for (let round = 0; round <= rounds; round += 1) {
        const idle = await refresher.call('beside', [], CONTROL_MS);
        await refresher.call('expire', ids);
        const busy = await refresher.call('beside', ids, withinMs);
        if (round === 0) continue;
        control.push(idle);
        refreshing.push(busy);
      }
      runs.push({ variant, withinMs, control, refreshing });
    });
  }
  return runs;
}

export interface OperationRun {
  readonly variant: VariantName;
  readonly fresh: { readonly statements: number; readonly ms: number };
  readonly refresh: { readonly statements: number; readonly ms: number };
}

/** Measures one caller, without contention, with a token endpoint that answers at once. */
export async function measureOperations(around: Surroundings, grants: number): Promise<readonly OperationRun[]> {
  const runs: OperationRun[] = [];
  await around.upstream.call('behave', { mode: 'static', latencyMs: 0 });
  for (const variant of VARIANTS) {
    await withRefreshers(around, 1, { variant, poolSize: POOL_SIZE }, async ([refresher]) => {
      const ids = await refresher.call('signIn', grants);
      for (const _warmUp of [1, 2]) {
        await refresher.call('expire', ids);
        await refresher.call('oneByOne', ids);
      }
      const fresh = await refresher.call('oneByOne', ids);
      await refresher.call('expire', ids);
      runs.push({ variant, fresh, refresh: await refresher.call('oneByOne', ids) });
    });
  }
  return runs;
}
