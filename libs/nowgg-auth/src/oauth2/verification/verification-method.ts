import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';

/** Says whether an access token of one client is good. */
export interface TokenVerification {
  /** False where the user id is not the `sub` of a token. Default true. */
  readonly namesUserBySubject?: boolean;
  /** `signal` bears the total deadline. Never throws for what the identity system says or fails to say. */
  verify(token: string, signal: AbortSignal): Promise<IdentityVerdict>;
}

/** The options of a client that a method may need. Not resolved yet. */
export interface MethodRequirements {
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly issuer?: string;
  readonly endpoints?: { readonly userinfo?: string; readonly jwks?: string; readonly introspection?: string };
  readonly allowInsecure?: boolean;
}

/** A way of verifying access tokens: `jwt()`, `userinfo()`, `introspection()`, `tokenInfo()` or `resolver()`. */
export abstract class VerificationMethod<S extends object = object> {
  /** Name of the method. */
  readonly kind: string;
  /**
   * Every setting of the method, with its value; frozen. Verdicts are shared only between processes with equal settings,
   * so a method keeps no setting anywhere else.
   */
  readonly settings: S;
  /** Only JWTs can be verified this way. */
  abstract readonly jwtOnly: boolean;
  /** Asks nobody about the single token. */
  abstract readonly local: boolean;

  constructor(kind: string, settings: S) {
    this.kind = kind;
    this.settings = Object.freeze(settings);
  }

  /** What these options lack for it. Names options, never values. */
  abstract faults(options: MethodRequirements): string[];

  abstract create(client: OAuth2Client): TokenVerification;
}

export function isVerificationMethod(value: unknown): value is VerificationMethod {
  return value instanceof VerificationMethod;
}
