import { inspect } from 'node:util';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { Canaries } from './canaries.js';

const NOW = Date.UTC(2026, 0, 1);
const LATER = NOW + 60_000;
const canary = (player: string, token = `token of ${player}`) => ({ player, digest: `digest of ${token}`, token });

/** All tokens that can be asked about, the latest first. */
const takeAll = () => {
  const taken: string[] = [];
  for (let found = canaries.take(NOW); found; found = canaries.take(NOW)) {
    taken.push(found.token);
    canaries.refused(found.digest);
  }
  return taken;
};

let clock: ManualClock;
let canaries: Canaries;

beforeEach(() => {
  clock = new ManualClock();
  canaries = new Canaries(clock);
});

describe('canaries', () => {
  it('gives the token of another player that was accepted last', () => {
    for (const player of ['p', 'q', 'r']) canaries.keep(canary(player), LATER);
    expect(canaries.take(NOW)).toEqual(canary('r'));
    expect(canaries.take(NOW, 'r')).toEqual(canary('q'));
    canaries.keep(canary('p'), LATER);
    expect(canaries.take(NOW, 'r')).toEqual(canary('p'));
  });

  it('keeps one token for each of the latest 32 players', () => {
    for (let id = 0; id < 40; id += 1) {
      clock.advance(100);
      canaries.keep(canary(`p${id}`, `an older token of p${id}`), LATER);
      canaries.keep(canary(`p${id}`), LATER);
    }
    expect(new Set(takeAll())).toEqual(new Set(Array.from({ length: 32 }, (_, id) => `token of p${id + 8}`)));
  });

  it('leaves out a player while 32 are kept and one of them is new', () => {
    for (let id = 0; id < 33; id += 1) canaries.keep(canary(`p${id}`), LATER);
    clock.advance(99);
    canaries.keep(canary('too soon'), LATER);
    clock.advance(1);
    canaries.keep(canary('in time'), LATER);
    const taken = takeAll();
    expect(taken.slice(0, 2)).toEqual(['token of in time', 'token of p31']);
    expect(taken).toHaveLength(32);
  });

  it('leaves out no player while a token that was kept has been refused', () => {
    for (let id = 0; id < 32; id += 1) canaries.keep(canary(`p${id}`), LATER);
    canaries.refused(canary('p7').digest);
    canaries.keep(canary('q'), LATER);
    expect(canaries.take(NOW)).toEqual(canary('q'));
  });

  it('gives none that has expired, has no end, or was refused since it was accepted', () => {
    canaries.keep(canary('p'), NOW);
    canaries.keep(canary('q'), undefined);
    canaries.keep(canary('r'), LATER);
    canaries.refused(canary('r').digest);
    expect(canaries.take(NOW)).toBeUndefined();
    expect(canaries.has(NOW)).toBe(false);
    canaries.keep(canary('r'), LATER);
    expect(canaries.take(NOW)).toEqual(canary('r'));
  });

  it('gives a refused one again after its refusal proved to mean nothing', () => {
    canaries.keep(canary('p'), LATER);
    canaries.refused(canary('p').digest);
    canaries.pardon();
    expect(canaries.take(NOW)).toEqual(canary('p'));
  });

  it('gives another one first after one had no answer', () => {
    for (const player of ['p', 'q']) canaries.keep(canary(player), LATER);
    canaries.putBack(canary('q'));
    expect(canaries.take(NOW)).toEqual(canary('p'));
    canaries.drop(canary('p'));
    expect(canaries.take(NOW)).toEqual(canary('q'));
  });

  it('shows no token when it is printed', () => {
    canaries.keep(canary('p', 'a secret token'), LATER);
    expect(inspect(canaries, { depth: null, showHidden: true })).not.toContain('a secret token');
  });
});
