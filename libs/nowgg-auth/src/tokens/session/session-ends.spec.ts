import { describe, expect, it, jest } from '@jest/globals';
import { ReauthenticationRequiredError } from '../../errors.js';
import { captureSecurityEvents } from '../../testing-support/security-events.js';
import { TokenServiceUnderTest } from '../testing-support/token-service-under-test.js';
import { SessionEnds } from './session-ends.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LIMITS = { idleMs: 30 * DAY_MS, absoluteMs: 180 * DAY_MS, endGrant: false };

describe('a session', () => {
  const opened = async (options: ConstructorParameters<typeof TokenServiceUnderTest>[0] = {}) => {
    const under = new TokenServiceUnderTest(options);
    const { grant, session } = await under.signIn();
    const open = () => under.service.openSession(session);
    const after = async (days: number) => {
      under.clock.advance(days * DAY_MS);
      return open();
    };
    return { under, grant, after, open };
  };

  it('lives for 30 days after each use, and for 180 days in all', async () => {
    const { after, grant } = await opened();
    for (let use = 1; use <= 6; use += 1) expect((await after(29)).grant.id).toBe(grant.id);
    await expect(after(6)).rejects.toThrow(ReauthenticationRequiredError);
  });

  it('ends when it was not used for 30 days, with an event, and its grant lives on', async () => {
    const { after, grant, under } = await opened();
    await after(10);
    using events = captureSecurityEvents();
    await expect(after(30)).rejects.toThrow('the session has ended by its age');
    expect(events.seen.map(({ type }) => type)).toEqual(['session_expired']);
    expect((await under.service.getAccessToken(grant.id)).token).toBeDefined();
  });

  it('is not kept alive by the use of its grant in the background', async () => {
    const { after, open, grant, under } = await opened();
    for (let week = 1; week <= 4; week += 1) {
      under.clock.advance(7 * DAY_MS);
      await under.service.getAccessToken(grant.id);
    }
    await expect(after(2)).rejects.toThrow(ReauthenticationRequiredError);
    await expect(open()).rejects.toThrow(ReauthenticationRequiredError);
  });

  it('ends its grant with it where the option says so', async () => {
    const { after, grant, under } = await opened({ sessions: { idleMs: HOUR_MS, endGrant: true } });
    await expect(after(1)).rejects.toThrow(ReauthenticationRequiredError);
    await expect(under.service.getAccessToken(grant.id)).rejects.toThrow(ReauthenticationRequiredError);
  });

  it('never ends by its age where both times are false', async () => {
    const { after, grant } = await opened({ sessions: { idleMs: false, absoluteMs: false } });
    expect((await after(3_000)).grant.id).toBe(grant.id);
  });

  it('can be signed out after its end', async () => {
    const { after, under, grant } = await opened();
    const { session } = await after(1);
    await expect(after(40)).rejects.toThrow(ReauthenticationRequiredError);
    await under.service.revokeSession(session);
    await expect(under.service.getAccessToken(grant.id)).rejects.toThrow(ReauthenticationRequiredError);
  });

  it('lives on when its use cannot be stored, and stores the next one', async () => {
    const { after, under, grant } = await opened();
    const failing = (['advanceHandle', 'noteSessionUse'] as const).map((name) =>
      jest.spyOn(under.store, name).mockRejectedValue(new Error('down')),
    );
    await after(20);
    for (const spy of failing) spy.mockRestore();
    await after(9);
    expect((await after(29)).grant.id).toBe(grant.id);
  });

  it('writes its use once a day at most', async () => {
    const { under, open } = await opened();
    // From here on the handle is the one before the newest, as of a client that takes no new one.
    await open();
    const note = under.store.noteSessionUse.bind(under.store);
    let notes = 0;
    under.store.noteSessionUse = async (id) => {
      notes += 1;
      await note(id);
    };
    for (let hour = 0; hour < 72; hour += 1) {
      under.clock.advance(HOUR_MS);
      await open();
    }
    expect(notes).toBe(3);
  });
});

describe('sessions of an earlier release', () => {
  it('end within 30 days of each other, each at the same time in every process', () => {
    const updatedAtMs = 1_000 * DAY_MS;
    const endOf = (id: string) => {
      const times = { id, createdAtMs: DAY_MS, sessionBegunAtMs: updatedAtMs, sessionUsedAtMs: updatedAtMs };
      for (let day = 0; ; day += 1) {
        if (new SessionEnds(LIMITS).hasEnded({ ...times, readAtMs: updatedAtMs + day * DAY_MS })) return day;
      }
    };
    const ids = Array.from({ length: 16 }, (_, n) => `${n.toString(16)}0000000-0000-4000-8000-000000000000`);
    const ends = ids.map(endOf);
    expect(ends[0]).toBe(30);
    expect(new Set(ends).size).toBe(16);
    expect(Math.max(...ends)).toBeLessThanOrEqual(60);
    expect(ids.map(endOf)).toEqual(ends);
  });
});
