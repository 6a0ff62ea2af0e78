import {
  type CryptoKey,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyOptions,
  type ProtectedHeaderParameters,
} from 'jose';
import { ownProperty, readAudience, readTimeClaim } from '../../identity/claims.js';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { InvalidReason } from '../../identity/reasons.js';
import { boundThumbprint, isBound } from '../../identity/proof-of-possession.js';
import { isOfTheKey, normalType } from '../endpoints/jws-checks.js';
import { MISCONFIGURATIONS } from '../endpoints/misconfiguration.js';
import { decodeUnverifiedJws, isCanonicalJws } from '../../identity/unverified-jws.js';
import { arrayOf, faultsOf, isText, matching, type Rules, TRUE_OR_FALSE, withoutAbsent } from '../../rules.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { withoutTrailingSlash } from '../../identity/urls.js';
import { ownFinding, refusedToken } from './remote-answer.js';
import { factsOf } from './token-facts.js';
import { type DpopOptions, dpopFaults, DpopProofs, dpopSettings } from '../../proofs/dpop.js';
import { isOfApplication } from './token-kind.js';
import { type TokenVerification, VerificationMethod, type MethodRequirements } from './verification-method.js';

export interface JwtVerificationOptions {
  /**
   * The `aud` that an access token must carry: the identifier of this API at the identity system. Set false for a system
   * whose access tokens have none, such as Amazon Cognito: then {@link tokenUse} and {@link sameClient} are needed.
   */
  audience: string | false;
  /** Accepted signature algorithms; asymmetric ones only. Default `['RS256']`. */
  algorithms?: readonly string[];
  /**
   * The `typ` that the header must carry. Default `at+jwt` (RFC 9068), which no id_token has. Set false for a system
   * that does not type its access tokens: then {@link audience} must differ from the client id, because that is the
   * audience of id_tokens.
   */
  typ?: string | false;
  /**
   * Whether the token's `client_id` must be ours. Default true. Set false only where tokens of every client of the
   * identity system may be used here.
   */
  sameClient?: boolean;
  /**
   * The claim that names the client of a token, such as `cid` (Okta) or `appid` (Entra ID, version 1). Default:
   * `client_id`, or `azp` where that is absent.
   */
  clientClaim?: string;
  /**
   * The `token_use` that an access token must carry, such as `access` (Amazon Cognito). With it, {@link audience} may be
   * the client id although {@link typ} is false. Default: not checked.
   */
  tokenUse?: string;
  /**
   * Accepts access tokens that are bound to a key of the client (DPoP, RFC 9449), each with a proof for its request.
   * Default: they are refused.
   */
  dpop?: DpopOptions;
}

type OptionalSetting = 'clientClaim' | 'tokenUse' | 'dpop';

interface Settings
  extends Required<Omit<JwtVerificationOptions, 'algorithms' | OptionalSetting>>,
    Pick<JwtVerificationOptions, OptionalSetting> {
  readonly algorithms: string[];
}

/** Values that the search for the key and the checks of one token share. */
interface Attempt {
  readonly token: string;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  /** Whether the header names a key: then another key set cannot make an invalid signature valid. */
  readonly namesKey: boolean;
}

/** An HMAC algorithm would use the public key as its secret; `none` accepts anything. */
export const isAsymmetric = matching(/^(?:RS|PS|ES)(?:256|384|512)$|^EdDSA$|^Ed25519$/);

const RULES: Rules<keyof JwtVerificationOptions> = {
  audience: [(value) => value === false || isText(value), 'must be a non-empty string, or false', 'required'],
  algorithms: [arrayOf(isAsymmetric, 1), 'must be asymmetric signature algorithms'],
  typ: [(value) => value === false || isText(value), 'must be a name, or false'],
  sameClient: TRUE_OR_FALSE,
  clientClaim: [isText, 'must name a claim'],
  tokenUse: [isText, 'must be a non-empty string'],
  dpop: dpopFaults,
};
/**
 * Required claims in addition to `iss` and `aud`: those of RFC 9068 section 2.2, or without its `typ` only the claims
 * that this module needs. This module checks the texts itself, including their type.
 */
const RFC_9068_CLAIMS = { times: ['exp', 'iat'], texts: ['client_id', 'jti', 'sub'] };
const LEAST_CLAIMS = { times: ['exp'], texts: ['sub'] };

/**
 * Verifies access tokens that are JWTs (RFC 9068) by the issuer's public keys, without a request for the single token:
 * a token that the issuer revoked stays valid until it expires.
 *
 * @example
 * ```ts
 * import { jwt, oauth2 } from 'nestjs-nowgg-auth/oauth2';
 *
 * export const web = oauth2({
 *   name: 'web',
 *   issuer: 'https://id.example.com',
 *   clientId: process.env.OIDC_CLIENT_ID ?? '',
 *   verification: jwt({ audience: 'https://api.example.com', algorithms: ['RS256', 'ES256'] }),
 * });
 * ```
 */
