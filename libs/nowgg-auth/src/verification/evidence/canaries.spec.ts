import { inspect } from 'node:util';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Canaries } from './canaries.js';

const NOW = Date.UTC(2026, 0, 1);
const LATER = NOW + 60_000;
const canary = (player: string, token = `token of ${player}`) => ({ player, digest: `digest of ${token}`, token });

let canaries: Canaries;

beforeEach(() => {
  canaries = new Canaries();
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
      canaries.keep(canary(`p${id}`, `an older token of p${id}`), LATER);
      canaries.keep(canary(`p${id}`), LATER);
    }
    const taken = new Set<string>();
    for (let found = canaries.take(NOW); found; found = canaries.take(NOW)) {
      taken.add(found.token);
      canaries.refused(found.digest);
    }
    expect(taken).toEqual(new Set(Array.from({ length: 32 }, (_, id) => `token of p${id + 8}`)));
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
