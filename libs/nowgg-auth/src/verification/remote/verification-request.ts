import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { TokenType } from '../../principal.js';

/** A question to an identity system. */
export interface VerificationRequest {
  /** Digest of the token: tells tokens apart without holding one. */
  readonly digest: string;
  readonly token: string;
  readonly tokenType: TokenType;
  /** A well-formed JWS; its `exp` and `aud` were found good. */
  readonly isPlausible: boolean;
  /** This process has accepted the token before, for {@link player}. */
  readonly known?: boolean;
  readonly player?: string | undefined;
  /** What the application says the request's source is. */
  readonly source?: string | undefined;
}

/** The absence of a verdict. */
export type UnknownVerdict = Extract<IdentityVerdict, { status: 'unknown' }>;

/** Providers answer with values. One that throws has not said no, and its error may carry what it sent. */
export const NO_ANSWER: UnknownVerdict = Object.freeze({ status: 'unknown', reason: 'invalid_response' });
