import { Inject, Injectable } from '@nestjs/common';
import { NowggClock } from '../../clock.js';
import { IdentityUnavailableError, NowggConfigurationError } from '../../errors.js';
import type { TokenOutcome } from '../../identity/identity-provider.js';
import { IdentityProviders } from '../../identity/identity-providers.js';
import { DetachableSingleFlight } from '../../resilience/detachable-single-flight.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { oauth2ProviderOf } from './oauth2-identity-provider.js';
import { requestApplicationToken } from '../endpoints/token-endpoint.js';

/** A token of the application itself. Do not keep it longer than the call that needs it. */
export interface ApplicationToken {
  readonly token: string;
  /** Absent when the identity system did not state it. */
  readonly expiresAt?: Date;
}

export interface ApplicationTokenOptions {
  /** A token that was refused: the service gets another one if this is still the cached one. */
  readonly insteadOf?: string;
}

interface Kept {
  readonly token: string;
  readonly expiresAtMs: number | undefined;
  /** After this time the service gets a new one in the background. */
  renewAtMs: number;
  readonly notAfterMs: number;
}

/** A token is renewed when less than this, or than a tenth of its lifetime, is left. */
const MARGIN_MS = 60_000;
/** Time for which a token of unknown lifetime is used. */
const UNKNOWN_LIFE_MS = 60_000;
/** Minimum time between two attempts in the background. */
const RETRY_MS = 30_000;
/** In real time, because it is the deadline of a socket. */
const TIMEOUT_MS = 10_000;

/**
 * Gets tokens of the application itself, by the client credentials grant (RFC 6749 section 4.4).
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { NowggApplicationTokenService } from 'nestjs-nowgg-auth/oauth2';
 *
 * @Injectable()
 * export class PartnerApi {
 *   constructor(private readonly applicationTokens: NowggApplicationTokenService) {}
 *
 *   async catalogue() {
 *     const { token } = await this.applicationTokens.getApplicationToken('web');
 *     return fetch('https://partner.example.com/catalogue', { headers: { authorization: `Bearer ${token}` } });
 *   }
 * }
 * ```
 */
@Injectable()
export class NowggApplicationTokenService {
  readonly #providers: IdentityProviders;
  readonly #clock: NowggClock;
  readonly #kept = new Map<string, Kept>();
  readonly #flights = new DetachableSingleFlight<Kept>();

  constructor(@Inject(IdentityProviders) providers: IdentityProviders, @Inject(NowggClock) clock: NowggClock) {
    this.#providers = providers;
    this.#clock = clock;
  }

  /**
   * Returns a valid token: the cached one or a new one. Concurrent callers share one request. The service renews the
   * token in the background before it expires, so that an outage shorter than that margin has no effect.
   *
   * @param provider name of the identity provider; needed when there are several
   * @throws IdentityUnavailableError when the identity system cannot be asked and there is no cached token
   * @throws NowggConfigurationError when it refuses the client, or the provider is not an OAuth 2.0 one
   *
   * @example
   * ```ts
   * import { NowggApplicationTokenService } from 'nestjs-nowgg-auth/oauth2';
   *
   * export async function anotherToken(applicationTokens: NowggApplicationTokenService, refused: string) {
   *   const { token } = await applicationTokens.getApplicationToken('web', { insteadOf: refused });
   *   return token;
   * }
   * ```
   */
  async getApplicationToken(provider?: string, { insteadOf }: ApplicationTokenOptions = {}): Promise<ApplicationToken> {
    const { name, client } = oauth2ProviderOf(this.#providers.getOrOnly(provider));
    const kept = this.#kept.get(name);
    const now = this.#clock.now();
    if (!kept || now >= kept.notAfterMs || kept.token === insteadOf) return tokenOf(await this.#renew(name, client));
    if (now >= kept.renewAtMs) {
      kept.renewAtMs = now + RETRY_MS;
      // No caller waits for it, and the next caller may try again.
      void this.#renew(name, client).catch(() => undefined);
    }
    return tokenOf(kept);
  }

  #renew(name: string, client: OAuth2Client): Promise<Kept> {
    return this.#flights.join(name, () => this.#ask(name, client));
  }

  async #ask(name: string, client: OAuth2Client): Promise<Kept> {
    const askedAtMs = this.#clock.now();
    const outcome = await requestApplicationToken(client, AbortSignal.timeout(TIMEOUT_MS));
    if (outcome.status !== 'tokens') throw errorOf(outcome);
    const { accessToken: token, accessTokenExpiresAtMs: expiresAtMs } = outcome.tokens;
    const lifeMs = expiresAtMs === undefined ? UNKNOWN_LIFE_MS : expiresAtMs - askedAtMs;
    const marginMs = Math.min(Math.max(MARGIN_MS, lifeMs / 10), lifeMs / 2);
    const notAfterMs = askedAtMs + lifeMs;
    const kept = { token, expiresAtMs, renewAtMs: notAfterMs - marginMs, notAfterMs };
    this.#kept.set(name, kept);
    return kept;
  }
}

function tokenOf({ token, expiresAtMs }: Kept): ApplicationToken {
  return { token, ...(expiresAtMs !== undefined && { expiresAt: new Date(expiresAtMs) }) };
}

function errorOf(outcome: Exclude<TokenOutcome, { status: 'tokens' }>): Error {
  if (outcome.status === 'misconfigured') return new NowggConfigurationError(`identity provider: ${outcome.detail}`);
  if (outcome.status === 'client_refused' || outcome.status === 'refused') {
    return new NowggConfigurationError('the identity system refuses to issue a token to this client');
  }
  return new IdentityUnavailableError(outcome.status === 'busy' ? (outcome.retryAfterMs ?? 0) / 1000 : 1);
}
