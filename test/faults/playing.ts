import { expect } from '@jest/globals';
import type { Outcome, PlayerGroup, PlayReport, PlayRound } from '../support/processes/verification-messages.js';
import type { VerificationProcess } from '../support/processes/verification-process.js';
import { badToken, type MoodyNowGg } from './scripted-now-gg.js';

export const PROCESSES = 2;
export const ROUNDS = 12;
/** Players who signed in before, and newcomers and intruders of each round and process. */
const CACHED = 10;
const FIRST = 3;
const BAD = 1;

/** Heap that a run may leave behind, bytes: its own new verdicts, and what the engine has compiled meanwhile. */
const FLAT_BYTES = 6 * 2 ** 20;

export interface Played extends PlayReport {
  /** Bytes by which the heap of each process has grown. */
  readonly growth: readonly number[];
}

/** Processes of one backend and the identity system that they ask. */
export interface Scene {
  readonly nowGg: MoodyNowGg;
  readonly processes: readonly VerificationProcess[];
}

/** Players whose verdicts every process has. */
export async function signIn({ nowGg, processes }: Scene, count = CACHED): Promise<readonly string[]> {
  const tokens = Array.from({ length: count }, () => nowGg.goodToken());
  const expected = tokens.map((token) => `valid:${nowGg.playerOf(token)}`).join();
  for (const process of processes) {
    // A machine that is busy elsewhere may let a deadline pass.
    while ((await process.do({ op: 'ask', tokens })).join() !== expected) {
      await process.do({ op: 'step', ms: 11_000 });
    }
  }
  return tokens;
}

/**
 * Every process plays its rounds: players who are known, newcomers, and tokens that now.gg does not know. Whatever
 * goes on meanwhile, no token is accepted that now.gg never accepted, and none is refused that it did not refuse.
 */
export async function play(
  scene: Scene,
  cached: readonly string[],
  { stepMs = 1_000, rounds = ROUNDS }: { readonly stepMs?: number; readonly rounds?: number } = {},
): Promise<Played> {
  const { processes, nowGg } = scene;
  const before = await heaps(processes);
  const reports = await Promise.all(
    processes.map((process) => process.do({ op: 'play', rounds: roundsOf(scene, cached, { stepMs, rounds }) })),
  );
  const after = await heaps(processes);
  const growth = after.map((bytes, index) => bytes - (before[index] ?? 0));
  const outcomes = {
    cached: added(reports.map((report) => report.outcomes.cached)),
    first: added(reports.map((report) => report.outcomes.first)),
    bad: added(reports.map((report) => report.outcomes.bad)),
  };
  for (const group of ['cached', 'first'] as const) expect(of(outcomes[group], 'invalid')).toEqual([]);
  expect(of(outcomes.bad, 'valid')).toEqual([]);
  expect(of(outcomes.bad, 'invalid').filter((outcome) => outcome !== 'invalid:invalid_token')).toEqual([]);
  const letIn = [...of(outcomes.cached, 'valid'), ...of(outcomes.first, 'valid')];
  const { accepted } = nowGg;
  expect(letIn.filter((outcome) => !accepted.has(outcome.replace('valid:', '')))).toEqual([]);
  expect(growth.filter((bytes) => bytes > FLAT_BYTES)).toEqual([]);
  return { outcomes, calls: reports.reduce((sum, { calls }) => sum + calls, 0), growth };
}

/** How many answers of this status there were. */
export function count(outcomes: Readonly<Record<Outcome, number>>, status: string): number {
  return of(outcomes, status).reduce((sum, outcome) => sum + (outcomes[outcome] ?? 0), 0);
}

/** The outage is over: the pauses of circuits pass, and newcomers are let in again in every process. */
export async function untilWell({ processes, nowGg }: Scene): Promise<void> {
  nowGg.mood = 'well';
  for (const process of processes) {
    await process.do({ op: 'step', ms: 61_000 });
    let outcome: Outcome | undefined;
    while (!outcome?.startsWith('valid:')) {
      [outcome] = await process.do({ op: 'ask', tokens: [nowGg.goodToken()] });
      await process.do({ op: 'step', ms: 10_000 });
    }
  }
}

/**
 * Ends when every process has a verdict on each of these tokens again: all of them at once can be more than a busy machine
 * does within the deadline.
 */
export async function untilKnown({ processes }: Scene, tokens: readonly string[]): Promise<void> {
  for (const process of processes) {
    for (;;) {
      const outcomes = await process.do({ op: 'ask', tokens });
      if (!outcomes.some((outcome) => outcome.startsWith('unknown:'))) break;
      await process.do({ op: 'step', ms: 1_000 });
    }
  }
}

function roundsOf(
  { nowGg }: Scene,
  cached: readonly string[],
  { stepMs, rounds }: { readonly stepMs: number; readonly rounds: number },
): readonly PlayRound[] {
  return Array.from({ length: rounds }, () => ({
    stepMs,
    tokens: {
      cached,
      first: Array.from({ length: FIRST }, () => nowGg.goodToken()),
      bad: Array.from({ length: BAD }, badToken),
    } satisfies Record<PlayerGroup, readonly string[]>,
  }));
}

function heaps(processes: readonly VerificationProcess[]): Promise<readonly number[]> {
  return Promise.all(processes.map((process) => process.do({ op: 'heap' })));
}

function of(outcomes: Readonly<Record<Outcome, number>>, status: string): Outcome[] {
  return Object.keys(outcomes).filter((outcome) => outcome.startsWith(`${status}:`));
}

function added(parts: readonly Readonly<Record<Outcome, number>>[]): Record<Outcome, number> {
  const sum: Record<Outcome, number> = {};
  for (const [outcome, times] of parts.flatMap(Object.entries)) sum[outcome] = (sum[outcome] ?? 0) + times;
  return sum;
}
