import { type NowggClock, SystemClock } from '../clock.js';
import {
  errorOfRefusal,
  errorOfUnknown,
  IdentityUnavailableError,
  InformationUnavailableError,
  InvalidTokenError,
} from '../errors.js';
import type { NowggSessionInfo, NowggUserInfo } from '../identity/account-info.js';
import type { IdentityProvider, InfoOutcome } from '../identity/identity-provider.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import { credentialIdOf, isBearerToken } from '../identity/token-text.js';
import { decodeUnverifiedJws } from '../identity/unverified-jws.js';
import type { NowggPrincipal } from '../principal.js';
import type { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import type { CallRates } from '../verification/remote/call-rates.js';
import { circuitState } from '../events/state-events.js';
import { AccountLine } from './account-line.js';

/** The identity provider of a token, when the token itself does not show it, and the token's user. */
export interface AccountInfoOptions {
  readonly provider?: string;
  /** The verified user of the token: calls of one user share a limit. Default: each token has a limit of its own. */
  readonly userId?: string;
}

type Kind = 'userinfo' | 'sessioninfo';

/**
 * Fetches the identity system's data about the player of a token. Nothing is remembered here, but callers that ask at
 * the same time share one call, and the number of calls under way is limited, also for each player.
 *
 * Both methods throw `InvalidTokenError` when the identity system refuses the token, `IdentityUnavailableError` when it
 * cannot be asked or its answer cannot be believed, and `InformationUnavailableError` when it has no such information
 * for a valid token, such as an id_token.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { NowggAccountService } from 'nestjs-nowgg-auth';
 *
 * @Injectable()
 * export class Profiles {
 *   constructor(private readonly accounts: NowggAccountService) {}
 *
 *   async pictureOf(token: string) {
 *     const { profilePicture } = await this.accounts.getUserInfo(token);
 *     return profilePicture;
 *   }
 * }
 * ```
 */
export class NowggAccountService {
  readonly #providers: IdentityProviders;
  readonly #authenticator: NowggAuthenticator;
  readonly #clock: NowggClock;
  readonly #lines: ReadonlyMap<string, AccountLine>;

  constructor(
    providers: IdentityProviders,
    authenticator: NowggAuthenticator,
    timeoutMs: number,
    clock: NowggClock = new SystemClock(),
    rates?: CallRates,
  ) {
    this.#providers = providers;
    this.#authenticator = authenticator;
    this.#clock = clock;
    const lineTo = (name: string) =>
      new AccountLine(clock, timeoutMs, rates?.of(name), circuitState(clock, name, 'account'));
    this.#lines = new Map([...providers].map(({ name }) => [name, lineTo(name)]));
  }

  /**
   * Fetches the player's account: `GET /accounts/users/v1/userinfo` of now.gg.
   *
   * @example
   * ```ts
   * import { NowggAccountService } from 'nestjs-nowgg-auth';
   *
   * export async function profileOf(accounts: NowggAccountService, token: string, userId: string) {
   *   const { name, countryCode } = await accounts.getUserInfo(token, { userId });
   *   return { name, countryCode };
   * }
   * ```
   */
  async getUserInfo(token: string, options: AccountInfoOptions = {}): Promise<NowggUserInfo> {
    return this.#fetch('userinfo', token, options, (provider, signal) => provider.getUserInfo(token, signal));
  }

  /**
   * Fetches the session in which the token was issued: `GET /accounts/users/v1/sessioninfo` of now.gg.
   *
   * @example
   * ```ts
   * import { NowggAccountService } from 'nestjs-nowgg-auth';
   *
   * export async function deviceOf(accounts: NowggAccountService, token: string) {
   *   const { deviceData, geoData } = await accounts.getSessionInfo(token);
   *   return { model: deviceData.device.model, system: deviceData.os.name, country: geoData.countryCode };
   * }
   * ```
   */
  async getSessionInfo(token: string, options: AccountInfoOptions = {}): Promise<NowggSessionInfo> {
    return this.#fetch('sessioninfo', token, options, (provider, signal) => provider.getSessionInfo(token, signal));
  }

  async #fetch<T>(
    kind: Kind,
    token: string,
    options: AccountInfoOptions,
    ask: (provider: IdentityProvider, signal: AbortSignal) => Promise<InfoOutcome<T>>,
  ): Promise<T> {
    if (typeof token !== 'string' || !isBearerToken(token)) throw new InvalidTokenError('malformed_token');
    const provider = this.#providerOf(token, options);
    const digest = credentialIdOf(token);
    const line = this.#lines.get(provider.name) as AccountLine;
    const outcome = await line.ask({
      key: `${kind}:${digest}`,
      player: options.userId === undefined ? `token:${digest}` : `user:${options.userId}`,
      ask: (signal) => ask(provider, signal),
    });
    switch (outcome.status) {
      case 'info':
        return outcome.info;
      case 'refused':
        throw await this.#reasonOf(token, provider);
      case 'unknown':
        throw errorOfUnknown({ ...outcome, retryAfterSeconds: (outcome.retryAfterMs ?? 0) / 1000 });
      case 'unsupported':
        throw new InformationUnavailableError();
    }
  }

  #providerOf(token: string, { provider }: AccountInfoOptions): IdentityProvider {
    if (provider !== undefined) return this.#providers.get(provider);
    const only = this.#providers.only();
    if (only) return only;
    const jws = decodeUnverifiedJws(token);
    const chosen = jws && this.#providers.findRecognising(jws);
    // A token that no provider recognises is sent nowhere.
    if (!chosen) throw new InvalidTokenError(jws ? 'wrong_client' : 'invalid_token');
    return chosen;
  }

  /** The reason of a refusal. These endpoints publish no refusal codes, so the verdict about the token decides. */
  async #reasonOf(token: string, provider: IdentityProvider): Promise<Error> {
    const verdict = await this.#authenticator.authenticate(token, { provider: provider.name, maxAgeMs: 0 });
    if (verdict.status === 'invalid') return errorOfRefusal(verdict);
    if (verdict.status === 'valid' && this.#isForVerificationOnly(token, verdict.principal, provider)) {
      return new InformationUnavailableError();
    }
    return new IdentityUnavailableError(verdict.status === 'unknown' ? verdict.retryAfterSeconds : 1);
  }

  /**
   * Whether the refusal of a valid token lasts: an id_token is not a credential for any endpoint, and a token that is
   * verified here with keys may be meant for an API of the application alone.
   */
  #isForVerificationOnly(token: string, { tokenType }: NowggPrincipal, provider: IdentityProvider): boolean {
    if (tokenType === 'id_token') return true;
    const inspection = provider.inspect(decodeUnverifiedJws(token), this.#clock.now());
    return inspection.action === 'ask' && inspection.local === true;
  }
}