export function jwt(options: JwtVerificationOptions): VerificationMethod {
  return new JwtMethod(options);
}

class JwtMethod extends VerificationMethod<Settings> {
  override readonly jwtOnly = true;
  override readonly local = true;

  constructor(options: JwtVerificationOptions) {
    const { algorithms, ...given } = withoutAbsent(options);
    super('jwt', { typ: 'at+jwt', sameClient: true, ...given, algorithms: Array.from(algorithms ?? ['RS256']) });
  }

  override faults({ clientId, issuer, endpoints }: MethodRequirements): string[] {
    const { audience, sameClient, tokenUse, typ } = this.settings;
    const faults = faultsOf(RULES, this.settings, 'jwt ');
    if (typ === false && audience === clientId && tokenUse === undefined) {
      faults.push('jwt audience must differ from clientId while typ is false: id_tokens would pass');
    }
    if (audience === false && (tokenUse === undefined || !sameClient)) {
      faults.push('jwt audience may be false only with tokenUse and sameClient: tokens for other APIs would pass');
    }
    if (issuer === undefined) faults.push('issuer is needed for jwt');
    if (endpoints && endpoints.jwks === undefined) faults.push('endpoints.jwks is needed for jwt');
    return faults;
  }

  override create(client: OAuth2Client): TokenVerification {
    return new JwtVerification(client, this.settings);
  }
}

class JwtVerification implements TokenVerification {
  readonly proofs: DpopProofs | undefined;
  readonly #client: OAuth2Client;
  readonly #settings: Settings;

  /** Both spellings of the configured issuer; the metadata shows which one is right. */
  readonly #issuers: string[];
  readonly #requiredClaims: string[];
  readonly #textClaims: readonly string[];

  constructor(client: OAuth2Client, settings: Settings) {
    this.#client = client;
    this.#settings = settings;
    const { dpop } = settings;
    this.proofs = dpop && new DpopProofs(dpopSettings(dpop), client.clock, client.clockSkewMs);
    const issuer = withoutTrailingSlash(client.settings.issuer);
    this.#issuers = [issuer, `${issuer}/`];
    const claims = settings.typ === 'at+jwt' ? RFC_9068_CLAIMS : LEAST_CLAIMS;
    this.#requiredClaims = claims.times;
    const { clientClaim } = settings;
    this.#textClaims = claims.texts.map((name) => (name === 'client_id' ? (clientClaim ?? name) : name));
  }

