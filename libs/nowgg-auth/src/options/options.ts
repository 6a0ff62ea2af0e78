import type { IncomingHttpHeaders } from 'node:http';
import type { NowggLogLevel } from '../events/log-notes.js';
import type { ResolvedLogging } from '../events/nowgg-log.js';
import type { IdentityProviderDefinition } from '../identity/identity-provider.js';
import type { IdTokenClaims } from '../identity/id-token-claims.js';
import type { NowggPrincipal, TokenType } from '../principal.js';

/** A key of the vault's key ring. */
export interface EncryptionKey {
  /** Stored in every ciphertext of this key: 1 to 32 characters of `A-Z a-z 0-9 _ -`. Never reuse an id. */
  id: string;
  /** 32 random bytes, base64. The first key is refused when it is plainly not random. */
  key: string;
}

/** Settings for obtaining verdicts about tokens and for keeping them. */
export interface VerificationOptions {
  /**
   * Time for which the first verdict about a token is used without asking again, in milliseconds. Default 30,000; 0 asks
   * every time. A token that is accepted again is used for longer, see {@link longestAgeMs}.
   */
  maxAgeMs?: number;
  /**
   * Longest time for which a verdict is used without asking again, in milliseconds: how late a revocation at the identity
   * system may be seen. Not less than {@link maxAgeMs}. The time of a token doubles when the identity system accepts it
   * again and half of the time before had passed. Default for now.gg: ten times {@link maxAgeMs}, at most 300,000; for
   * other identity systems {@link maxAgeMs}, so that it does not grow.
   */
  longestAgeMs?: number;
  /**
   * Additional time for a verdict while the identity system cannot be asked, in milliseconds. Default 300,000. A verdict
   * whose time has grown to the default {@link longestAgeMs} serves for ten minutes in an outage.
   */
  staleIfErrorMs?: number;
  /** Maximum number of verdicts kept in memory. Default 100,000. */
  maxEntries?: number;
  /** Maximum number of refusals kept in memory, separate from the verdicts. Default 20,000. */
  negativeMaxEntries?: number;
  /** Total time for one request to the identity system, body included, in milliseconds. Default 3,000. */
  timeoutMs?: number;
  /**
   * Tolerated difference between the clocks, in milliseconds: used only to refuse early and for a future `iat`.
   * Default 5,000.
   */
  clockSkewMs?: number;
  /** Kinds of token that routes accept unless they say otherwise. Default both. */
  acceptTokenTypes?: readonly TokenType[];
  /**
   * Maximum number of concurrent requests to one identity provider, half of them for tokens accepted before. Further
   * ones wait, at most half of {@link timeoutMs}. Default 256.
   */
  maxInFlight?: number;
  /**
   * Rate of calls that an identity provider grants to all processes together: verification requests with their repeats
   * and probes, and account calls. Further calls wait, and are a 503 when the wait would be too long. Processes with a
   * `sharedCache` keep the rate together; without it, each uses the rate divided by {@link expectedInstances}. Default:
   * no limit.
   */
  rate?: RateSettings;
  /**
   * Number of processes that share the {@link rate} while they cannot share it through Redis. Default 1, or as many as
   * have shared it lately, if that is more.
   */
  expectedInstances?: number;
  /** Circuit breaker for an identity provider that does not answer; false disables it. */
  circuit?: CircuitSettings | false;
  /**
   * Accepts every refusal of a token or code at once, without a second check and without doubt about the client secret.
   * Only for an application's own tests: with `NODE_ENV=production` the application does not start. Default false.
   */
  refusalsAreDefinite?: boolean;
  /** Decides whether a request may be sent; any result but true is a 503. Default: always. Only for cache misses. */
  budget?: VerificationBudget;
  /**
   * Returns the source of a request, such as an address or device that the application trusts, for {@link budget},
   * `tokens.codeBudget` and the limits per source. The module never reads an address on its own, because behind a proxy
   * all callers have the same one. Default: sources are unknown and not limited. Called on cache misses and sign-ins.
   */
  sourceOf?(request: object): string | undefined;
}

/** The rate of calls to an identity provider. */
export interface RateSettings {
  /** Calls a second, 1 to 1,000,000. */
  perSecond: number;
  /** Number of calls at once after a pause, 1 to 1,000,000. Default: {@link perSecond}. */
  burst?: number;
}

