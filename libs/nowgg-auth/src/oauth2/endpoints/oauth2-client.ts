import { hash } from 'node:crypto';
import * as openid from 'openid-client';
import type { NowggClock } from '../../clock.js';
import { NowggConfigurationError } from '../../errors.js';
import type { IdentityHttpPurpose } from '../../identity/identity-http.js';
import type { IdentityProviderContext, TokenOutcome } from '../../identity/identity-provider.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import { clientAssertion } from './client-assertion.js';
import { clientSecretBasic } from './client-secret-basic.js';
import { type EndpointRefusal, judgeEndpoints } from './discovered-endpoints.js';
import { IdentityCall, type RewriteBody } from './identity-call.js';
import { JwksSource, type Keys, readKeys, undeclaredJson } from './jwks-source.js';
import { type MetadataFault, metadataFaults } from './metadata-checks.js';
import { type Misconfiguration, MISCONFIGURATIONS, publishMisconfiguration } from './misconfiguration.js';
import { CachedDocument, type Loading } from './cached-document.js';
import type { OAuth2Settings } from './oauth2-settings.js';
import { ownProperty } from '../../identity/claims.js';
import { isSameIssuer, withoutTrailingSlash } from '../../identity/urls.js';

/** Time that the start of the application waits for the discovery document, in real time. */
const BOOT_WAIT_MS = 2_000;

/** Number of codes in a row whose refusal is not by chance. */
const REFUSED_CODES = 3;

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
  readonly #assertion: openid.ClientAuth | undefined;
  #refusal: EndpointRefusal | undefined;
  /** Codes that were refused since the last success. */
  #refusedCodes = 0;
  #misconfiguration: Misconfiguration | undefined;
  /** Faults of the current metadata. */
  #faults: readonly MetadataFault[] = [];

  constructor(settings: OAuth2Settings, context: IdentityProviderContext) {
    this.settings = settings;
    this.clock = context.clock;
    this.clockSkewMs = context.clockSkewMs;
    this.#context = context;
    this.#assertion = clientAssertion(settings);
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

  /** The reason why no metadata is used, after a failure with reason `misconfigured`. */
  get misconfiguration(): string {
    return this.#misconfiguration ?? MISCONFIGURATIONS.issuer;
  }

  /** The fault of the metadata because of which no sign-in can succeed; undefined when there is none. */
  get signInFault(): string | undefined {
    return this.#faults.find(({ stops }) => stops)?.detail;
  }

  /**
   * Records the answer to a code of a sign-in that was checked before. One may be refused because it was late; several
   * in a row, without a success between them, are a fault of the configuration that has no code of its own.
   */
  noteCode(answer: TokenOutcome['status']): void {
    if (answer === 'tokens') this.#refusedCodes = 0;
    if (answer !== 'refused') return;
    this.#refusedCodes += 1;
    if (this.#refusedCodes >= REFUSED_CODES) this.reportMisconfiguration(MISCONFIGURATIONS.codes);
  }

  /** Reports a lasting fault. */
  reportMisconfiguration(detail: string): void {
    publishMisconfiguration(this.settings.name, detail);
  }

  /** Creates a call with this deadline. Default purpose: to verify one token. */
  call(
    signal: AbortSignal,
    idempotent: boolean,
    rewrite?: RewriteBody,
    purpose: IdentityHttpPurpose = 'verify',
  ): IdentityCall {
    const { allowInsecure } = this.settings;
    return new IdentityCall(this.#context.http, { purpose, signal, idempotent, allowInsecure, rewrite });
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

  async #discover(signal: AbortSignal, issuer = this.settings.issuer): Promise<Loading<openid.ServerMetadata>> {
    const call = this.call(signal, true, undefined, 'metadata');
    try {
      const discovered = await openid.discovery(new URL(issuer), this.settings.clientId, undefined, openid.None(), {
        [openid.customFetch]: call.fetch,
        execute: [openid.allowInsecureRequests],
      });
      return this.#judge({ ...discovered.serverMetadata() });
    } catch {
      return this.#withoutMetadata(call, issuer, signal);
    }
  }

  /**
   * Judges a failed discovery. A document whose issuer differs by a slash at the end is that of the same issuer, at the
   * same address; any other issuer, and a missing document, are faults of the configuration.
   */
  async #withoutMetadata(
    call: IdentityCall,
    asked: string,
    signal: AbortSignal,
  ): Promise<Loading<openid.ServerMetadata>> {
    const { issuer } = this.settings;
    const named = call.statusCode === 200 ? ownProperty(call.json, 'issuer') : undefined;
    if (typeof named === 'string' && URL.canParse(named)) {
      if (named !== asked && isSameIssuer(named, issuer) && asked === issuer) return this.#discover(signal, named);
      if (!isSameIssuer(named, issuer)) return this.#misconfigured(MISCONFIGURATIONS.issuer);
    }
    // Published, but still an outage: a document may be missing while the identity system is replaced.
    if (call.statusCode === 404 || call.statusCode === 410) this.reportMisconfiguration(MISCONFIGURATIONS.discovery);
    return { reason: 'invalid_response', ...call.failure(), status: 'failed' };
  }

  #misconfigured(detail: Misconfiguration): Loading<never> {
    this.#misconfiguration = detail;
    this.reportMisconfiguration(detail);
    return { status: 'failed', reason: 'misconfigured' };
  }

  async #loadKeys(signal: AbortSignal): Promise<Loading<Keys>> {
    const metadata = await this.metadata(signal);
    if (metadata.status === 'failed') return metadata;
    const url = metadata.value.jwks_uri;
    if (url === undefined) return { status: 'failed', reason: 'invalid_response' };
    const call = this.call(signal, true, undefined, 'metadata');
    const reply = await call.ask(url, { accept: 'application/jwk-set+json, application/json' });
    if (reply?.statusCode !== 200) return { reason: 'invalid_response', ...call.failure(), status: 'failed' };
    const keys = readKeys(reply.json ?? undeclaredJson(reply));
    return keys ? { status: 'loaded', value: keys } : { status: 'failed', reason: 'invalid_response' };
  }

  #judge(discovered: openid.ServerMetadata): Loading<openid.ServerMetadata> {
    const judged = judgeEndpoints(discovered, this.settings);
    this.#refusal = judged.refusal;
    if (!judged.refusal) {
      this.#noteFaults(judged.metadata);
      return { status: 'loaded', value: judged.metadata };
    }
    const detail = judged.refusal.hosts.join(', ');
    publishSecurityEvent({ type: 'foreign_endpoint', provider: this.settings.name, detail });
    return { status: 'failed', reason: 'foreign_endpoint' };
  }

  /** Reports each fault once, and again when the document has changed. */
  #noteFaults(metadata: openid.ServerMetadata): void {
    const { sendsCredentials } = this.settings;
    const known = new Set(this.#faults.map(({ detail }) => detail));
    this.#faults = sendsCredentials ? metadataFaults(metadata, this.settings) : [];
    for (const { detail } of this.#faults) if (!known.has(detail)) this.reportMisconfiguration(detail);
  }

  #clientAuthentication(): openid.ClientAuth {
    if (this.#assertion) return this.#assertion;
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
