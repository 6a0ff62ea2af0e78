import type { NowggClock } from '../../../libs/nowgg-auth/src/clock.js';
import { IdentityHttp, type IdentityHttpRequest } from '../../../libs/nowgg-auth/src/identity/identity-http.js';
import type { CodeExchangeRequest, TokenOutcome } from '../../../libs/nowgg-auth/src/identity/identity-provider.js';
import type { IdentityProviders } from '../../../libs/nowgg-auth/src/identity/identity-providers.js';
import { NowggIdentityProvider } from '../../../libs/nowgg-auth/src/identity/nowgg/nowgg-identity-provider.js';
import { AxiosIdentityHttp } from '../../../libs/nowgg-auth/src/identity/transport/axios-identity-http.js';
import { principalOf } from '../../../libs/nowgg-auth/src/principal.js';
import type { AuthenticationPolicy, Verdict } from '../../../libs/nowgg-auth/src/verification/decision/verdict.js';
import { NowggAuthenticator } from '../../../libs/nowgg-auth/src/verification/nowgg-authenticator.js';

/** Two titles of the studio, registered at the emulator; the first is the one that tests use by default. */
export const TITLES = ['title-a', 'title-b'].map((clientId) => ({ clientId, clientSecret: `secret of ${clientId}` }));

export interface NowggProviderSettings {
  /** Address of the emulator. */
  readonly nowggUrl: string;
  readonly clock: NowggClock;
  /** Default `title-a`. */
  readonly clientId?: string | undefined;
  /** Default: the right one of the client. */
  readonly clientSecret?: string | undefined;
  /** Name of the provider. Default `nowgg`. */
  readonly provider?: string | undefined;
  /** `User-Agent` of its calls, by which the emulator's record tells processes apart. */
  readonly caller?: string | undefined;
  /** Refusals say whether the grant has ended, as those of OAuth 2.0 do. now.gg's own never do. */
  readonly refusalsAreFinal?: boolean | undefined;
}

/** The library's own provider of now.gg, over its own HTTP client. */
export function nowggProvider(settings: NowggProviderSettings): NowggIdentityProvider {
  const { nowggUrl, clock, clientId = 'title-a', provider = 'nowgg', caller, refusalsAreFinal = false } = settings;
  const client = TITLES.find((title) => title.clientId === clientId);
  if (!client) throw new Error('no such title');
  const { clientSecret = client.clientSecret } = settings;
  const http =
    caller === undefined ? new AxiosIdentityHttp(clock) : new NamedHttp(new AxiosIdentityHttp(clock), caller);
  const Provider = refusalsAreFinal ? FinalRefusals : NowggIdentityProvider;
  return new Provider(
    { clientId, clientSecret, baseUrl: nowggUrl, name: provider },
    { http, clock, clockSkewMs: 60_000 },
  );
}

class NamedHttp extends IdentityHttp {
  readonly #http: IdentityHttp;
  readonly #caller: string;

  constructor(http: IdentityHttp, caller: string) {
    super();
    this.#http = http;
    this.#caller = caller;
  }

  override send(request: IdentityHttpRequest) {
    return this.#http.send({ ...request, headers: { ...request.headers, 'user-agent': this.#caller } });
  }
}

/** Takes the refusal codes of the emulator at their word, as the library takes those of OAuth 2.0. */
class FinalRefusals extends NowggIdentityProvider {
  override async exchangeCode(request: CodeExchangeRequest): Promise<TokenOutcome> {
    return atItsWord(await super.exchangeCode(request));
  }

  override async refresh(refreshToken: string, signal: AbortSignal): Promise<TokenOutcome> {
    return atItsWord(await super.refresh(refreshToken, signal));
  }
}

function atItsWord(outcome: TokenOutcome): TokenOutcome {
  if (outcome.status !== 'refused') return outcome;
  if (outcome.code === 'INVALID_CLIENT') return { status: 'client_refused' };
  return { ...outcome, isFinal: ['INVALID_CODE', 'INVALID_REFRESH_TOKEN'].includes(outcome.code) };
}

/** Asks now.gg about every token anew, every time. */
export class AskingAuthenticator extends NowggAuthenticator {
  readonly #providers: IdentityProviders;

  constructor(providers: IdentityProviders) {
    super();
    this.#providers = providers;
  }

  override async authenticate(credential: string, policy?: AuthenticationPolicy): Promise<Verdict> {
    const provider = this.#providers.getOrOnly(policy?.provider);
    const verdict = await provider.verify(credential, 'token', AbortSignal.timeout(3_000));
    if (verdict.status === 'valid') return { status: 'valid', principal: principalOf(verdict.facts) };
    return verdict.status === 'invalid' ? verdict : { ...verdict, retryAfterSeconds: 1 };
  }
}
