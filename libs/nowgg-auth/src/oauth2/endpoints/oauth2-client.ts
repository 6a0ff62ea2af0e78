import { hash } from 'node:crypto';
import * as openid from 'openid-client';
import type { NowggClock } from '../../clock.js';
import { NowggConfigurationError } from '../../errors.js';
import type { IdentityHttpPurpose } from '../../identity/identity-http.js';
import type { IdentityProviderContext } from '../../identity/identity-provider.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import { clientSecretBasic } from './client-secret-basic.js';
import { type EndpointRefusal, judgeEndpoints } from './discovered-endpoints.js';
import { IdentityCall } from './identity-call.js';
import { JwksSource, type Keys, readKeys } from './jwks-source.js';
import { CachedDocument, type Loading } from './cached-document.js';
import type { OAuth2Settings } from './oauth2-settings.js';
import { withoutTrailingSlash } from '../../identity/urls.js';

/** Time that the start of the application waits for the discovery document, in real time. */
const BOOT_WAIT_MS = 2_000;

/** One client at one standard OAuth 2.0 / OpenID Connect system: its settings, the system's metadata, and its calls. */
export class OAuth2Client {
  readonly settings: OAuth2Settings;
  readonly clock: NowggClock;
  readonly clockSkewMs: number;
  /** Hash of the system's address and our client id; 43 base64url characters. */
  readonly clientKey: string;
  readonly keys: JwksSource;
  readonly #context: IdentityProviderContext;
  readonly #metadata: CachedDocument<openid.ServerMetadata> | undefined;
  #refusal: EndpointRefusal | undefined;

  constructor(settings: OAuth2Settings, context: IdentityProviderContext) {
    this.settings = settings;
    this.clock = context.clock;
    this.clockSkewMs = context.clockSkewMs;
    this.#context = context;
    this.clientKey = hash(
      'sha256',
      JSON.stringify(['oauth2', withoutTrailingSlash(settings.issuer), settings.clientId]),
      'base64url',
    );
    this.#metadata = settings.metadata
      ? undefined
      : new CachedDocument({
          provider: settings.name,
          clock: this.clock,
          load: (signal) => this.#discover(signal),
        });
    this.keys = new JwksSource({
      provider: settings.name,
      clock: this.clock,
      load: (signal) => this.#loadKeys(signal),
      maxStaleMs: settings.keysMaxStaleMs,
    });
  }

  /** The metadata if it is available without waiting. */
  knownMetadata(): openid.ServerMetadata | undefined {
    return this.settings.metadata ?? this.#metadata?.peek();
  }

  /** The endpoints of the system, from the configuration or its discovery document. */
  async metadata(signal: AbortSignal): Promise<Loading<openid.ServerMetadata>> {
    const { metadata } = this.settings;
    return metadata
      ? { status: 'loaded', value: metadata }
      : (this.#metadata as CachedDocument<openid.ServerMetadata>).get(signal);
  }

  /**
   * Starts discovery and waits for it a short time. A document that sends credentials to other hosts stops the start of
   * the application; an outage does not. A later document is checked when it arrives.
   *
   * @throws NowggConfigurationError with the names of the hosts and the option
   */
  async checkEndpoints(): Promise<void> {
    const { name, sendsCredentials } = this.settings;
    if (!this.#metadata || !sendsCredentials) return;
    const metadata = await this.metadata(AbortSignal.timeout(BOOT_WAIT_MS));
    const isRefused = metadata.status === 'failed' && metadata.reason === 'foreign_endpoint';
    if (isRefused && this.#refusal) {
      throw new NowggConfigurationError(`identity provider ${name}: ${this.#refusal.sentence}`);
    }
  }

  /** Creates a call with this deadline. Default purpose: to verify one token. */
  call(
    signal: AbortSignal,
    idempotent: boolean,
    without?: 'id_token',
    purpose: IdentityHttpPurpose = 'verify',
  ): IdentityCall {
    const { allowInsecure } = this.settings;
    return new IdentityCall(this.#context.http, { purpose, signal, idempotent, allowInsecure, without });
  }

  /** Configuration of openid-client for one call. */
  configuration(metadata: openid.ServerMetadata, call: IdentityCall): openid.Configuration {
    const { clientId, idTokenAlgorithm } = this.settings;
    const configuration = new openid.Configuration(
      metadata,
      clientId,
      {
        id_token_signed_response_alg: idTokenAlgorithm,
        [openid.clockSkew]: this.#clockOffsetSeconds(),
        [openid.clockTolerance]: this.clockSkewMs / 1000,
      },
      this.#clientAuthentication(),
    );
    configuration[openid.customFetch] = call.fetch;
    // The call itself checks plain http: only loopback passes unless the options allow more.
    openid.allowInsecureRequests(configuration);
    return configuration;
  }

  async #discover(signal: AbortSignal): Promise<Loading<openid.ServerMetadata>> {
    const call = this.call(signal, true, undefined, 'metadata');
    const { issuer, clientId } = this.settings;
    try {
      const discovered = await openid.discovery(new URL(issuer), clientId, undefined, openid.None(), {
        [openid.customFetch]: call.fetch,
        execute: [openid.allowInsecureRequests],
      });
      return this.#judge({ ...discovered.serverMetadata() });
    } catch {
      return { reason: 'invalid_response', ...call.failure(), status: 'failed' };
    }
  }

  async #loadKeys(signal: AbortSignal): Promise<Loading<Keys>> {
    const metadata = await this.metadata(signal);
    if (metadata.status === 'failed') return metadata;
    const url = metadata.value.jwks_uri;
    if (url === undefined) return { status: 'failed', reason: 'invalid_response' };
    const call = this.call(signal, true, undefined, 'metadata');
    const reply = await call.ask(url, { accept: 'application/jwk-set+json, application/json' });
    if (reply?.statusCode !== 200) return { reason: 'invalid_response', ...call.failure(), status: 'failed' };
    const keys = readKeys(reply.json);
    return keys ? { status: 'loaded', value: keys } : { status: 'failed', reason: 'invalid_response' };
  }

  #judge(discovered: openid.ServerMetadata): Loading<openid.ServerMetadata> {
    const judged = judgeEndpoints(discovered, this.settings);
    this.#refusal = judged.refusal;
    if (!judged.refusal) return { status: 'loaded', value: judged.metadata };
    const detail = judged.refusal.hosts.join(', ');
    publishSecurityEvent({ type: 'foreign_endpoint', provider: this.settings.name, detail });
    return { status: 'failed', reason: 'foreign_endpoint' };
  }

  #clientAuthentication(): openid.ClientAuth {
    const { clientAuthentication, clientId, clientSecret } = this.settings;
    if (clientAuthentication === 'none' || clientSecret === undefined) return openid.None();
    return clientAuthentication === 'post'
      ? openid.ClientSecretPost(clientSecret)
      : clientSecretBasic(clientId, clientSecret);
  }

  /** Difference of the module's clock from the machine's clock, which openid-client reads. */
  #clockOffsetSeconds(): number {
    return Math.round((this.clock.now() - Date.now()) / 1000);
  }
}
