import type { NowggClock } from '../../clock.js';
import type { IdentityProvider } from '../../identity/identity-provider.js';
import type { ResolvedVerificationOptions } from '../../options/options.js';
import { CallRate } from '../../resilience/call-rate.js';
import type { SharedCache } from '../cache/shared-cache.js';

/** Dependencies of {@link CallRates}. */
interface CallRatesParts {
  readonly providers: Iterable<IdentityProvider>;
  readonly clock: NowggClock;
  readonly options: Pick<ResolvedVerificationOptions, 'rate' | 'expectedInstances'>;
  readonly sharedCache?: SharedCache | undefined;
}

/** The rate of calls to each identity provider of a module. Clients of one identity system have separate rates. */
export class CallRates {
  readonly #byName: ReadonlyMap<string, CallRate>;

  constructor({ providers, clock, options, sharedCache }: CallRatesParts) {
    const { rate: limits, expectedInstances } = options;
    const rateOf = ({ clientKey }: IdentityProvider, all: NonNullable<typeof limits>) => {
      const lease =
        sharedCache && ((need: Parameters<SharedCache['leaseCalls']>[1]) => sharedCache.leaseCalls(clientKey, need));
      return new CallRate({ clock, limits: all, expectedInstances, lease });
    };
    this.#byName = new Map(limits ? [...providers].map((each) => [each.name, rateOf(each, limits)]) : []);
  }

  /** Undefined when calls are not limited. */
  of(provider: string): CallRate | undefined {
    return this.#byName.get(provider);
  }
}