/** Settings of the circuit breaker for an identity provider that does not answer. */
export interface CircuitSettings {
  /**
   * Minimum number of requests within 5 seconds before the circuit may open, 5 or more; it opens when 90 % of them have
   * no answer. With a small number, chance opens it while fewer fail. Default 20.
   */
  openAfter?: number;
  /**
   * Longest pause between two probes, in milliseconds, up to 60,000. The first pause is one second, or this value if it
   * is shorter; it doubles with each failed probe. Default 1,000: one probe per second.
   */
  maxPauseMs?: number;
}

/**
 * A hook against floods of random tokens that would use up the studio's quota at the identity system. `isPlausible`:
 * the token is a well-formed JWS for our client that has not expired, as far as its unverified text shows. A promise
 * may take `timeoutMs`; one that takes longer or rejects counts as a refusal.
 */
export type VerificationBudget = (question: {
  readonly provider: string;
  readonly tokenType: TokenType;
  /** A plausible token is easy to make: do not decide by this alone. */
  readonly isPlausible: boolean;
  /** This process has accepted the token before. An attacker cannot forge that. */
  readonly known: boolean;
  /** The result of {@link VerificationOptions.sourceOf} for the request; undefined where there is none. */
  readonly source: string | undefined;
}) => boolean | Promise<boolean>;

/**
 * Decides whether an authorization code may be sent to the token endpoint; only `true`, or a promise of it, allows it.
 * `source` is the result of {@link VerificationOptions.sourceOf} for the request.
 */
export type CodeBudget = (question: {
  readonly provider: string;
  readonly source: string | undefined;
}) => boolean | Promise<boolean>;

/** Settings for requests while revocations are not known, and for the time revocations are remembered. */
export interface RevocationOptions {
  /**
   * Answer of guarded routes before all revocations have been read from the store for the first time.
   * `refuse`: 503 with `Retry-After`. `serve`: they answer without knowing revocations. Default `refuse`.
   */
  beforeFirstLoad?: 'refuse' | 'serve';
  /**
   * Answer of guarded routes when the store could not be read for 10 seconds. `serve`: revocations known by then still
   * apply, but a newer ban is not seen. `refuse`: 503 with `Retry-After`. Routes with `allowStale: false` or
   * `maxAgeMs: 0` always refuse. Default `serve`.
   */
  onUnknown?: 'serve' | 'refuse';
  /**
   * Longest lifetime of an access token, in milliseconds: the time for which a sign-out of a user or session is
   * remembered. Default: 24 hours, or longer where accepted tokens live longer; 30 days where tokens state no expiry.
   */
  longestTokenLifeMs?: number;
  /**
   * Where a banned player learns why and until when: 403 `user_banned` with `reasonCode`, `text` and `until`.
   * `everywhere`: at each door, with a token that is good otherwise. `sign_in`: at a sign-in only; elsewhere the token
   * counts as revoked. Default `everywhere`.
   */
  explainBans?: 'everywhere' | 'sign_in';
}

/** A sign-in that {@link OnSignIn} receives. Frozen. */
export interface NowggSignIn {
  /** Id of the grant that the sign-in created. */
  readonly grantId: string;
  readonly principal: NowggPrincipal;
  /** The granted scopes. Absent when they are not known. */
  readonly scopes?: readonly string[];
  /** The verified claims of the id_token. Absent under the conditions of `CodeExchange.idToken`. */
  readonly idToken?: IdTokenClaims;
  /** Whether the code had been exchanged before: the hook may already have been called for this grant. */
  readonly isRepeated: boolean;
}

/**
 * Called after each exchange of a code, and before its caller gets the tokens: at least once for each sign-in, perhaps in
 * several processes, so use `grantId` to recognise a repetition. The caller waits for a promise. A hook that throws or
 * rejects refuses the sign-in: its error goes to the caller, and the new grant is ended.
 *
 * @example
 * ```ts
 * import { ForbiddenException } from '@nestjs/common';
 * import type { OnSignIn } from 'nestjs-nowgg-auth';
 *
 * export const onSignIn: OnSignIn = ({ principal, idToken }) => {
 *   const phone = idToken?.phone_number ?? principal.mobile;
 *   if (phone === undefined) throw new ForbiddenException('a phone number is needed');
 * };
 * ```
 */
export type OnSignIn = (signIn: NowggSignIn) => void | Promise<void>;

