import type { OnApplicationBootstrap, Provider } from '@nestjs/common';
import { NowggLog } from '../events/nowgg-log.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import { RevocationStore } from '../revocation/revocation-store.js';
import { routesOf } from '../routes/routes-options.js';
import { MemoryTokenStore } from '../tokens/store/memory/memory-token-store.js';
import { TokenStore } from '../tokens/store/token-store.js';
import type { NowggAuthWiring } from './module-options.js';
import { provide } from './provide.js';

/** The parts of a module that the line at its start describes. */
interface StartedModule {
  readonly wiring: Pick<NowggAuthWiring, 'globalGuard' | 'routes' | 'sharedCache'>;
  readonly providers: IdentityProviders;
  readonly revocations: RevocationStore;
  readonly tokens: TokenStore | undefined;
  readonly options: Pick<ResolvedNowggAuthOptions, 'verification' | 'revocation'>;
}

/** Writes one line when the application has started: what the module does with which parts. */
export class StartLine implements OnApplicationBootstrap {
  readonly #log: Pick<NowggLog, 'write'>;
  readonly #started: StartedModule;

  constructor(log: Pick<NowggLog, 'write'>, started: StartedModule) {
    this.#log = log;
    this.#started = started;
  }

  onApplicationBootstrap(): void {
    this.#log.write('log', startText(this.#started));
  }
}

export function startLine(wiring: NowggAuthWiring): Provider {
  return provide(
    StartLine,
    {
      log: NowggLog,
      providers: IdentityProviders,
      revocations: RevocationStore,
      tokens: { token: TokenStore, optional: true },
      options: RESOLVED_OPTIONS,
    },
    ({ log, ...parts }) => new StartLine(log, { wiring, ...parts }),
  );
}

/** The effective set-up in one line, without a secret. */
export function startText({ wiring, providers, revocations, tokens, options }: StartedModule): string {
  const { maxAgeMs, staleIfErrorMs, rate } = options.verification;
  const parts = [
    `identity providers: ${[...providers].map(textOfProvider).join(', ')}`,
    `grants: ${tokens === undefined ? 'none' : placeOf(!(tokens instanceof MemoryTokenStore))}`,
    `bans: ${placeOf(revocations.isShared)}`,
    `verdicts: ${wiring.sharedCache ? 'shared' : 'this process only'}, ${maxAgeMs} ms, ${staleIfErrorMs} ms more in an outage`,
    `before bans are loaded: ${options.revocation.beforeFirstLoad}`,
    `rate: ${rate ? `${rate.perSecond} a second` : 'no limit'}`,
    `guard: ${wiring.globalGuard ? 'every route' : 'routes that use it'}`,
    `routes: ${routesOf(wiring.routes) ? 'ready-made' : 'none'}`,
  ];
  return `started; ${parts.join('; ')}`;
}

function textOfProvider({ name, address, canObtainTokens }: Iterated<IdentityProviders>): string {
  const about = [
    ...(address === undefined ? [] : [withoutCredentials(address)]),
    ...(canObtainTokens ? [] : ['verifies only']),
  ];
  return about.length === 0 ? name : `${name} (${about.join(', ')})`;
}

type Iterated<T> = T extends Iterable<infer Item> ? Item : never;

function placeOf(isShared: boolean): string {
  return isShared ? 'in a database' : 'in memory: this process only';
}

/** The address without user, password, query and fragment. */
function withoutCredentials(address: string): string {
  if (!URL.canParse(address)) return 'address cannot be read';
  const { origin, pathname } = new URL(address);
  return origin + (pathname === '/' ? '' : pathname);
}
