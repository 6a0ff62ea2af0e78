import assert from 'node:assert/strict';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ARRIVAL_FAULTS, type ReplyFate, RefreshWorld, type RotationMode } from '../testing-support/refresh-world.js';
import { settled } from '../testing-support/token-service-under-test.js';
import { propertyRuns } from '../../testing-support/property-runs.js';

const PROCESSES = 3;
/** What may have become of a grant whose only working token no process received: no protocol can save it. */
const LOST = [
  [false, 'suspect'],
  [false, 'needs_reauth'],
];

/** The reference: all that must be known of a grant to say what may have become of it. */
interface Model {
  revoked: boolean;
  generation: number;
  /** The stored token of that generation, once it was seen. */
  accessCiphertext?: string;
}

/** Does something to the world and holds it to what is true at every moment. */
class Step implements fc.AsyncCommand<Model, RefreshWorld> {
  constructor(
    readonly text: string,
    readonly act: (world: RefreshWorld, model: Model) => unknown,
  ) {}

  check(): boolean {
    return true;
  }

  async run(model: Model, world: RefreshWorld): Promise<void> {
    await this.act(world, model);
    await settled();
    const { state, generation, accessCiphertext } = await world.state();
    const { surprises, forged } = world;
    assert.deepEqual({ surprises, forged }, { surprises: [], forged: [] });
    assert.ok(generation >= model.generation, 'a generation came back');
    assert.equal(state === 'revoked', model.revoked);
    assert.ok(((await world.callsAtOnce()) ?? 0) <= 2, 'more than one replay at a time');
    const replaced =
      generation === model.generation && accessCiphertext !== (model.accessCiphertext ?? accessCiphertext);
    assert.ok(!replaced, 'a generation was stored twice');
    Object.assign(model, { generation, accessCiphertext });
  }

  toString(): string {
    return this.text;
  }
}

const someProcess = fc.nat(PROCESSES - 1);
const livelySteps = [
  fc
    .tuple(someProcess, fc.constantFrom('get' as const, 'refresh' as const))
    .map(([process, op]) => new Step(`${process} ${op}`, (world) => world.call(process, op))),
  fc
    .tuple(fc.nat(5), fc.constantFrom<ReplyFate>('delivered', 'delivered', 'lost'))
    .map(([index, fate]) => new Step(`reply ${index} ${fate}`, (world) => world.answer(index, fate))),
  fc
    .constantFrom(...(Object.keys(ARRIVAL_FAULTS) as (keyof typeof ARRIVAL_FAULTS)[]))
    .map((fault) => new Step(`fault ${fault}`, (world) => world.fault(fault))),
  fc
    .constantFrom(100, 1_000, 4_000, 8_001, 60_001, 3_600_000)
    .map((ms) => new Step(`pass ${ms}`, (world) => world.pass(ms))),
];
/** Deaths are rare beside life, or nothing would ever come to its end. */
const steps = [
  ...livelySteps,
  ...livelySteps,
  ...livelySteps,
  someProcess.map((process) => new Step(`kill ${process}`, (world) => world.kill(process))),
  someProcess.map((process) => new Step(`freeze ${process}`, (world) => world.freeze(process))),
  someProcess.map((process) => new Step(`thaw ${process}`, (world) => world.thaw(process))),
];
const failOver = async (world: RefreshWorld, model: Model) => {
  world.failover();
  const { generation, accessCiphertext } = await world.state();
  Object.assign(model, { generation, accessCiphertext });
};
/** Refreshes that follow each other, and a database that fails over between and during them. */
const replicaSteps = [
  fc.tuple(someProcess, fc.boolean()).map(
    ([process, failsOver]) =>
      new Step(`${process} refreshes${failsOver ? ' during a failover' : ''}`, async (world, model) => {
        await world.pass(60_001);
        world.call(process, 'refresh');
        await settled();
        if (failsOver) await failOver(world, model);
        world.answer(world.calls.length - 1, 'delivered');
      }),
  ),
  fc.constant(new Step('failover', failOver)),
  fc.constant(new Step('copy', (world) => world.copy())),
];
const rarely = fc.constant(
  new Step('revoke', async (world, model) => {
    await world.revoke();
    model.revoked = true;
  }),
);

describe('any interleaving of calls, replies, faults, deaths and time', () => {
  it.each<RotationMode>(['static', 'grace', 'strict'])(
    'loses no grant and revives no revoked one, with an identity system in mode %s',
    async (mode) => {
      await fc.assert(
        fc.asyncProperty(
          fc.commands(steps, { maxCommands: 40, size: 'max' }),
          fc.commands([rarely, ...steps], { maxCommands: 10 }),
          async (first, then) => {
            const model: Model = { revoked: false, generation: 1 };
            const world = await RefreshWorld.create(mode, PROCESSES);
            await fc.asyncModelRun(() => ({ model, real: world }), first);
            await fc.asyncModelRun(() => ({ model, real: world }), then);
            await world.calmDown();
            const works = await world.works();
            const { state } = await world.state();
            const lost = world.isLossPossible;
            const expected = model.revoked ? [[false, 'revoked']] : [[true, 'active'], ...(lost ? LOST : [])];
            expect(expected).toContainEqual([works, state]);
          },
        ),
        { numRuns: propertyRuns(100), seed: 20_260_102 },
      );
    },
    120_000,
  );

  it.each<RotationMode>(['static', 'grace', 'strict'])(
    'calls no living grant ended, next to failovers that lose what was stored last, in mode %s',
    async (mode) => {
      const commands = fc.commands([...livelySteps, ...replicaSteps, ...replicaSteps], {
        maxCommands: 50,
        size: 'max',
      });
      await fc.assert(
        fc.asyncProperty(commands, async (steps) => {
          const model: Model = { revoked: false, generation: 1 };
          const world = await RefreshWorld.create(mode, PROCESSES);
          await fc.asyncModelRun(() => ({ model, real: world }), steps);
          await world.calmDown();
          const found = [await world.works(), (await world.state()).state];
          expect([[true, 'active'], ...(world.isLossPossible ? LOST : [])]).toContainEqual(found);
          expect(world.surprises).toEqual([]);
        }),
        { numRuns: propertyRuns(100), seed: 20_260_104 },
      );
    },
    120_000,
  );

  it('makes at most one replay of a call without an answer, as long as no process dies or freezes', async () => {
    const calls = fc.commands(livelySteps.slice(0, 1), { maxCommands: 4 });
    const lapses = fc.commands([fc.constant(new Step('pass 8001', (world) => world.pass(8_001)))], { maxCommands: 2 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(calls, lapses), { maxLength: 8 }), async (rounds) => {
        const model: Model = { revoked: false, generation: 1 };
        const world = await RefreshWorld.create('grace', PROCESSES);
        await world.pass(3_600_000);
        for (const commands of rounds.flat()) await fc.asyncModelRun(() => ({ model, real: world }), commands);
        expect(await world.callsAtOnce()).toBeLessThanOrEqual(2);
      }),
      { numRuns: propertyRuns(50), seed: 20_260_103 },
    );
  }, 120_000);
});
