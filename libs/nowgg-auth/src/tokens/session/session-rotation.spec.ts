import { beforeEach, describe, expect, it } from '@jest/globals';
import { ReauthenticationRequiredError, SessionSupersededError } from '../../errors.js';
import { captureSecurityEvents } from '../../testing-support/security-events.js';
import { handleOfFirstForm } from '../testing-support/first-version.js';
import { KEY_1, TokenServiceUnderTest } from '../testing-support/token-service-under-test.js';
import { stepOf } from './session-rotation.js';

describe('a session handle', () => {
  let under: TokenServiceUnderTest;
  let first: string;
  let id: string;
  /** The versions that were written. */
  let written: number[];

  const use = async (handle: string, reread = false) => (await under.service.openSession(handle, { reread })).session;
  const version = async () => (await under.store.findGrant(id))?.handleVersion;
  const state = async () => (await under.store.findGrant(id))?.state;

  beforeEach(async () => {
    under = new TokenServiceUnderTest();
    const { grant, session } = await under.signIn();
    [first, id, written] = [session, grant.id, []];
    const advance = under.store.advanceHandle.bind(under.store);
    under.store.advanceHandle = async (step) => {
      written.push(step.handleVersion);
      await advance(step);
    };
  });

  it('hands out the next one, always the same, and needs one write for it', async () => {
    const second = await use(first);
    expect(second).not.toBe(first);
    for (let again = 0; again < 10; again += 1) expect(await use(first)).toBe(second);
    const third = await use(second);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(written).toEqual([2, 3]);
  });

  it('is the same for all that use it at once, and no advance is lost', async () => {
    const others = Array.from({ length: 3 }, () => under.anotherProcess());
    let handle = first;
    for (let round = 0; round < 20; round += 1) {
      const answers = await Promise.all(others.map((service) => service.openSession(handle)));
      expect(new Set(answers.map(({ session }) => session)).size).toBe(1);
      handle = answers[0]?.session as string;
    }
    expect(await version()).toBe(21);
  });

  it('serves a client that never takes the next one for ever, with one write in all', async () => {
    const second = await use(first);
    for (let day = 0; day < 400; day += 1) {
      under.clock.advance(10 * 3_600_000);
      expect(await use(first)).toBe(second);
    }
    expect(written).toEqual([2]);
  });

  it('is superseded when two newer ones were handed out, which ends nothing by itself', async () => {
    const third = await use(await use(first));
    using events = captureSecurityEvents();
    for (let replay = 0; replay < 100; replay += 1) {
      await expect(use(first)).rejects.toMatchObject({ status: 401, errorCode: 'session_superseded' });
    }
    expect([written, events.seen, await state()]).toEqual([[2, 3], [], 'active']);
    expect(await use(third)).not.toBe(third);
  });

  it('that is superseded after the storage was read again ends the session, with an event', async () => {
    const third = await use(await use(first));
    using events = captureSecurityEvents();
    await expect(use(first, true)).rejects.toBeInstanceOf(SessionSupersededError);
    expect(events.seen[0]).toEqual({ type: 'session_superseded', provider: 'nowgg' });
    expect(await state()).toBe('revoked');
    await expect(use(third)).rejects.toMatchObject({ errorCode: 'reauthentication_required' });
    await expect(under.service.getAccessToken(id)).rejects.toThrow(ReauthenticationRequiredError);
  });

  it('that is good ends nothing, whatever its holder says about its storage', async () => {
    const second = await use(first);
    expect([await use(first, true), await state()]).toEqual([second, 'active']);
  });

  it('newer than the row is good: the database lost the last commits', async () => {
    under.store.advanceHandle = async () => undefined;
    let handle = first;
    for (let lost = 0; lost < 5; lost += 1) handle = await use(handle);
    expect(await version()).toBe(1);
    const repaired = new TokenServiceUnderTest({}, () => under.store);
    expect((await repaired.service.openSession(handle)).session).not.toBe(handle);
  });

  it('stays the same when the next one cannot be stored, and so does the session', async () => {
    under.store.advanceHandle = async () => {
      throw new Error('down');
    };
    expect([await use(first), await version()]).toEqual([first, 1]);
  });

  it('reads its grant without a step', async () => {
    for (let read = 0; read < 3; read += 1) expect((await under.service.sessionGrant(first)).id).toBe(id);
    expect([written, await version()]).toEqual([[], 1]);
    await use(await use(first));
    await expect(under.service.sessionGrant(first)).rejects.toMatchObject({ errorCode: 'session_superseded' });
  });

  it.each([0, 1, 2, 5])('signs out, also when %d newer ones were handed out', async (steps) => {
    let handle = first;
    for (let step = 0; step < steps; step += 1) handle = await use(handle);
    await under.service.revokeSession(first);
    expect(await state()).toBe('revoked');
  });

  it('of the builds before is the first one of its session', async () => {
    const second = await use(first);
    expect(await use(handleOfFirstForm(KEY_1, id, 1))).toBe(second);
  });

  it('of a finished sign-in whose code comes again is the newest one', async () => {
    const second = await use(first);
    expect((await under.signIn()).session).toBe(second);
    await use(second);
  });

  it('never changes with rotation: false, and none is superseded there', async () => {
    const third = await use(await use(first));
    const without = under.anotherProcess({ sessions: { rotation: false } });
    written = [];
    for (const handle of [first, third]) {
      expect((await without.openSession(handle, { reread: true })).session).toBe(handle);
    }
    expect([written, await state()]).toEqual([[], 'active']);
  });
});

describe('the step of a handle', () => {
  it('ends where the column does, instead of failing', () => {
    const last = 2_147_483_647;
    expect(stepOf(last, last)).toEqual({ version: last, advances: false });
    expect(stepOf(last - 1, last)).toEqual({ version: last, advances: false });
    expect(stepOf(last - 1, last - 1)).toEqual({ version: last, advances: true });
    expect(stepOf(1, last)).toBeUndefined();
  });
});
