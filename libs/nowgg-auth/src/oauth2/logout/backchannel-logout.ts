import { hash, randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnModuleInit, Optional } from '@nestjs/common';
import { errorOfUnknown, InvalidRequestError, NowggConfigurationError } from '../../errors.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import { IdentityProviders } from '../../identity/identity-providers.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../../options/options.js';
import { NowggTokenService } from '../../tokens/nowgg-token-service.js';
import { TokenStore, WIRED_TOKEN_SERVICE } from '../../tokens/store/token-store.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { OAuth2IdentityProvider } from '../provider/oauth2-identity-provider.js';
import { type LogoutToken, verifyLogoutToken } from './logout-token.js';

/** Time for which a finished logout token is remembered at most: its repetition would end nothing anyway. */
const LONGEST_MEMORY_MS = 86_400_000;

/**
 * Ends sessions that an identity system has signed out (OpenID Connect Back-Channel Logout 1.0). The marks take the time
 * of the logout token, so that it never concerns a later sign-in, however often and however late it comes.
 */
@Injectable()
export class BackchannelLogout implements OnModuleInit {
  readonly #providers: IdentityProviders;
  readonly #options: ResolvedNowggAuthOptions;
  readonly #store: TokenStore | undefined;
  readonly #tokens: NowggTokenService | undefined;

  constructor(
    @Inject(IdentityProviders) providers: IdentityProviders,
    @Inject(RESOLVED_OPTIONS) options: ResolvedNowggAuthOptions,
    @Optional() @Inject(TokenStore) store: TokenStore | undefined,
    @Optional() @Inject(WIRED_TOKEN_SERVICE) tokens: NowggTokenService | undefined,
  ) {
    this.#providers = providers;
    this.#options = options;
    this.#store = store;
    this.#tokens = tokens;
  }

  /** @throws NowggConfigurationError when a provider reports sign-outs and there is no token store */
  onModuleInit(): void {
    const receives = [...this.#providers].some(({ name }) => this.#clientOf(name));
    if (receives && !(this.#store && this.#tokens)) {
      throw new NowggConfigurationError('backchannelLogout needs a token store: its grants are what ends');
    }
  }

  /** Whether this provider may report sign-outs. */
  serves(provider: string): boolean {
    return this.#clientOf(provider) !== undefined;
  }

  /**
   * @throws InvalidRequestError when the logout token is refused
   * @throws IdentityUnavailableError when the keys or a store cannot be reached: the identity system may repeat it
   */
  async receive(provider: string, logoutToken: unknown): Promise<void> {
    const client = this.#clientOf(provider);
    if (!client || !this.#store || !this.#tokens) throw new NowggConfigurationError('backchannelLogout is not set up');
    const signal = AbortSignal.timeout(this.#options.verification.timeoutMs);
    const verdict = await verifyLogoutToken(client, logoutToken, signal);
    if (verdict.status === 'unknown') {
      const { reason, retryAfterMs = 0 } = verdict;
      throw errorOfUnknown({ reason, retryAfterSeconds: retryAfterMs / 1000 });
    }
    if (verdict.status === 'refused') {
      publishSecurityEvent({ type: 'logout_token_refused', provider, detail: verdict.fault });
      throw new InvalidRequestError(`the logout token is not valid: ${verdict.fault}`);
    }
    await this.#end(client, verdict.token, this.#store, this.#tokens);
  }

  async #end(
    { settings, clientKey, clock, clockSkewMs }: OAuth2Client,
    { userId, sessionId, issuedAtMs, expiresAtMs, id }: LogoutToken,
    store: TokenStore,
    tokens: NowggTokenService,
  ): Promise<void> {
    const { name: provider } = settings;
    const codeHash = hash('sha256', JSON.stringify(['backchannel logout', provider, clientKey, id]), 'base64url');
    if (await store.findExchange(codeHash)) return;
    const at = new Date(issuedAtMs);
    await tokens.revokeSignedOut({
      provider,
      ...(userId !== undefined && { userId }),
      ...(sessionId !== undefined && { sessionId }),
      at,
    });
    // Only afterwards: a token whose work was interrupted is worked through again when it is repeated.
    const leaseMs = Math.min(expiresAtMs - clock.now(), LONGEST_MEMORY_MS) + clockSkewMs;
    await store.claimExchange({ codeHash, owner: randomUUID(), leaseMs });
  }

  #clientOf(provider: string): OAuth2Client | undefined {
    const found = this.#providers.find(provider);
    const client = found instanceof OAuth2IdentityProvider ? found.client : undefined;
    return client?.settings.backchannelLogout ? client : undefined;
  }
}
