import { describe, expect, it } from '@jest/globals';
import { IdentityProviders } from '../identity/identity-providers.js';
import { UpstreamWatches } from '../identity/transport/upstream-watch.js';
import { RevocationFeed } from '../revocation/revocation-feed.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { SharedRevocationStore } from '../testing-support/shared-revocation-store.js';
import { ClientEvidences } from '../verification/evidence/client-evidence.js';
import { NowggHealthService } from './nowgg-health.service.js';

function world(beforeFirstLoad: 'refuse' | 'serve' = 'refuse') {
  const clock = new ManualClock();
  const store = new SharedRevocationStore();
  const feed = new RevocationFeed(store, clock);
  const health = new NowggHealthService({
    clock,
    providers: new IdentityProviders([]),
    watches: new UpstreamWatches(clock),
    evidence: new ClientEvidences([], clock, { timeoutMs: 1_000, refusalsAreDefinite: true }),
    feed,
    options: { beforeFirstLoad },
  });
  return { clock, store, feed, health };
}

describe('the health of a process', () => {
  it('is not ready before bans have been read', async () => {
    const { feed, health } = world();
    expect(health.ready()).toEqual({ isReady: false, reasons: ['bans_not_loaded'] });
    await feed.readNow();
    expect(health.ready()).toEqual({ isReady: true, reasons: [] });
    await feed.close();
  });

  it('is ready without them where the options serve without them', () => {
    expect(world('serve').health.ready()).toEqual({ isReady: true, reasons: [] });
  });

  it('is not ready once the process is told to end, and lives on', () => {
    const { health } = world('serve');
    health.onModuleDestroy();
    expect(health.ready()).toEqual({ isReady: false, reasons: ['stopping'] });
    expect(health.live()).toBe(true);
  });

  it('is degraded when bans are old', async () => {
    const { clock, feed, health } = world();
    await feed.readNow();
    expect(health.degraded()).toMatchObject({ isDegraded: false, bansAgeMs: 0 });
    clock.advance(10_001);
    expect(health.degraded()).toMatchObject({
      isDegraded: true,
      states: [{ type: 'revocations_unread' }],
      bansAgeMs: 10_001,
    });
    await feed.close();
  });
});
