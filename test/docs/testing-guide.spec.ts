import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { RunningDocument } from './run-document.js';

const guide = new RunningDocument('docs/testing.md');
afterAll(() => guide[Symbol.dispose]());

// Registers the tests of the guide as tests of this file.
await guide.load('inventory.e2e-spec.ts');

describe('the guide to tests', () => {
  it('moves the clock', async () => {
    const { statusAfterTwoHours } = await guide.load<{ statusAfterTwoHours: () => Promise<number> }>('clock.ts');
    expect(await statusAfterTwoHours()).toBe(401);
  });

  it('replaces the guard', async () => {
    const { startWithMockedGuard } = await guide.load<{ startWithMockedGuard: () => Promise<INestApplication> }>(
      'mocked-guard.ts',
    );
    const app = await startWithMockedGuard();
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/inventory`);
    expect(await answer.json()).toEqual({ userId: 'player-1', items: [] });
    await app.close();
  });

  it('finds no token in the log', async () => {
    const { searchTheLog } = await guide.load<{ searchTheLog: () => Promise<void> }>('no-secrets.ts');
    await expect(searchTheLog()).resolves.toBeUndefined();
  });

  it('sees an outage with the emulator', async () => {
    const { statusesInAnOutage } = await guide.load<{ statusesInAnOutage: () => Promise<object> }>('emulator.ts');
    expect(await statusesInAnOutage()).toEqual({ before: 200, during: 503 });
  });
});