/** Settings for storing and refreshing grants. Needed only with a token store. */
export interface TokensOptions {
  /** The first key encrypts; every key can decrypt. Keep a key until `vault status` says that it may be removed. */
  encryptionKeys: readonly EncryptionKey[];
  /** Remaining lifetime below which a token is refreshed in the background, in milliseconds. Default 60,000. */
  refreshMarginMs?: number;
  /**
   * Time that a caller waits for a token call before a retryable error, in milliseconds; the call itself continues.
   * Default 4,000.
   */
  softDeadlineMs?: number;
  /** Longest time for which one process may hold the right to refresh a grant, in milliseconds. Default 8,000. */
  leaseMs?: number;
  /** Time for which a late reply of the token endpoint is still accepted, in milliseconds. Default 60,000. */
  lateReplyMs?: number;
  /**
   * Time for which the same authorization code gives the same grant, in milliseconds. Default 30,000. After the exchange
   * is finished it takes the same `attemptId` or `codeVerifier`; without either, five seconds at most.
   */
  exchangeReplayMs?: number;
  /**
   * Whether tokens in the first version of the encryption format can be decrypted. That version is not bound to
   * provider, user and session version. Default true; set it to false once `vault status` counts none of them.
   */
  openFirstVersion?: boolean;
  /**
   * Minimum time between two refreshes of a grant that a front end forces at `POST refresh`, in milliseconds. Meanwhile
   * it gets the stored token. Calls of the application's own code are not limited. Default 10,000; 0 for no limit.
   */
  forcedRefreshMs?: number;
  /** Maximum number of codes of one client that a process exchanges at a time; further ones wait. Default 64. */
  maxExchangesInFlight?: number;
  /** Maximum number of refreshes of one client at a time in a process; further ones wait. Default 256. */
  maxRefreshesInFlight?: number;
  /**
   * Number of codes that a process sends within a minute while the identity system refuses them; beyond it, one every
   * five seconds. Accepted codes raise the limit. A source that the application names gets a third of it. Default 30.
   */
  refusedCodesPerMinute?: number;
  /** Decides whether a code may be sent; any result but true is a 503. Default: always. */
  codeBudget?: CodeBudget;
  /** Receives each sign-in with the claims of its id_token. Default: none. */
  onSignIn?: OnSignIn;
  /** When session handles end. */
  sessions?: SessionsOptions;
  /**
   * Renews grants that are not used, before the identity system forgets their refresh tokens. Default: none is renewed
   * unless it is used.
   */
  keepAlive?: KeepAliveOptions;
}

/** How idle grants are kept alive. Each renewal is one call to the identity system. */
export interface KeepAliveOptions {
  /**
   * Life of a refresh token that is not used, in milliseconds, by the name of the identity provider: one day to ten years.
   * Default: 30 days for `authgear()`, 14 days after the expiry of the access token for `sami()`, and for every provider
   * the expiry that the identity system states.
   */
  idleMs?: Readonly<Record<string, number>>;
  /** Renewals a second, 0.01 to 1,000, of all processes together: one process at a time renews. Default 2. */
  perSecond?: number;
  /** Time between two looks at all grants, in milliseconds, one minute to one day. Default 3,600,000 (one hour). */
  everyMs?: number;
}

/** {@link KeepAliveOptions} with every value. */
export interface ResolvedKeepAliveOptions extends Readonly<Required<KeepAliveOptions>> {
  /** Whether the application renews by itself. */
  readonly isScheduled: boolean;
}

/**
 * When the handle of a session ends, so that a player who was away for long, or whose handle was copied, has to sign in
 * again. The grant lives on unless {@link endGrant} is set: `getAccessToken` goes on to refresh it.
 */
