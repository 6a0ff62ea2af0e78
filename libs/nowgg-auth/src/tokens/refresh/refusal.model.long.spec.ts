import assert from 'node:assert/strict';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { propertyRuns } from '../../testing-support/property-runs.js';
import { RefusalWorld } from '../testing-support/refusal-world.js';

const PROCESSES = 10;
const PLAYERS = 40;
const SHARDS = 10;
/** The process with the wrong secret. */
const WRONG = PROCESSES - 1;
const SHARD_FAULT_MS = 20_000;
/** Seconds from the end of a shard's fault to its next one; an identity system that fails more often is another case. */
const BETWEEN_SHARD_FAULTS_S = 30;

interface Model {
  /** Second at which the last fault of a shard ends. */
  shardFreeAt: number;
  second: number;
}

/** Does something to the world and holds it to what is true at every moment. */
class Step implements fc.AsyncCommand<Model, RefusalWorld> {
  constructor(
    readonly text: string,
    readonly act: (world: RefusalWorld, model: Model) => unknown,
    readonly isPossible: (model: Model) => boolean = () => true,
  ) {}

  check(model: Readonly<Model>): boolean {
    return this.isPossible(model);
  }

  async run(model: Model, world: RefusalWorld): Promise<void> {
    await this.act(world, model);
    const { wronglyDead, surprises } = world;
    assert.deepEqual({ wronglyDead, surprises }, { wronglyDead: [], surprises: [] });
  }

  toString(): string {
    return this.text;
  }
}

const passing = (seconds: number) =>
  new Step(`pass ${seconds}`, async (world, model) => {
    await world.pass(seconds);
    model.second += seconds;
  });
const time = fc.constantFrom(1, 5, 10, 20, 30).map(passing);
const shardFault = fc.nat(SHARDS - 1).map(
  (shard) =>
    new Step(
      `shard ${shard}`,
      (world, model) => {
        world.refuseShard(shard, SHARD_FAULT_MS);
        model.shardFreeAt = model.second + SHARD_FAULT_MS / 1_000 + BETWEEN_SHARD_FAULTS_S;
      },
      ({ shardFreeAt, second }) => second >= shardFreeAt,
    ),
);
const steps = [
  time,
  time,
  time,
  shardFault,
  shardFault,
  shardFault,
  fc.nat(PLAYERS - 1).map((player) => new Step(`end ${player}`, (world) => world.end(player))),
  fc.constantFrom(2_000, 10_000, 40_000).map((ms) => new Step(`outage ${ms}`, (world) => world.outage(ms))),
  fc.constantFrom(1_000, 10_000).map((ms) => new Step(`refuse all ${ms}`, (world) => world.refuseAll(ms))),
  fc.constant(new Step('failover', (world) => world.failover())),
  fc.nat(PROCESSES - 1).map((process) => new Step(`restart ${process}`, (world) => world.restart(process))),
];
const world = async (wrong: readonly number[] = [WRONG], players = PLAYERS, processes = PROCESSES) =>
  RefusalWorld.create({ processes, players, shards: SHARDS, wrong: new Set(wrong) });

describe('refusals that mean something else than the end of a grant', () => {
  it('end no grant that works, in any order of faults, real ends and restarts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(steps, { maxCommands: 30, size: 'max' }), async (commands) => {
        const real = await world();
        await fc.asyncModelRun(() => ({ model: { second: 0, shardFreeAt: 0 }, real }), commands);
        await passing(90).run({ second: 0, shardFreeAt: 0 }, real);
        const living = real.players.filter(({ isEnded, process }) => !isEnded && process !== WRONG);
        expect(living.map((player) => real.stateOf(player)).filter((state) => state !== 'active')).toEqual([]);
      }),
      { numRuns: propertyRuns(15), seed: 20_260_110 },
    );
  }, 120_000);
});

describe('a part of the identity system that refuses good tokens', () => {
  const refusedFor = async (ms: number) => {
    const real = await world([]);
    await real.pass(30);
    real.refuseShard(3, ms);
    await real.pass(60);
    return real;
  };

  it('ends nothing within 20 seconds, and its players go on', async () => {
    const real = await refusedFor(20_000);
    expect(real.wronglyDead).toEqual([]);
    expect(real.players.filter((player) => real.stateOf(player) !== 'active')).toEqual([]);
  });

  it('ends grants when it does so for longer and serves all others: an operator can restore them', async () => {
    const real = await refusedFor(45_000);
    expect(real.wronglyDead.length).toBeGreaterThan(0);
    expect((await real.store.retryEnded(100)).rows).toBe(real.wronglyDead.length);
    for (const player of real.players) player.toldAtMs = undefined;
    for (const player of real.players) player.asksAtMs = real.clock.now();
    await real.pass(10);
    expect(real.players.filter((player) => real.stateOf(player) !== 'active')).toEqual([]);
  });
});

describe('the end of a grant at the identity system', () => {
  it('is told within 30 seconds while others succeed, next to a process with a wrong secret', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(PLAYERS - 1), fc.nat(20), async (index, second) => {
        const real = await world();
        await real.pass(30 + second);
        real.end(index);
        await real.pass(60);
        const { refusedAtMs, toldAtMs, process } = real.players[index] as (typeof real.players)[number];
        // A process with a wrong secret learns nothing about grants.
        const withinMs = (toldAtMs ?? Infinity) - (refusedAtMs ?? 0);
        expect(process === WRONG ? toldAtMs === undefined : withinMs <= 30_000).toBe(true);
        expect(real.wronglyDead).toEqual([]);
      }),
      { numRuns: propertyRuns(10), seed: 20_260_111 },
    );
  }, 60_000);

  it('is not told to one of many who are refused at once, and each of them may sign in', async () => {
    const options = { processes: PROCESSES, players: PLAYERS, shards: SHARDS, wrong: new Set<number>() };
    const real = await RefusalWorld.create({ ...options, lifeMs: 60_000 });
    await real.pass(10);
    for (let index = 0; index < PLAYERS; index += 2) real.end(index);
    await real.pass(100);
    const ended = real.players.filter(({ isEnded }) => isEnded);
    expect(ended.filter(({ toldAtMs }) => toldAtMs !== undefined)).toEqual([]);
    expect(ended.every(({ mayHaveSignedIn }) => mayHaveSignedIn)).toBe(true);
    await real.pass(240);
    expect(ended.filter(({ toldAtMs }) => toldAtMs === undefined)).toEqual([]);
  });

  it('lets a single player, for whom nothing can be decided, sign in at once', async () => {
    const real = await world([], 1, 1);
    await real.pass(30);
    real.end(0);
    await real.pass(12);
    expect(real.players[0]).toMatchObject({ mayHaveSignedIn: true, toldAtMs: undefined });
    expect(real.stateOf(real.players[0] as (typeof real.players)[number])).toBe('suspect');
  });
});

describe('a secret that is wrong in every process', () => {
  it('costs one attempt a second, and no player waits longer than two seconds once it is right', async () => {
    const real = await world([]);
    await real.pass(30);
    real.refuseAll(60_000);
    const began = real.clock.now();
    await real.pass(60);
    const busy = [...real.asked].filter(([at]) => at >= began + 20_000 && at < began + 60_000);
    expect(Math.max(...busy.map(([, count]) => count))).toBe(1);
    await real.pass(1);
    for (const player of real.players) player.asksAtMs = real.clock.now();
    await real.pass(2);
    expect(real.players.filter((player) => real.stateOf(player) !== 'active')).toEqual([]);
    expect(real.wronglyDead).toEqual([]);
  });
});
