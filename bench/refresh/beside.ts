import { VARIANTS, type VariantName } from './refresher.js';
import type { Beside } from './refresher-process.js';
import { type Surroundings, withRefresher } from './surroundings.js';

export const REFRESHES = 60;
export const CALL_MS = 1_500;
const CONTROL_MS = 2_000;
/** Less than a call takes, so that for a while all of them are in progress. */
const SPREAD_MS = 1_000;
/** Warm-up refreshes of each grant. */
const WARM_UP_REFRESHES = 10;

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
    await withRefresher(around, variant, async (refresher) => {
      await around.upstream.call('answerAfter', 0);
      const ids = await refresher.call('signIn', REFRESHES);
      // Code compiled on the way is not a cost of a refresh in an application that has run for a while.
      for (let time = 0; time < WARM_UP_REFRESHES; time += 1) {
        await refresher.call('expire', ids);
        await refresher.call('oneByOne', ids);
      }
      await around.upstream.call('answerAfter', CALL_MS);
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