export interface SessionsOptions {
  /** Time without a use of the handle after which it ends, in milliseconds; false for never. Default 30 days. */
  idleMs?: number | false;
  /** Time after its sign-in at which it ends in any case, in milliseconds; false for never. Default 180 days. */
  absoluteMs?: number | false;
  /** Whether the grant ends as well, as by a sign-out, when its ended handle is presented. Default false. */
  endGrant?: boolean;
  /**
   * Whether the use of a handle hands out the next one. The newest handle and the one before it are good at any time, so
   * front ends that ignore the new one live on; an older one is answered with `401 session_superseded`. Set it to false
   * while processes of a build without it serve beside, which know the first handle of a session only. Default true.
   */
  rotation?: boolean;
  /**
   * Number of sessions that a player may have at a time, 1 to 100; over all processes. A session counts while its access
   * token is unexpired, or its handle was used within the last ten minutes. The others end with the next sign-in. All
   * processes must have the same value. Default: no limit, and no statement for it.
   */
  max?: number;
  /**
   * What a sign-in does when there are {@link max} sessions. `end_oldest`: it ends those that began first; their devices
   * get `401 signed_in_elsewhere`. `refuse`: it is refused with `409 signed_in_elsewhere`. Default `end_oldest`.
   */
  whenFull?: 'end_oldest' | 'refuse';
  /**
   * Which sessions are counted together: those of one client id (`client`), or those of all clients on this database
   * whose provider has the same name (`provider`). Default `client`.
   */
  per?: 'client' | 'provider';
  /**
   * Whether session handles are bound to a key of the client, so that a stolen handle is of no use without it. `offered`: a
   * sign-in with a proof of a key begins a bound session, and one without begins a session as ever. `required`: a sign-in
   * without a proof is refused; not together with the routes of `NowggOAuth2Module`, because a navigation carries no
   * proof. `off`: proofs are ignored at a sign-in. A session that began bound stays bound, whatever this says later.
   * Default `offered` where a public URL is known, else `off`.
   */
  binding?: 'off' | 'offered' | 'required';
  /**
   * The address of this API as clients know it, such as `https://api.example.com`, with a path where a proxy removes one;
   * or several. Proofs are made for it and the path of the request. For routes of your own, and for options that come from
   * a factory. Default: `publicUrl` of the option `routes`; not together with that.
   */
  publicUrl?: string | readonly string[];
  /**
   * Whether the name of a device and the place of a sign-in are stored with its session, for the list of sessions.
   * Default true.
   */
  devices?: boolean;
  /**
   * Returns the place of a sign-in for the list of sessions, such as the country that your proxy put into a header. Called
   * by the ready-made routes and the callback of the authorization flow; after an error, or for anything but a text,
   * none is stored. This module looks no address up. Default: none.
   *
   * @example
   * ```ts
   * import type { IncomingMessage } from 'node:http';
   * import type { SessionsOptions } from 'nestjs-nowgg-auth';
   *
   * export const sessions: SessionsOptions = {
   *   placeOf: (request) => (request as IncomingMessage).headers['cf-ipcountry']?.toString(),
   * };
   * ```
   */
  placeOf?(request: object): string | undefined;
}

/** {@link SessionsOptions} with every value; without `max` there is no limit. */
export interface ResolvedSessionsOptions
  extends Readonly<Required<Omit<SessionsOptions, 'max' | 'placeOf' | 'publicUrl'>>> {
  /** Empty where none is known. */
  readonly publicUrls: readonly string[];
  readonly max?: number | undefined;
  readonly placeOf?: SessionsOptions['placeOf'];
}

/** {@link TokensOptions} with every value. */
export interface ResolvedTokensOptions
  extends Readonly<Required<Omit<TokensOptions, 'codeBudget' | 'onSignIn' | 'sessions' | 'keepAlive'>>> {
  readonly keepAlive: ResolvedKeepAliveOptions;
  readonly sessions: ResolvedSessionsOptions;
  readonly codeBudget?: CodeBudget | undefined;
  readonly onSignIn?: OnSignIn | undefined;
}

/**
 * Settings for the end of the process. The token service counts from the first shutdown hook of Nest, so the application
 * must call `enableShutdownHooks()` or `close()`.
 */
export interface ShutdownOptions {
  /**
   * Time for the calls and writes that are in progress, in milliseconds. A call without a reply by then is given up, and
   * the next process that needs the grant repeats it. Must be shorter than the time after which the platform kills the
   * process. Default 25,000.
   */
  graceMs?: number;
  /**
   * Waits for a reply that is on its way for up to `tokens.lateReplyMs` instead, if that is longer. For an identity
   * system that replaces the refresh token at each use and does not accept the old one once more: there, a reply that
   * is not received signs the player out. Default false.
   */
  awaitReplies?: boolean;
}

/** {@link ShutdownOptions} with every value. */
export type ResolvedShutdownOptions = Readonly<Required<ShutdownOptions>>;

/** The parts of a request that have a credential, as Express, Fastify and Node's `IncomingMessage` show them. */
export interface CredentialRequest {
  readonly headers: IncomingHttpHeaders;
  readonly url?: string | undefined;
}

