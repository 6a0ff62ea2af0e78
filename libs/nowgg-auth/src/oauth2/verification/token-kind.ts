import { decodeProtectedHeader } from 'jose';
import { ownProperty } from '../../identity/claims.js';
import { decodeUnverifiedJws } from '../../identity/unverified-jws.js';

/** `token_type` of an access token without a key: RFC 6749 section 7.1, or the kind, which some systems write there. */
const ACCESS_TOKEN_TYPE = /^(?:bearer|access_token)$/i;
/** `typ` of an access token without a key: RFC 9068, RFC 7519 section 5.1, and what Keycloak writes. */
const ACCESS_TYP = /^(?:(?:application\/)?(?:at\+)?jwt|bearer)$/i;
/** `token_use` of an access token: Ory Hydra's and Amazon Cognito's. */
const ACCESS_TOKEN_USE: readonly unknown[] = ['access_token', 'access'];
/** `typ` of a JOSE header that names another kind. Unlike claims, headers have too many spellings for an allow-list. */
const OTHER_HEADER_TYP = /^(?:application\/)?(?:refresh(?:_token)?|rt|offline|id(?:_token)?|logout|dpop)(?:\+jwt)?$/i;

/** The kind of a token according to an introspection answer and the token itself. */
export type TokenKind =
  | 'access'
  /** Another kind: a refresh token, an id_token, a token bound to a key. */
  | 'other'
  /** The answer has no `token_type`, and nothing says that it is another kind. */
  | 'untold';

/**
 * Judges the kind of an active token. RFC 7662 does not define it: systems that introspect refresh tokens mark them by
 * a missing `token_type`, by `token_use` or by `typ`, and some only in the token itself. Unverified content of the
 * token can only refuse it here.
 */
export function tokenKindOf(answer: unknown, token: string, isBound = false): TokenKind {
  if (namesOtherKind(answer) || saysItselfOtherKind(token)) return 'other';
  const tokenType = ownProperty(answer, 'token_type');
  if (tokenType === undefined || tokenType === null) return 'untold';
  if (typeof tokenType !== 'string') return 'other';
  return ACCESS_TOKEN_TYPE.test(tokenType) || (isBound && tokenType.toLowerCase() === 'dpop') ? 'access' : 'other';
}

function namesOtherKind(claims: unknown): boolean {
  const tokenUse = ownProperty(claims, 'token_use');
  const typ = ownProperty(claims, 'typ');
  const hasOtherTyp = typ !== undefined && !(typeof typ === 'string' && ACCESS_TYP.test(typ));
  return hasOtherTyp || (tokenUse !== undefined && !ACCESS_TOKEN_USE.includes(tokenUse));
}

function saysItselfOtherKind(token: string): boolean {
  const jws = decodeUnverifiedJws(token);
  if (!jws) return false;
  const { typ } = decodeProtectedHeader(token);
  return namesOtherKind(jws.claims) || (typeof typ === 'string' && OTHER_HEADER_TYP.test(typ));
}

/**
 * Whether a token was issued to a client for itself (client credentials): then its subject is the client (RFC 9068,
 * section 2.2), or the claim of Auth0 (`gty`) or Entra ID (`idtyp`) says so. It names no user.
 *
 * @param client the client of the token, where the claims name it
 */
export function isOfApplication(claims: unknown, client: unknown): boolean {
  const isItself = typeof client === 'string' && ownProperty(claims, 'sub') === client;
  return isItself || ownProperty(claims, 'gty') === 'client-credentials' || ownProperty(claims, 'idtyp') === 'app';
}
