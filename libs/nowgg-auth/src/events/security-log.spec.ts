import { afterEach, describe, expect, it } from '@jest/globals';
import { publishSecurityEvent } from './security-events.js';
import { SecurityLog } from './security-log.js';
import { ManualClock } from '../testing-support/manual-clock.js';

describe('SecurityLog', () => {
  const open: SecurityLog[] = [];
  afterEach(() => {
    for (const log of open.splice(0)) log.onApplicationShutdown();
  });
  const start = () => {
    const lines: string[] = [];
    const clock = new ManualClock();
    const logger = {
      log: (line: string) => lines.push(`log ${line}`),
      warn: (line: string) => lines.push(`warn ${line}`),
    };
    const log = new SecurityLog(clock, logger);
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
});
