import { Inject, Injectable } from '@nestjs/common';
import { NowggClock } from '../../clock.js';
import { IdentityUnavailableError, NowggConfigurationError } from '../../errors.js';
import type { TokenOutcome } from '../../identity/identity-provider.js';
import { IdentityProviders } from '../../identity/identity-providers.js';
import { oauth2ProviderOf } from './oauth2-identity-provider.js';
import { requestApplicationToken } from '../endpoints/token-endpoint.js';

/** A token of the application itself. Keep it no longer than the call that needs it. */
export interface ApplicationToken {
  readonly token: string;
  /** Absent when the identity system did not say. */
  readonly expiresAt?: Date;
}

export interface ApplicationTokenOptions {
  /** A token that was refused: another one is asked for, if this is still the one at hand. */
  readonly insteadOf?: string;
}

interface Kept {
  readonly token: string;
  readonly expiresAtMs: number | undefined;
  /** From then on a new one is asked for in the background. */
  renewAtMs: number;
  readonly notAfterMs: number;
}

/** Asked for anew when less than this, or a tenth of its life, is left. */
const MARGIN_MS = 60_000;
/** How long a token serves whose life is not known. */
const UNKNOWN_LIFE_MS = 60_000;
/** Least time between two tries in the background. */
const RETRY_MS = 30_000;
/** Real time: the deadline is the socket's. */
const TIMEOUT_MS = 10_000;

/** Tokens of the application itself, by the client credentials grant (RFC 6749 section 4.4). */
@Injectable()
export class NowggApplicationTokenService {
  readonly #providers: IdentityProviders;
  readonly #clock: NowggClock;
  readonly #kept = new Map<string, Kept>();
  readonly #flights = new Map<string, Promise<Kept>>();

  constructor(@Inject(IdentityProviders) providers: IdentityProviders, @Inject(NowggClock) clock: NowggClock) {
    this.#providers = providers;
    this.#clock = clock;
  }

  /**
   * A token that is good now: the one at hand, or a new one, asked for once for all who wait. It is renewed in the
   * background before it expires, so that an outage of less than that margin is not noticed.
   *
   * @param provider name of the identity provider; needed when there are several
   * @throws IdentityUnavailableError when the identity system cannot be asked and no token is at hand
   * @throws NowggConfigurationError when it refuses the client, or the provider is none of this kind
   */
  async getApplicationToken(provider?: string, { insteadOf }: ApplicationTokenOptions = {}): Promise<ApplicationToken> {
    const { name, client } = oauth2ProviderOf(this.#providers.getOrOnly(provider));
    const kept = this.#kept.get(name);
    const now = this.#clock.now();
    if (!kept || now >= kept.notAfterMs || kept.token === insteadOf) return tokenOf(await this.#renew(name, client));
    if (now >= kept.renewAtMs) {
      kept.renewAtMs = now + RETRY_MS;
      // Nobody waits for it, and the next caller may try again.
      void this.#renew(name, client).catch(() => undefined);
    }
    return tokenOf(kept);
  }

  async #renew(name: string, client: Parameters<typeof requestApplicationToken>[0]): Promise<Kept> {
    const flight =
      this.#flights.get(name) ??
      this.#ask(name, client).finally(() => {
        this.#flights.delete(name);
      });
    this.#flights.set(name, flight);
    return flight;
  }

  async #ask(name: string, client: Parameters<typeof requestApplicationToken>[0]): Promise<Kept> {
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
  if (outcome.status === 'client_refused' || outcome.status === 'refused') {
    return new NowggConfigurationError('the identity system refuses a token to this client itself');
  }
  return new IdentityUnavailableError(outcome.status === 'busy' ? (outcome.retryAfterMs ?? 0) / 1000 : 1);
}
