import assert from 'node:assert/strict';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { NoSessionError } from 'nowgg-auth-client';
import { propertyRuns } from '../../libs/nowgg-auth/src/testing-support/property-runs.js';
import { type RequestFate, RotatingWorld } from './support/rotating-world.js';

const TABS = 3;
const HISTORIES = propertyRuns(300);
const THEFTS = propertyRuns(150);
/** A campaign takes its time. */
const PATIENCE_MS = 60_000 + HISTORIES * 200;

type Act = (world: RotatingWorld) => Promise<unknown>;
/** A step of a history, with its name for the report of a failure. */
const step = (name: string, act: Act) => ({ act, toString: () => name });

const someTab = fc.nat(TABS - 1);
const refreshes = fc
  .tuple(someTab, fc.constantFrom<RequestFate>('answered', 'answered', 'answered', 'request lost', 'reply lost'))
  .map(([tab, fate]) => step(`tab ${tab} refreshes, ${fate}`, (world) => world.refresh(tab, fate)));
const faults = [
  someTab.map((tab) => step(`tab ${tab} is loaded again`, async (world) => world.reload(tab))),
  someTab.map((tab) =>
    step(`tab ${tab} stops between the reply and the storage`, async (world) => {
      await world.refresh(tab, 'reply lost');
      world.reload(tab);
    }),
  ),
  fc.constant(step('all tabs refresh', (world) => world.refreshAll())),
  fc.option(someTab, { nil: undefined }).map((tab) =>
    step(`the storage is full for ${tab}`, async (world) => {
      world.fullFor = tab;
    }),
  ),
  fc.constantFrom('lost' as const, 'refused' as const).map((commit) =>
    step(`the next step of the handle is ${commit}`, async (world) => {
      world.commit = commit;
    }),
  ),
  fc.constant(
    step('the browser dies with its last write, and starts again', async (world) => {
      const { fullFor } = world;
      world.fullFor = undefined;
      if (world.stepBack()) await world.refresh(0);
      world.fullFor = fullFor;
    }),
  ),
  fc.nat(20).map((index) =>
    step(`request ${index} comes once more`, async (world) => {
      const late = world.sent[index];
      if (late) await world.use(late);
    }),
  ),
];

describe('the handles of an honest session', () => {
  it(
    'never end it: tabs, lost requests and replies, crashes, full storages, lost commits',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.oneof(refreshes, refreshes, refreshes, ...faults), { maxLength: 30, size: 'max' }),
          async (history) => {
            const world = await RotatingWorld.signedIn(TABS);
            try {
              for (const { act } of history) await act(world);
              // The clients pause after a failure.
              world.under.clock.advance(60_000);
              for (let tab = 0; tab < TABS; tab += 1) assert.equal(await world.refresh(tab), undefined);
              const states = world.tabs.map(({ sessionState }) => sessionState);
              assert.deepEqual(new Set(states), new Set(['AUTHENTICATED']));
              expect([await world.state(), world.events]).toEqual(['active', []]);
            } finally {
              world.close();
            }
          },
        ),
        { numRuns: HISTORIES },
      );
    },
    PATIENCE_MS,
  );
});

describe('a stolen handle', () => {
  it(
    'is refused to the holder who is two uses behind, and ends the session when that is its player',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.nat(3),
          fc.array(fc.constantFrom('thief' as const, 'player' as const), { maxLength: 12 }),
          async (before, turns) => {
            const world = await RotatingWorld.signedIn(1);
            try {
              for (let use = 0; use < before; use += 1) await world.refresh(0);
              let stolen = world.handle;
              // Uses of each since the theft, as handles that were handed out.
              const at = { thief: 0, player: 0 };
              let newest = 0;
              for (const holder of turns) {
                const isSuperseded = at[holder] < newest - 1;
                if (!isSuperseded) at[holder] = newest = at[holder] === newest ? newest + 1 : newest;
                if (holder === 'thief') {
                  const answer = await world.use({ session: stolen });
                  assert.equal(answer.errorCode, isSuperseded ? 'session_superseded' : undefined);
                  stolen = answer.session ?? stolen;
                  continue;
                }
                const failed = await world.refresh(0);
                if (!isSuperseded) {
                  assert.equal(failed, undefined);
                  continue;
                }
                assert.ok(failed instanceof NoSessionError && failed.details?.errorCode === 'session_superseded');
                assert.deepEqual(world.events.slice(0, 1), ['session_superseded']);
                expect([world.tab(0).sessionState, await world.state()]).toEqual(['NO_SESSION', 'revoked']);
                assert.equal((await world.use({ session: stolen })).errorCode, 'reauthentication_required');
                return;
              }
              assert.deepEqual([await world.state(), world.events], ['active', []]);
            } finally {
              world.close();
            }
          },
        ),
        { numRuns: THEFTS },
      );
    },
    PATIENCE_MS,
  );
});
