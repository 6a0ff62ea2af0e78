import { afterEach, describe, expect, it } from '@jest/globals';
import { noteInLog } from './log-notes.js';
import { publishSecurityEvent } from './security-events.js';
import { FailureState, TrackedState, activeStates } from './state-events.js';
import { NowggLog } from './nowgg-log.js';
import { ManualClock } from '../testing-support/manual-clock.js';

describe('NowggLog', () => {
  const open: NowggLog[] = [];
  afterEach(() => {
    for (const log of open.splice(0)) log.onApplicationShutdown();
  });
  const start = () => {
    const lines: string[] = [];
    const clock = new ManualClock();
    const logger = {
      log: (line: string) => lines.push(`log ${line}`),
      warn: (line: string) => lines.push(`warn ${line}`),
      error: (line: string) => lines.push(`error ${line}`),
    };
    const log = new NowggLog(clock, logger);
    log.onModuleInit();
    open.push(log);
    return { lines, clock, log };
  };

  it('writes one line a minute and kind, with the number of events that had none', () => {
    const { lines, clock } = start();
    for (let i = 0; i < 1_000; i += 1) publishSecurityEvent({ type: 'two_credentials' });
    publishSecurityEvent({ type: 'tls_failure', provider: 'nowgg' });
    publishSecurityEvent({ type: 'tls_failure', provider: 'web' });
    expect(lines).toEqual([
      'warn two_credentials: a request carried two credentials',
      expect.stringMatching(/^warn tls_failure: .* \[provider nowgg\]$/),
      expect.stringMatching(/^warn tls_failure: .* \[provider web\]$/),
    ]);
    clock.advance(60_000);
    publishSecurityEvent({ type: 'two_credentials' });
    expect(lines.at(-1)).toMatch(/^warn two_credentials: .* \(and 999 more since the last line\)$/);
  });

  it('writes what the application itself did as information', () => {
    const { lines } = start();
    publishSecurityEvent({ type: 'banned', provider: 'nowgg' });
    expect(lines).toEqual(['log banned: a ban was set [provider nowgg]']);
  });

  it('writes an event once where several modules live in one process, and goes on when the first one ends', () => {
    const [first, second] = [start(), start()];
    publishSecurityEvent({ type: 'two_credentials' });
    expect([first.lines.length, second.lines.length]).toEqual([1, 0]);
    first.log.onApplicationShutdown();
    publishSecurityEvent({ type: 'two_credentials' });
    expect([first.lines.length, second.lines.length]).toEqual([1, 1]);
  });

  it('writes the last line of a kind even if it came too soon, at the end of the minute', async () => {
    const { lines, clock } = start();
    const state = new TrackedState(clock, 'store_unavailable');
    for (let i = 0; i < 5; i += 1) {
      state.begin('57P01');
      clock.advance(1_000);
      state.end();
    }
    expect(lines).toEqual([
      expect.stringMatching(/^warn store_unavailable: .*\[57P01\]$/),
      expect.stringMatching(/^log store_unavailable over: .*\[57P01, after 1 s\]$/),
    ]);
    clock.advance(59_000);
    await flushed();
    expect(lines.slice(2)).toEqual([
      expect.stringMatching(/^warn store_unavailable: .*\(and 3 more since the last line\)$/),
      expect.stringMatching(/^log store_unavailable over: .*\(and 3 more since the last line\)$/),
    ]);
  });

  it('writes the end of a doubt within the minute of its begin', () => {
    const { lines } = start();
    publishSecurityEvent({ type: 'own_credentials_suspect', provider: 'nowgg' });
    publishSecurityEvent({ type: 'own_credentials_suspect', provider: 'nowgg', detail: 'over' });
    expect(lines.map((line) => line.slice(0, 30))).toEqual([
      'warn own_credentials_suspect: ',
      'log own_credentials_suspect: t',
    ]);
  });

  it('writes the counts of what was left out before the process ends', () => {
    const { lines, log } = start();
    for (let i = 0; i < 3; i += 1) publishSecurityEvent({ type: 'two_credentials' });
    log.beforeApplicationShutdown();
    expect(lines.at(-1)).toMatch(/\(and 1 more since the last line\)$/);
  });

  it('writes what was published before the application started', () => {
    const lines: string[] = [];
    const write = (line: string) => lines.push(line);
    const log = new NowggLog(new ManualClock(), { log: write, warn: write, error: write });
    open.push(log);
    publishSecurityEvent({ type: 'refused_key', detail: 'tokens.encryptionKeys is weak' });
    expect(lines).toEqual([]);
    log.onModuleInit();
    expect(lines).toEqual(['refused_key: an encryption key is weak [tokens.encryptionKeys is weak]']);
  });

  it.each([
    ['log', ['log a', 'warn b', 'error c']],
    ['warn', ['warn b', 'error c']],
    ['error', ['error c']],
    [false, []],
  ] as const)('writes with logging %s no less severe lines', (level, expected) => {
    const { lines, log } = start();
    log.configure(level === false ? false : { level });
    noteInLog(() => ({ kind: 'a', level: 'log', text: 'a' }));
    noteInLog(() => ({ kind: 'b', level: 'warn', text: 'b' }));
    noteInLog(() => ({ kind: 'c', level: 'error', text: 'c' }));
    expect(lines).toEqual(expected);
  });
});

describe('a state', () => {
  it('of failures lasts while attempts fail now and then, and ends with a success five seconds later', () => {
    const clock = new ManualClock();
    const state = new FailureState(clock, 'store_unavailable');
    const types = () => activeStates().map(({ type, detail }) => [type, detail]);
    state.failed('53100');
    for (let i = 0; i < 20; i += 1) {
      clock.advance(1_000);
      state.succeeded();
      state.failed('57P01');
    }
    // The reason may change meanwhile: who looks now wants the present one.
    expect(types()).toEqual([['store_unavailable', '57P01']]);
    clock.advance(4_999);
    state.succeeded();
    expect(types()).toHaveLength(1);
    clock.advance(1);
    state.succeeded();
    expect(types()).toEqual([]);
  });

  it('that is dropped is over without an event', () => {
    const state = new TrackedState(new ManualClock(), 'unsaved_tokens');
    state.begin();
    expect(activeStates()).toHaveLength(1);
    state.drop();
    expect(activeStates()).toEqual([]);
  });
});

async function flushed(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
