import type { IdentityProviderDefinition } from '../identity/identity-provider.js';
import type { TokenType } from '../principal.js';

/** A key of the vault's key ring. */
export interface EncryptionKey {
  /** Stands in every ciphertext that this key sealed: 1 to 32 characters of `A-Z a-z 0-9 _ -`. Never reuse an id. */
  id: string;
  /** 32 random bytes, base64. As the first key, one that is plainly not random is refused. */
  key: string;
}

/** How verdicts about tokens are obtained and how long they serve. */
export interface VerificationOptions {
  /** How long a verdict serves without being asked again, milliseconds. Default 30,000; 0 asks on every request. */
  maxAgeMs?: number;
  /** How much longer a verdict may serve while the identity system cannot be asked, milliseconds. Default 300,000. */
  staleIfErrorMs?: number;
  /** Most verdicts kept in memory. Default 100,000. */
  maxEntries?: number;
  /** Most refusals kept in memory, apart from the verdicts. Default 20,000. */
  negativeMaxEntries?: number;
  /** Total time for one question, milliseconds, the body included. Default 3,000. */
  timeoutMs?: number;
  /** Tolerated difference between the clocks, milliseconds: only to refuse early and for a future `iat`. Default 5,000. */
  clockSkewMs?: number;
  /** Kinds of token that routes take unless they say otherwise. Default both. */
  acceptTokenTypes?: readonly TokenType[];
  /** Most questions to one identity provider at a time; further ones are a 503 at once. Default 256. */
  maxInFlight?: number;
  /** When to stop asking an identity provider that does not answer; false never stops. */
  circuit?: CircuitSettings | false;
  /**
   * Believes every refusal of a token or code at once, without a second look and without doubt about the client secret.
   * Only for an application's own tests: `NODE_ENV=production` refuses to boot with it. Default false.
   */
  refusalsAreDefinite?: boolean;
  /** Says whether a question may be asked; anything but true makes it a 503. Default: always. Runs on cache misses only. */
  budget?: VerificationBudget;
  /**
   * Names the source of a request, such as an address or device that the application trusts, for {@link budget},
   * `tokens.codeBudget` and the bounds of one source. The module never takes an address on its own, because behind a
   * proxy all callers have the same. Default: sources are unknown, and none is bounded. Runs on cache misses and sign-ins.
   */
  sourceOf?(request: object): string | undefined;
}

/** When to stop asking an identity provider that does not answer. */
export interface CircuitSettings {
  /**
   * Fewest questions within 5 seconds before asking may stop, 5 or more; it stops when 90 % of them have no answer.
   * Default 5.
   */
  openAfter?: number;
  /**
   * Longest pause between two probes, milliseconds, up to 60,000. The first pause is a second, or this if it is shorter; it
   * doubles with each failed probe. Default 1,000: one probe a second.
   */
  maxPauseMs?: number;
}

/**
 * A hook against floods of random tokens that would spend the studio's quota at the identity system. `isPlausible`: the
 * token is a well-formed JWS for our client that has not expired, as far as can be seen without asking. A promise may take
 * `timeoutMs`; one that takes longer or rejects refuses.
 */
export type VerificationBudget = (question: {
  readonly provider: string;
  readonly tokenType: TokenType;
  /** A token that looks good is easy to make: let this decide nothing alone. */
  readonly isPlausible: boolean;
  /** This process has accepted the token before. No stranger can forge that. */
  readonly known: boolean;
  /** What {@link VerificationOptions.sourceOf} said of the request; undefined where it said nothing. */
  readonly source: string | undefined;
}) => boolean | Promise<boolean>;

/**
 * Says whether an authorization code may be sent to the token endpoint; only `true` does, at once or by a promise.
 * `source` is what {@link VerificationOptions.sourceOf} said of the request.
 */
export type CodeBudget = (question: {
  readonly provider: string;
  readonly source: string | undefined;
}) => boolean | Promise<boolean>;

/** What is refused while revocations are not known, and how long they are remembered. */
export interface RevocationOptions {
  /**
   * What guarded routes answer before everything that is revoked has been read from the store for the first time.
   * `refuse`: 503 with `Retry-After`. `serve`: they answer without it. Default `refuse`.
   */
  beforeFirstLoad?: 'refuse' | 'serve';
  /**
   * What guarded routes answer when the store could not be read for 10 seconds. `serve`: what was known then goes on
   * being refused, but a newer ban is not seen. `refuse`: 503 with `Retry-After`. Routes with `allowStale: false` or
   * `maxAgeMs: 0` always refuse. Default `serve`.
   */
  onUnknown?: 'serve' | 'refuse';
  /**
   * The longest life of an access token, milliseconds: how long a sign-out of a user or session is remembered. Default:
   * 24 hours, or as long as an accepted token was seen to live; 30 days where tokens do not state their end.
   */
  longestTokenLifeMs?: number;
}

