import assert from 'node:assert/strict';
import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { SessionUnavailableError } from 'nowgg-auth-client';
import { propertyRuns } from '../../libs/nowgg-auth/src/testing-support/property-runs.js';
import { type BoundFate, BoundWorld } from './support/bound-world.js';
import { until } from './support/facts.js';
import { withKeyDatabase } from './support/key-database.js';

const TABS = 2;
const HISTORIES = propertyRuns(100);
/** A campaign takes its time. */
const PATIENCE_MS = 60_000 + HISTORIES * 200;

type Act = (world: BoundWorld) => Promise<unknown>;
/** A step of a history, with its name for the report of a failure. */
const step = (name: string, act: Act) => ({ act, toString: () => name });

/** A session may only be unavailable for a while. */
const never = (failed: unknown) => assert.ok(failed === undefined || failed instanceof SessionUnavailableError);

const someTab = fc.nat(TABS - 1);
const someFate = fc.constantFrom<BoundFate>('answered', 'answered', 'request lost', 'reply lost', 'twice');
const refreshes = fc
  .tuple(someTab, fc.oneof(someFate, someFate, fc.constant<BoundFate>('misrouted')))
  .map(([tab, fate]) => step(`tab ${tab} refreshes, ${fate}`, async (world) => never(await world.refresh(tab, fate))));
const faults = [
  fc
    .tuple(someTab, someFate, fc.boolean())
    .map(([tab, fate, isDenied]) =>
      step(`tab ${tab} signs in, ${fate}${isDenied ? ', the first time without IndexedDB' : ''}`, (world) =>
        world.signIn(tab, fate, isDenied),
      ),
    ),
  someTab.map((tab) => step(`tab ${tab} is loaded again`, async (world) => world.reload(tab))),
  someTab.map((tab) =>
    step(`tab ${tab} stops between the reply and the storage`, async (world) => {
      never(await world.refresh(tab, 'reply lost'));
      world.reload(tab);
    }),
  ),
  fc.constant(step('all tabs refresh', (world) => world.refreshAll())),
  someTab.map((tab) =>
    step(`tab ${tab} refreshes while IndexedDB is denied`, async (world) => never(await world.refreshDenied(tab))),
  ),
  fc.constant(step('IndexedDB is cleared', (world) => world.clearKeys())),
  fc.nat(20).map((index) =>
    step(`request ${index} comes once more`, async (world) => {
      const late = world.sent[index];
      if (late) await world.answer(late);
    }),
  ),
];

it(
  'an honest session that is bound to a key never ends but with its key, and begins again: ' +
    'tabs, lost and repeated requests, crashes, wrong clocks, a denied and a cleared IndexedDB',
  async () => {
    let ended = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(-300_000, 0, 300_000),
        fc.array(fc.oneof(refreshes, refreshes, ...faults), { maxLength: 30, size: 'max' }),
        async (skewMs, history) =>
          withKeyDatabase(async (database) => {
            const world = new BoundWorld(TABS, skewMs, database);
            try {
              await world.signIn(0);
              for (const { act } of history) await act(world);
              // The clients pause after a failure.
              world.under.clock.advance(60_000);
              assert.equal(await world.refresh(0), undefined);
              // The other tabs hear of a new sign-in.
              await until(() => world.tabs.every(({ sessionState }) => sessionState === 'AUTHENTICATED'));
              for (let tab = 0; tab < TABS; tab += 1) assert.equal(await world.refresh(tab), undefined);
              expect(await world.state()).toBe('active');
              expect(world.events.filter((event) => event.startsWith('session_superseded'))).toEqual([]);
              ended += world.ended;
            } finally {
              world.close();
            }
          }),
      ),
      { numRuns: HISTORIES },
    );
    expect(ended).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);