/** Where callers send their token in addition to the `Authorization` header. */
export interface CredentialsOptions {
  /**
   * Returns the token of a request from another place, such as a cookie or another header; undefined when there is none.
   * For routes, the Passport strategy, operations and the handshakes of sockets; not for messages of microservices. A
   * request with a token here and another one in the `Authorization` header is refused with a 400. An error, or a result
   * that is neither a string nor undefined, is a 500.
   *
   * Browsers send a cookie with requests of other sites too. Return one only when the request comes from your own pages,
   * see the page *A token in a cookie*.
   *
   * @example
   * ```ts
   * import { NowggAuthModule } from 'nestjs-nowgg-auth';
   *
   * export const auth = NowggAuthModule.forRoot({
   *   clientId: process.env.NOWGG_CLIENT_ID ?? '',
   *   credentials: { extract: ({ headers }) => headers['x-game-token']?.toString() },
   * });
   * ```
   */
  extract?: (request: CredentialRequest) => string | undefined;
}

/** Settings of the log. */
export interface LoggingOptions {
  /** Least severe lines that are written: `log` (all), `warn` or `error`. Default `log`. */
  level?: NowggLogLevel;
}

/** Options of the module: values only. Wiring (stores, strategy name, guards) is separate, see `NowggAuthModule`. */
export interface NowggAuthOptions {
  /** Client id of the now.gg app; creates an identity provider named `nowgg`. */
  clientId?: string;
  /**
   * Client secret of the now.gg app. Without it only id_tokens can be verified. Several while a secret is replaced, the
   * new one first: the answers of now.gg tell which one is in use.
   */
  clientSecret?: string | readonly [string, ...string[]];
  /** URL of now.gg. Default `https://now.gg`. Plain http only for loopback or with {@link allowInsecureBaseUrl}. */
  baseUrl?: string;
  /** Allows a plain http {@link baseUrl} that is not loopback. Default false: secrets would travel unencrypted. */
  allowInsecureBaseUrl?: boolean;
  /** The `iss` that tokens must carry. Default `https://now.gg`, whatever the {@link baseUrl}. */
  issuer?: string;
  /** More identity providers, used in addition to or instead of the one that {@link clientId} creates. */
  identityProviders?: readonly IdentityProviderDefinition[];
  /** `realm` of the `WWW-Authenticate` challenge. Default `nowgg`. */
  realm?: string;
  credentials?: CredentialsOptions;
  verification?: VerificationOptions;
  revocation?: RevocationOptions;
  tokens?: TokensOptions;
  shutdown?: ShutdownOptions;
  /**
   * Lines that the module writes with Nest's logger under the context `NowggAuth`: one at the start, and one for each
   * change that an operator should know of, at most one a minute and kind. False writes none. Default: all.
   */
  logging?: false | LoggingOptions;
}

/** {@link VerificationOptions} with every value. */
export interface ResolvedVerificationOptions
  extends Readonly<
    Required<
      Omit<VerificationOptions, 'circuit' | 'budget' | 'sourceOf' | 'longestAgeMs' | 'rate' | 'expectedInstances'>
    >
  > {
  /** Undefined: as long as the identity provider suggests, see `Confidence`. */
  readonly longestAgeMs?: number | undefined;
  readonly circuit: Readonly<Required<CircuitSettings>> | false;
  readonly budget: VerificationBudget | undefined;
  readonly sourceOf?: VerificationOptions['sourceOf'];
  readonly rate?: Readonly<Required<RateSettings>> | undefined;
  readonly expectedInstances?: number | undefined;
}

/** {@link RevocationOptions} with every value; an absent `longestTokenLifeMs` is learnt from tokens. */
export interface ResolvedRevocationOptions extends Readonly<Required<Omit<RevocationOptions, 'longestTokenLifeMs'>>> {
  readonly longestTokenLifeMs: number | undefined;
}

/** Every option with its value, for the rest of the module. Frozen, validated, never partial. */
export interface ResolvedNowggAuthOptions {
  readonly identityProviders: readonly IdentityProviderDefinition[];
  readonly realm: string;
  readonly credentials: Readonly<CredentialsOptions>;
  readonly verification: ResolvedVerificationOptions;
  readonly revocation: ResolvedRevocationOptions;
  readonly tokens: ResolvedTokensOptions | undefined;
  readonly shutdown: ResolvedShutdownOptions;
  readonly logging: ResolvedLogging;
  /** 32 bytes, base64, the same in all processes: derived from the first key of the ring; absent without one. */
  readonly sealingKey: string | undefined;
}

/** DI token of {@link ResolvedNowggAuthOptions}. */
export const RESOLVED_OPTIONS = Symbol('nestjs-nowgg-auth:resolved-options');