/** How grants are kept and refreshed. Needed with a token store only. */
export interface TokensOptions {
  /** The first key encrypts, every key can decrypt. Keep a key until `vault status` says that it may leave the ring. */
  encryptionKeys: readonly EncryptionKey[];
  /** Refresh in the background when less than this is left, milliseconds. Default 60,000. */
  refreshMarginMs?: number;
  /** How long a caller waits for a token call before a retryable error, milliseconds; the call itself goes on. Default 4,000. */
  softDeadlineMs?: number;
  /** How long one process may have a grant's refresh to itself, milliseconds. Default 8,000. */
  leaseMs?: number;
  /** How long a late reply of the token endpoint is still taken, milliseconds. Default 60,000. */
  lateReplyMs?: number;
  /** How long the same authorization code gives the same grant, milliseconds. Default 30,000. */
  exchangeReplayMs?: number;
  /**
   * Whether tokens that are sealed in the first version open. That version is not bound to provider, user and session
   * version. Default true; set it to false once `vault status` counts none of them.
   */
  openFirstVersion?: boolean;
  /**
   * Least time between two refreshes of a grant that a front end forces at `POST refresh`, milliseconds. Meanwhile it
   * gets the stored token. Calls of the application's own code are not limited. Default 10,000; 0 for no limit.
   */
  forcedRefreshMs?: number;
  /** Most codes of one client that are exchanged at a time in a process; further ones wait. Default 64. */
  maxExchangesInFlight?: number;
  /** Most refreshes of one client at a time in a process; further ones wait. Default 256. */
  maxRefreshesInFlight?: number;
  /**
   * How many codes a process sends within a minute while the identity system refuses them; beyond it, one in five
   * seconds. Accepted codes raise the limit. For a source that the application names it is a third of this. Default 30.
   */
  refusedCodesPerMinute?: number;
  /** Says whether a code may be sent; anything but true makes it a 503. Default: always. */
  codeBudget?: CodeBudget;
}

/** {@link TokensOptions} with every value. */
export interface ResolvedTokensOptions extends Readonly<Required<Omit<TokensOptions, 'codeBudget'>>> {
  readonly codeBudget?: CodeBudget | undefined;
}

/** Options of the module: values. Wiring (stores, strategy name, guards) stands beside them, see `NowggAuthModule`. */
export interface NowggAuthOptions {
  /** Client id of the now.gg app; makes an identity provider named `nowgg`. */
  clientId?: string;
  /** Client secret of the now.gg app. Without it only id_tokens can be verified. */
  clientSecret?: string;
  /** Where now.gg answers. Default `https://now.gg`. Plain http only for loopback, or with {@link allowInsecureBaseUrl}. */
  baseUrl?: string;
  /** Allows a plain http {@link baseUrl} that is not loopback. Default false: secrets would travel in the open. */
  allowInsecureBaseUrl?: boolean;
  /** The `iss` that tokens must carry. Default `https://now.gg`, whatever the {@link baseUrl}. */
  issuer?: string;
  /** More identity providers, asked beside or instead of the one that {@link clientId} makes. */
  identityProviders?: readonly IdentityProviderDefinition[];
  /** `realm` of the `WWW-Authenticate` challenge. Default `nowgg`. */
  realm?: string;
  verification?: VerificationOptions;
  revocation?: RevocationOptions;
  tokens?: TokensOptions;
}

/** {@link VerificationOptions} with every value. */
export interface ResolvedVerificationOptions
  extends Readonly<Required<Omit<VerificationOptions, 'circuit' | 'budget' | 'sourceOf'>>> {
  readonly circuit: Readonly<Required<CircuitSettings>> | false;
  readonly budget: VerificationBudget | undefined;
  readonly sourceOf?: VerificationOptions['sourceOf'];
}

/** {@link RevocationOptions} with every value; without `longestTokenLifeMs` it is learnt. */
export interface ResolvedRevocationOptions extends Readonly<Required<Omit<RevocationOptions, 'longestTokenLifeMs'>>> {
  readonly longestTokenLifeMs: number | undefined;
}

/** Every option with its value: what the rest of the module reads. Frozen, validated, never partial. */
export interface ResolvedNowggAuthOptions {
  readonly identityProviders: readonly IdentityProviderDefinition[];
  readonly realm: string;
  readonly verification: ResolvedVerificationOptions;
  readonly revocation: ResolvedRevocationOptions;
  readonly tokens: ResolvedTokensOptions | undefined;
  /** 32 bytes, base64, that all processes have in common: derived from the first key of the ring; absent without one. */
  readonly sealingKey: string | undefined;
}

/** DI token of {@link ResolvedNowggAuthOptions}. */
export const RESOLVED_OPTIONS = Symbol('nestjs-nowgg-auth:resolved-options');
