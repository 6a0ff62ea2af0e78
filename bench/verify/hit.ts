import { Child } from '../support/child-process.js';
import { rotated } from '../support/statistics.js';
import type { HitOperations, HitSubject } from './hit-process.js';
import { PEER_COUNT } from './peers.js';

/** CPU microseconds for one operation, by name, one value for each round. */
export type HitSamples = Readonly<Record<string, readonly number[]>>;

/** Measures our cache and each other cache in separate processes, one after the other in every round. */
export async function measureHits(rounds: number): Promise<HitSamples> {
  const subjects: readonly HitSubject[] = ['ours', ...Array.from({ length: PEER_COUNT }, (_, index) => index)];
  const children = subjects.map(() => new Child<HitOperations>(new URL('hit-process.js', import.meta.url)));
  try {
    for (const [index, child] of children.entries()) await child.call('prepare', subjects[index] ?? 'ours');
    const samples: Record<string, number[]> = {};
    for (let round = 0; round < rounds; round += 1) {
      for (const child of rotated(children, round)) {
        for (const [name, micros] of Object.entries(await child.call('measure'))) {
          (samples[name] ??= []).push(...micros);
        }
      }
    }
    return samples;
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}
