import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { removeCompiled } from '../support/processes/children/compiled.js';
import { VerificationProcess } from '../support/processes/verification-process.js';
import { client } from './scripted-now-gg.js';

const NEWCOMERS = 200;
const AT_ONCE = 20;
/** Newcomers whose order of arrival decides whether both of their calls fail. */
const CHANCE = 12;

const FAILS = { kind: 'status', status: 500, endpoint: 'verify-token' } as const;
const plans: [string, number, (emulator: NowggEmulator) => void][] = [
  ['each fifth', 0.9, (emulator) => emulator.setFault({ ...FAILS, every: 5 })],
  ['each third', 0.8, (emulator) => emulator.setFault({ ...FAILS, every: 3 })],
  ['each second', 0.7, (emulator) => emulator.setFault({ ...FAILS, every: 2 })],
  [
    'three of four',
    0.35,
    (emulator) => {
      emulator.setFault({ ...FAILS, every: 2 });
      emulator.setFault({ ...FAILS, endpoint: '*', every: 2 });
    },
  ],
];

/** A process with or without a circuit, and its own identity system: the two fail in the same pattern. */
interface Side {
  readonly emulator: NowggEmulator;
  readonly process: VerificationProcess;
}

let sides: readonly [Side, Side];

beforeAll(async () => {
  sides = await Promise.all([startSide({}), startSide({ circuit: false })]);
}, 60_000);
afterAll(async () => {
  for (const { emulator, process } of sides) {
    await process[Symbol.asyncDispose]();
    await emulator.close();
  }
  removeCompiled();
}, 60_000);

describe('newcomers while now.gg fails', () => {
  it.each(plans)(
    '%s of the calls are let in as often as without a circuit',
    async (_, least, plan) => {
      const [withCircuit, without] = await Promise.all(sides.map(async (side) => letIn(side, plan)));
      expect(withCircuit).toBeGreaterThanOrEqual(NEWCOMERS * least);
      expect(withCircuit).toBeGreaterThanOrEqual((without as number) - CHANCE);
    },
    60_000,
  );
});

async function startSide(verification: { circuit?: false }): Promise<Side> {
  const emulator = await startNowggEmulator({ clients: [client] });
  const baseUrl = `http://127.0.0.1:${emulator.port}`;
  return { emulator, process: await VerificationProcess.start({ ...client, baseUrl, verification }) };
}

/** How many of the newcomers are let in. */
async function letIn({ emulator, process }: Side, plan: (emulator: NowggEmulator) => void): Promise<number> {
  const tokens = Array.from({ length: NEWCOMERS }, () => {
    const { userId } = emulator.addPlayer();
    return emulator.issueTokens({ userId, lifetimeSeconds: 86_400 }).token;
  });
  emulator.clearFaults();
  await process.do({ op: 'step', ms: 61_000 });
  plan(emulator);
  const outcomes: string[] = [];
  for (let from = 0; from < NEWCOMERS; from += AT_ONCE) {
    outcomes.push(...(await process.do({ op: 'ask', tokens: tokens.slice(from, from + AT_ONCE) })));
  }
  expect(outcomes.filter((outcome) => outcome === 'unknown:circuit_open')).toEqual([]);
  return outcomes.filter((outcome) => outcome.startsWith('valid:')).length;
}
