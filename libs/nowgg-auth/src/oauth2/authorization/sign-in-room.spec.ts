import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { authorizationCookie, readSignIns } from './authorization-cookie.js';
import { MOST_UNDER_WAY, roomFor } from './sign-in-room.js';
import { propertyRuns } from '../../testing-support/property-runs.js';

const MINUTE = 60_000;
const LONGEST_MS = 10 * MINUTE;

/** A browser's cookies, and what a start does to them. */
class CookieJar {
  readonly cookies = new Map<string, string>();
  nowMs = 1_800_000_000_000;
  #states = 0;

  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** @param sentHeader what the browser sent: older than its cookies where several starts are under way at once */
  start(isUnproven: boolean, sentHeader = this.header): string | undefined {
    const room = roomFor(readSignIns(sentHeader), isUnproven, this.nowMs, LONGEST_MS);
    if (!room) return undefined;
    this.#states += 1;
    const options = { secure: true, maxAgeSeconds: 600, nowMs: this.nowMs, slot: room.slot };
    const { name, value } = authorizationCookie(`state-${this.#states}`, 's'.repeat(700), options);
    for (const cleared of room.clear) this.cookies.delete(cleared);
    this.cookies.set(name, value);
    return name;
  }

  get all() {
    return readSignIns(this.header);
  }
}

describe('the sign-ins under way in a browser', () => {
  it('are five at most, and none that this site began less than a minute ago goes', () => {
    const step = fc.record({
      isUnproven: fc.boolean(),
      passedMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 * MINUTE })),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const jar = new CookieJar();
        for (const { isUnproven, passedMs } of steps) {
          jar.nowMs += passedMs;
          const kept = jar.all.filter((each) => !each.isUnproven && jar.nowMs - each.begunAtMs < MINUTE);
          const older = jar.all.filter((each) => !each.isUnproven && each.begunAtMs > jar.nowMs - LONGEST_MS);
          const begun = jar.start(isUnproven);
          const names = new Set(jar.all.map(({ name }) => name));
          expect(names.size).toBeLessThanOrEqual(MOST_UNDER_WAY);
          expect(kept.every(({ name }) => names.has(name))).toBe(true);
          // Another site displaces nothing that this site began.
          expect(isUnproven ? older.filter(({ name }) => !names.has(name)) : []).toEqual([]);
          expect(begun === undefined).toBe(isUnproven ? older.length >= MOST_UNDER_WAY : kept.length >= MOST_UNDER_WAY);
        }
      }),
      { numRuns: propertyRuns(300) },
    );
  });

  it('of unproven origin are three at most, however many start at once', () => {
    const jar = new CookieJar();
    for (let turn = 0; turn < 5; turn += 1) jar.start(false);
    jar.cookies.delete([...jar.cookies.keys()][0] as string);
    const sent = jar.header;
    for (let turn = 0; turn < 200; turn += 1) jar.start(true, sent);
    expect(jar.all.filter((each) => each.isUnproven).length).toBeLessThanOrEqual(3);
    expect(jar.header.length).toBeLessThan(7_000);
  });

  it('are cleared when they are over, unreadable or of the future', () => {
    const jar = new CookieJar();
    const over = jar.start(false) as string;
    jar.nowMs += LONGEST_MS;
    const future = jar.nowMs + 24 * 60 * MINUTE;
    const planted: [string, string][] = [
      ['__Host-nowgg-sign-in-planted', 'x'],
      ['nowgg-sign-in-', 'a.b.c.d'],
      ['nowgg-sign-in-x1', `0${future.toString(36)}${'h'.repeat(22)}sealed`],
      [`nowgg-sign-in-${'h'.repeat(22)}`, `0${jar.nowMs.toString(36)}${'i'.repeat(22)}sealed`],
    ];
    for (const [name, value] of planted) jar.cookies.set(name, value);
    jar.cookies.set('session', 'kept');
    const begun = jar.start(false) as string;
    expect([...jar.cookies.keys()]).toEqual(['session', begun]);
    expect(jar.cookies.has(over)).toBe(false);
  });

  it('reads any Cookie header in time that grows with its length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2_000, unit: 'binary' }), (header) => {
        expect(readSignIns(header).length).toBeLessThanOrEqual(header.split(';').length);
      }),
      { numRuns: propertyRuns(100) },
    );
  });
});
