import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { IdentityProviders } from '../identity/identity-providers.js';
import { FakeIdentityProvider } from '../testing-support/fake-identity-provider.js';
import { LoggedRevocationStore } from '../testing-support/logged-revocation-store.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { propertyRuns } from '../testing-support/property-runs.js';
import { NowggRevocationService } from './nowgg-revocation.service.js';
import { RevocationFeed } from './revocation-feed.js';

const user = (userId: string) => ({ provider: 'nowgg', kind: 'user', id: userId }) as const;

/** A promise that a test resolves. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

let clock: ManualClock;
let store: LoggedRevocationStore;
let feed: RevocationFeed;
let service: NowggRevocationService;

/** A process that has read everything. */
async function start(): Promise<void> {
  const providers = new IdentityProviders([new FakeIdentityProvider()]);
  feed = new RevocationFeed(store, clock);
  service = new NowggRevocationService({ store, feed, providers, clock, clockSkewMs: 5_000 });
  await feed.start();
}

/** Begins a reading that is due. */
function read(): Promise<void> {
  clock.advance(1_000);
  return feed.readNow();
}

beforeEach(() => {
  clock = new ManualClock();
  store = new LoggedRevocationStore();
});
afterEach(() => feed.close());

const banUntil = () => new Date(clock.now() + 3_600_000);
const foreignBan = (id: string) =>
  store.write({ ...user(id), issuedUntilMs: undefined, refusedUntilMs: clock.now() + 7_200_000 });
const knownBan = (id: string) => feed.find(user(id))?.refusedUntilMs;

describe('a subject that this process writes while it reads', () => {
  it.each([
    ['has read', 'send'],
    ['has not read', 'answer'],
  ] as const)('follows a restore by another process that the reading %s', async (_whether, step) => {
    await start();
    const held = gate();
    store.at = async (statement, at) => (statement === 'read' && at === step ? held.opened : undefined);
    const reading = read();
    await service.revoke({ userId: 'u' }, { until: banUntil() });
    expect(knownBan('u')).toBeDefined();
    store.lift(user('u'));
    held.open();
    await reading;
    store.at = async () => undefined;
    await read();
    expect(knownBan('u')).toBeUndefined();
  });

  it('follows a ban by another process that it has read before the answer to its own restore came', async () => {
    foreignBan('u');
    await start();
    const held = gate();
    store.at = async (statement, at) => (statement === 'restore' && at === 'answer' ? held.opened : undefined);
    const restoring = service.restore({ userId: 'u' });
    while (store.stateOf(user('u'))?.refusedUntilMs !== undefined) await Promise.resolve();
    foreignBan('u');
    await read();
    expect(knownBan('u')).toBeDefined();
    held.open();
    await restoring;
    expect(knownBan('u')).toBeDefined();
    await read();
    expect(knownBan('u')).toBeDefined();
  });

  it('stays refused while it is in doubt and the store cannot be read, and no reading is complete', async () => {
    foreignBan('u');
    await start();
    const held = gate();
    store.at = async (statement, at) => {
      if (statement === 'find') throw new Error('the store is away');
      return statement === 'restore' && at === 'answer' ? held.opened : undefined;
    };
    const restoring = service.restore({ userId: 'u' });
    while (store.stateOf(user('u'))?.refusedUntilMs !== undefined) await Promise.resolve();
    foreignBan('u');
    await read();
    held.open();
    await restoring;
    expect(knownBan('u')).toBeDefined();
    const age = feed.ageMs ?? 0;
    await read();
    expect(feed.ageMs).toBe(age + 1_000);
    store.lift(user('u'));
    store.at = async () => undefined;
    await read();
    expect([knownBan('u'), feed.ageMs]).toEqual([undefined, 0]);
  });
});

describe('what a process knows after its next reading', () => {
  const change = fc.record({
    by: fc.constantFrom('us' as const, 'another' as const),
    what: fc.constantFrom('ban' as const, 'signOut' as const, 'restore' as const),
    user: fc.constantFrom('a', 'b'),
  });

  it('is what the store has, in whatever order statements take effect and answers come', async () => {
    const property = fc.asyncProperty(
      fc.scheduler(),
      fc.array(change, { minLength: 1, maxLength: 8 }),
      fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
      async (scheduler, changes, pageSize) => {
        clock = new ManualClock();
        store = new LoggedRevocationStore();
        store.pageSize = pageSize;
        for (const id of ['a', 'b', 'c']) foreignBan(id);
        await start();
        store.at = (statement, step) => scheduler.schedule(Promise.resolve(), `${statement} ${step}`);
        let count = 0;
        const work = changes.map(async ({ by, what, user: userId }) => {
          await scheduler.schedule(Promise.resolve(), 'a change begins');
          count += 1;
          const until = new Date(clock.now() + 3_600_000 + count * 1_000);
          if (by === 'us' && what === 'restore') return service.restore({ userId });
          if (by === 'us') return service.revoke({ userId }, what === 'ban' ? { until } : {});
          if (what === 'restore') return store.lift(user(userId));
          const times = what === 'ban' ? { refusedUntilMs: until.getTime() } : { issuedUntilMs: clock.now() + count };
          store.write({ ...user(userId), issuedUntilMs: undefined, refusedUntilMs: undefined, ...times });
        });
        const reading = (async () => {
          for (let round = 0; round < 3; round += 1) await read();
        })();
        await scheduler.waitFor(Promise.all([...work, reading]));
        store.at = async () => undefined;
        await read();
        const wrong = ['a', 'b'].filter((id) => {
          const [known, stored] = [feed.find(user(id)), store.stateOf(user(id))];
          return known?.refusedUntilMs !== stored?.refusedUntilMs || known?.issuedUntilMs !== stored?.issuedUntilMs;
        });
        await feed.close();
        return wrong.length === 0;
      },
    );
    const { counterexample } = await fc.check(property, { numRuns: propertyRuns(200) });
    expect(counterexample).toBeNull();
  });
});
