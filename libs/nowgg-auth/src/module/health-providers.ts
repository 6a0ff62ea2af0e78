import type { Provider } from '@nestjs/common';
import { NowggClock } from '../clock.js';
import { NowggHealthService } from '../health/nowgg-health.service.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { UpstreamWatches } from '../identity/transport/upstream-watch.js';
import { RESOLVED_OPTIONS } from '../options/options.js';
import { RevocationFeed } from '../revocation/revocation-feed.js';
import { ClientEvidences } from '../verification/evidence/client-evidence.js';
import { provide } from './provide.js';

/** Tells how the process is, from what the other parts have seen. */
export const healthService: Provider = provide(
  NowggHealthService,
  {
    clock: NowggClock,
    providers: IdentityProviders,
    watches: UpstreamWatches,
    evidence: ClientEvidences,
    feed: RevocationFeed,
    options: RESOLVED_OPTIONS,
  },
  ({ options, ...parts }) => new NowggHealthService({ ...parts, options: options.revocation }),
);
