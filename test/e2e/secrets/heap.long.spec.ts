import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { platforms } from '../../support/game/app-under-test.js';
import type { PlantedAppSnapshot, PlantedAppStart } from '../../support/processes/children/planted-app.js';
import { vaultKeys } from '../../support/game/exchange-routes.js';
import { HeapSnapshot } from '../../support/seeded-secrets/heap-snapshot.js';
import { CLIENT_ID } from '../../support/game/now-gg-messages.js';
import { PlantedCampaign } from '../../support/seeded-secrets/planted-campaign.js';
import { RawPeer } from '../../support/raw-http/raw-peer.js';
import { SourceProcess } from '../../support/processes/source-process.js';

// Thousands of requests, and a snapshot of tens of megabytes: half a minute, or minutes on a busy machine.
jest.setTimeout(600_000);

const directory = mkdtempSync(join(tmpdir(), 'nowgg-heap-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.each(platforms)('5,000 planted tokens, codes and refresh tokens on %s', (platform) => {
  it('leave nothing in replies, in the log or in the heap', async () => {
    const campaign = new PlantedCampaign();
    const control = `control-${randomBytes(16).toString('hex')}`;
    const path = join(directory, `${platform}.heapsnapshot`);
    await using peer = (await RawPeer.start()).alwaysAnswer(campaign.answer);
    await using app = new SourceProcess('test/support/processes/children/planted-app.ts', {
      nodeOptions: ['--expose-gc'],
    });
    const target = await app.ask<{ port: number }>({
      platform,
      control,
      options: {
        clientId: CLIENT_ID,
        clientSecret: campaign.clientSecret,
        baseUrl: peer.url,
        tokens: { encryptionKeys: vaultKeys() },
        // Breakdowns would pause the circuit; this run wants every one of them to arrive.
        verification: { circuit: false },
      },
    } satisfies PlantedAppStart);

    await campaign.attack(target, 640, 5_001);
    await peer.dropConnections();
    await app.ask({ snapshot: path } satisfies PlantedAppSnapshot);
    expect(await app.end()).toBe(0);

    expect(campaign.planted).toBeGreaterThanOrEqual(5_001);
    expect(new Set(campaign.statuses.keys())).toEqual(new Set([200, 400, 401, 503]));
    expect(campaign.leaks).toEqual([]);
    expect(campaign.marks.filter((mark) => app.output.includes(mark))).toEqual([]);
    expect(app.output).not.toContain(campaign.clientSecret);

    const heap = new HeapSnapshot(path);
    expect(heap.stringsWith(control)).not.toEqual([]);
    expect(heap.retainersOf(campaign.marks)).toEqual([]);
    expect(heap.stringsWith(...campaign.marks)).toEqual([]);
  });
});
