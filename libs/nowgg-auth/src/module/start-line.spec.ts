import { describe, expect, it } from '@jest/globals';
import { nowgg } from '../identity/nowgg/nowgg.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import type { IdentityHttp } from '../identity/identity-http.js';
import { resolveOptions } from '../options/resolve-options.js';
import { MemoryRevocationStore } from '../revocation/memory-revocation-store.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { MemoryTokenStore } from '../tokens/store/memory/memory-token-store.js';
import { startText } from './start-line.js';

const clock = new ManualClock();
const context = { http: Object.create(null) as IdentityHttp, clock, clockSkewMs: 5_000 };

describe('the line at the start', () => {
  it('tells the effective set-up and no secret', () => {
    const definitions = [
      nowgg({ clientId: 'game', clientSecret: 'canary-secret' }),
      nowgg({ name: 'web', clientId: 'canary-client', baseUrl: 'https://staging.now.gg/v2' }),
    ];
    const text = startText({
      wiring: { globalGuard: true },
      providers: new IdentityProviders(definitions.map((definition) => definition.create(context))),
      revocations: new MemoryRevocationStore(),
      tokens: new MemoryTokenStore(clock),
      options: resolveOptions({ clientId: 'game' }),
    });
    expect(text).toBe(
      'started; identity providers: nowgg (https://now.gg), web (https://staging.now.gg/v2, verifies only); ' +
        'grants: in memory: this process only; bans: in memory: this process only; ' +
        'verdicts: this process only, 30000 ms, 300000 ms more in an outage; before bans are loaded: refuse; ' +
        'rate: no limit; guard: every route; routes: none',
    );
  });
});
