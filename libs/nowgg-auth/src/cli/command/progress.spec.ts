import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { Progress } from './progress.js';

describe('progress', () => {
  let clock: ManualClock;
  let told: string[];
  beforeEach(() => {
    clock = new ManualClock();
    told = [];
  });

  /** A batch of 100 rows each 50 milliseconds, for 10 seconds. */
  const work = ({ overwrites = false, json = false }, total = 20_000) => {
    const terminal = { print: () => undefined, complain: (text: string) => void told.push(text), overwrites };
    const progress = new Progress(terminal, clock, { command: 'rotate', total, json });
    for (let done = 100; done <= 20_000; done += 100) {
      clock.advance(50);
      progress.tell(done);
    }
    progress.end();
    return told;
  };

  it('writes one line over and over at a terminal, ten times a second, and clears it', () => {
    const lines = work({ overwrites: true });
    expect(lines).toHaveLength(101);
    expect(lines[1]).toBe('\r\u001B[2Kvault rotate: 300 of 20000 rows, 2000 a second');
    expect(lines.at(-1)).toBe('\r\u001B[2K');
  });

  it('writes a line each five seconds to a file', () => {
    expect(work({})).toEqual([
      'vault rotate: 100 of 20000 rows, 2000 a second\n',
      'vault rotate: 10100 of 20000 rows, 2000 a second\n',
    ]);
  });

  it('writes a line of JSON each second, at a terminal too', () => {
    const lines = work({ overwrites: true, json: true });
    expect(lines).toHaveLength(10);
    expect(JSON.parse(lines[1] as string)).toEqual({ progress: { command: 'rotate', done: 2_100, total: 20_000 } });
  });

  it('never says that more is done than there is', () => {
    expect(work({}, 5_000).at(-1)).toContain('10100 of 10100 rows');
  });
});
