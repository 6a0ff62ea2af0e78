import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { ProofsOfPossession } from '../../identity/proof-of-possession.js';
import type { InvalidReason } from '../../identity/reasons.js';
import { isSecureUrl } from '../../identity/urls.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';

/** Decides whether an access token of one client is valid. */
export interface TokenVerification {
  /** False where the user id is not the `sub` of a token. Default true. */
  readonly namesUserBySubject?: boolean;
  /**
   * The option because of which a token that was just issued to this client is refused, as a fixed sentence. Undefined
   * when no option explains it. Absent: never.
   */
  explain?(token: string, reason: InvalidReason): string | undefined;
  /** Checks proofs of tokens that are bound to a key. Absent: it accepts no such token. */
  readonly proofs?: ProofsOfPossession | undefined;
  /** Verifies a token. `signal` carries the total deadline. Never throws because of an answer or a missing answer. */
  verify(token: string, signal: AbortSignal): Promise<IdentityVerdict>;
}

/** The options of a client that a method may need, before they are resolved. */
export interface MethodRequirements {
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly clientPrivateKey?: unknown;
  readonly issuer?: string;
  readonly endpoints?: { readonly userinfo?: string; readonly jwks?: string; readonly introspection?: string };
  readonly allowInsecure?: boolean;
}

/** A method to verify access tokens: `jwt()`, `userinfo()`, `introspection()`, `tokenInfo()` or `resolver()`. */
export abstract class VerificationMethod<S extends object = object> {
  /** Name of the method. */
  readonly kind: string;
  /**
   * Every setting of the method, with its value; frozen. Verdicts are shared only between processes with equal settings,
   * so a method keeps no setting anywhere else.
   */
  readonly settings: S;
  /** Whether the method can verify JWTs only. */
  abstract readonly jwtOnly: boolean;
  /** Whether the method sends no request for the single token. */
  abstract readonly local: boolean;

  constructor(kind: string, settings: S) {
    this.kind = kind;
    this.settings = Object.freeze(settings);
  }

  /** Faults of these options for this method. The sentences name options, never values. */
  abstract faults(options: MethodRequirements): string[];

  abstract create(client: OAuth2Client): TokenVerification;
}

/** Faults of an address that gets tokens or secrets. */
export function secureUrlFaults(url: unknown, name: string, allowInsecure: unknown): string[] {
  if (isSecureUrl(url, allowInsecure === true)) return [];
  return [`${name} must be https: plain http needs a loopback host or allowInsecure`];
}

export function isVerificationMethod(value: unknown): value is VerificationMethod {
  return value instanceof VerificationMethod;
}