  async verify(token: string, signal: AbortSignal): Promise<IdentityVerdict> {
    // Before any lookup: the library accepts several encodings of a token, and each would count as a separate token.
    if (!isCanonicalJws(token)) return MISSPELLED;
    const header = readHeader(token);
    if (!header) return refusedToken();
    const refusal = this.#headerRefusal(header);
    if (refusal !== undefined) return refusedToken(refusal);
    const attempt: Attempt = { token, nowMs: this.#client.clock.now(), signal, namesKey: header.kid !== undefined };
    const trial = (keys: readonly CryptoKey[]) => this.#tryEach(keys, attempt);
    const search = await this.#client.keys.findAll('token', header, signal, trial);
    if (search.status === 'found') return search.value;
    // Without a key the refusal must not be cached: the key may be published at any moment.
    return search.status === 'none' ? { status: 'invalid', reason: 'invalid_token', isOwnFinding: true } : search;
  }

  explain(token: string): string | undefined {
    const header = readHeader(token);
    if (!header) return 'access tokens are not JWTs: verify them by introspection() or userinfo()';
    if (header.enc !== undefined) return 'access tokens are encrypted, which jwt() does not decrypt';
    const { algorithms, audience, typ } = this.#settings;
    if (!algorithms.includes(String(header.alg))) return 'jwt algorithms lack the algorithm of the access tokens';
    if (typ !== false && !isOfType(header.typ, typ)) return 'jwt typ is not the type of the access tokens';
    const claims = decodeUnverifiedJws(token)?.claims;
    if (!claims) return undefined;
    const isForApi = audience === false || readAudience(claims.aud)?.includes(audience);
    if (!isForApi) return 'jwt audience is not in the aud of the access tokens';
    if (!this.#issuers.includes(String(claims.iss))) return 'issuer is not the iss of the access tokens';
    if (claims.cnf !== undefined) return MISCONFIGURATIONS.boundTokens;
    const missing = [...this.#requiredClaims, ...this.#textClaims].find((name) => claims[name] === undefined);
    if (missing !== undefined) return `access tokens have no ${missing}, which jwt() needs`;
    if (this.#isOtherUse(claims)) return 'jwt tokenUse is not the token_use of the access tokens';
    return this.#isOtherClient(claims)
      ? 'jwt sameClient or clientClaim: the access tokens do not name clientId'
      : undefined;
  }

  /** The verdict with the key that signed this token. Undefined when none did, but a newer key may have. */
  async #tryEach(keys: readonly CryptoKey[], attempt: Attempt): Promise<IdentityVerdict | undefined> {
    const { token, nowMs, signal, namesKey } = attempt;
    const checks = this.#checksAt(nowMs);
    for (const key of keys) {
      try {
        const { payload } = await jwtVerify(token, key, checks);
        return await this.#accept(payload, nowMs, signal);
      } catch (error) {
        if (!isOfTheKey(error)) return refusedToken(reasonOf(error));
      }
    }
    return namesKey ? refusedToken() : undefined;
  }

  #checksAt(nowMs: number): JWTVerifyOptions {
    return {
      algorithms: this.#settings.algorithms,
      issuer: this.#issuers,
      ...(this.#settings.audience !== false && { audience: this.#settings.audience }),
      requiredClaims: this.#requiredClaims,
      currentDate: new Date(nowMs),
      // For `nbf`, when the system's clock is ahead; the expiry is checked again below, without tolerance.
      clockTolerance: this.#client.clockSkewMs / 1000,
    };
  }

  async #accept(claims: JWTPayload, nowMs: number, signal: AbortSignal): Promise<IdentityVerdict> {
    const known = this.#client.knownMetadata();
    if (known) return this.#judge(claims, known.issuer, nowMs);
    const metadata = await this.#client.metadata(signal);
    if (metadata.status === 'failed') return { ...metadata, status: 'unknown' };
    return this.#judge(claims, metadata.value.issuer, this.#client.clock.now());
  }

  #headerRefusal(header: ProtectedHeaderParameters): InvalidReason | undefined {
    const { algorithms, typ } = this.#settings;
    if (typeof header.alg !== 'string' || !algorithms.includes(header.alg)) return 'invalid_token';
    if (header.kid !== undefined && typeof header.kid !== 'string') return 'invalid_token';
    if (header.crit !== undefined) return 'invalid_token';
    return typ === false || isOfType(header.typ, typ) ? undefined : 'wrong_token_type';
  }

  /** Checks the signed claims beyond the checks of the library. */
  #judge(claims: JWTPayload, issuer: string, nowMs: number): IdentityVerdict {
    if (claims.iss !== issuer) return refusedToken();
    const expiresAtMs = readTimeClaim(claims.exp);
    // An impossible time, such as 1e999: the token would never expire, or count as issued before any other.
    if (expiresAtMs === undefined || (claims.iat !== undefined && readTimeClaim(claims.iat) === undefined)) {
      return refusedToken();
    }
    if (expiresAtMs <= nowMs) return refusedToken('expired_token');
    for (const name of this.#textClaims) if (typeof claims[name] !== 'string') return refusedToken();
    // The token is bound to a key (RFC 9449, RFC 8705). Every decision asks for a proof of a key that can be proven.
    if (isBound(claims) && !(this.proofs && boundThumbprint(claims.cnf) !== undefined)) return refusedToken();
    if (this.#isOtherUse(claims)) return refusedToken('wrong_token_type');
    if (this.#isOtherClient(claims)) return refusedToken('wrong_client');
    if (isOfApplication(claims, this.#clientOf(claims))) return refusedToken('wrong_token_type');
    const facts = factsOf(this.#client, claims, { issuer });
    return facts ? { status: 'valid', facts } : refusedToken();
  }

  #isOtherUse(claims: object): boolean {
    const { tokenUse } = this.#settings;
    return tokenUse !== undefined && ownProperty(claims, 'token_use') !== tokenUse;
  }

  #isOtherClient(claims: object): boolean {
    return this.#settings.sameClient && this.#clientOf(claims) !== this.#client.settings.clientId;
  }

  #clientOf(claims: object): unknown {
    const { clientClaim } = this.#settings;
    return clientClaim === undefined
      ? (ownProperty(claims, 'client_id') ?? ownProperty(claims, 'azp'))
      : ownProperty(claims, clientClaim);
  }
}

/** Not cached, so that such texts use no space in the cache of refusals. */
const MISSPELLED = Object.freeze(ownFinding('invalid_token'));

/** Decodes the header. Undefined for a text without a JOSE header. */
function readHeader(token: string): ProtectedHeaderParameters | undefined {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return undefined;
  }
}

function isOfType(value: unknown, expected: string): boolean {
  return value === expected || (typeof value === 'string' && normalType(value) === normalType(expected));
}

function reasonOf(error: unknown): InvalidReason {
  if (error instanceof errors.JWTExpired) return 'expired_token';
  const isAudience = error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud';
  return isAudience && error.reason === 'check_failed' ? 'wrong_client' : 'invalid_token';
}
