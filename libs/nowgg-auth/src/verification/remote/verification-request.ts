import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { TokenType } from '../../principal.js';

/** A request to an identity system to verify a token. */
export interface VerificationRequest {
  /** Digest of the token: distinguishes tokens without holding one. */
  readonly digest: string;
  readonly token: string;
  readonly tokenType: TokenType;
  /** Whether the token is a well-formed JWS whose `exp` and `aud` are valid. */
  readonly isPlausible: boolean;
  /** Whether this process has accepted the token before, for {@link player}. */
  readonly known?: boolean;
  readonly player?: string | undefined;
  /** The request's source, as the application names it. */
  readonly source?: string | undefined;
}

/** A result without a verdict. */
export type UnknownVerdict = Extract<IdentityVerdict, { status: 'unknown' }>;

/** The result for a provider that throws: it has not refused the token, and its error may contain what it sent. */
export const NO_ANSWER: UnknownVerdict = Object.freeze({ status: 'unknown', reason: 'invalid_response' });
