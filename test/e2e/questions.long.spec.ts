import { describe, expect, it } from '@jest/globals';
import { type Scenario, simulate } from '../../bench/questions/simulation.js';
import { DISTRIBUTIONS } from '../../bench/questions/workload.js';

/** Ten processes and players who call every five seconds, with memory for all of them. */
const game = { players: 20, requestsPerMinute: 12, entriesShare: 1, instances: 10 };

describe.each(DISTRIBUTIONS)('an hour of a game, with %s requests', (distribution) => {
  it('needs at most a sixth of the questions that a fixed life of 30 seconds needs, with a shared cache', async () => {
    const scenario: Scenario = { ...game, distribution, sharesVerdicts: true, isSticky: false, grows: true };
    const { questions, fixedLifeShared } = await simulate(scenario, 1);
    expect(questions).toBeGreaterThan(0);
    expect(questions * 6).toBeLessThanOrEqual(fixedLifeShared);
  });

  it('needs at most a sixth of them where requests of a player reach one process', async () => {
    const scenario: Omit<Scenario, 'grows'> = { ...game, distribution, sharesVerdicts: false, isSticky: true };
    const { questions } = await simulate({ ...scenario, grows: true }, 1);
    const fixed = await simulate({ ...scenario, grows: false }, 1);
    expect(questions * 6).toBeLessThanOrEqual(fixed.questions);
  });
});
