import { fetchUserInfo, skipSubjectCheck } from 'openid-client';
import { agreesWithToken } from '../../identity/token-agreement.js';
import type { NowggUserInfo } from '../../identity/account-info.js';
import { ownProperty, readText } from '../../identity/claims.js';
import type { InvalidReason } from '../../identity/reasons.js';
import type { IdentityVerdict, InfoOutcome } from '../../identity/identity-provider.js';
import { decodeUnverifiedJws } from '../../identity/unverified-jws.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { factsOf } from './token-facts.js';
import { noAnswer, noAnswerAs, readRefusal, saysInsufficientScope } from './remote-answer.js';
import { type TokenVerification, VerificationMethod, type MethodRequirements } from './verification-method.js';

/** The endpoint refused a token that was issued a moment ago. */
const REFUSED_OWN =
  'userinfo() cannot verify the access tokens of this client: the userinfo endpoint refuses them. Scopes may lack ' +
  'openid, or the tokens are meant for another audience: use jwt() or introspection() then';

/**
 * Verifies an access token by a userinfo request (OpenID Connect Core section 5.3): the identity system's answer is the
 * proof. The answer contains neither the client of the token, nor its scopes, nor its expiry.
 *
 * @example
 * ```ts
 * import { jwt, oauth2, userinfo } from 'nestjs-nowgg-auth/oauth2';
 *
 * export const web = oauth2({
 *   name: 'web',
 *   issuer: 'https://id.example.com',
 *   clientId: process.env.OIDC_CLIENT_ID ?? '',
 *   verification: { jwt: jwt({ audience: 'https://api.example.com' }), opaque: userinfo() },
 * });
 * ```
 */
export function userinfo(): VerificationMethod {
  return new UserinfoMethod();
}

class UserinfoMethod extends VerificationMethod {
  override readonly jwtOnly = false;
  override readonly local = false;

  constructor() {
    super('userinfo', {});
  }

  override faults({ endpoints }: MethodRequirements): string[] {
    return endpoints && endpoints.userinfo === undefined ? ['endpoints.userinfo is needed for userinfo'] : [];
  }

  override create(client: OAuth2Client): TokenVerification {
    const verify: TokenVerification['verify'] = async (token, signal) =>
      verifyByUserinfo(client, token, signal, 'verify');
    const explain = (_token: string, reason: InvalidReason) => (reason === 'invalid_token' ? REFUSED_OWN : undefined);
    return { verify, explain };
  }
}

/** Gets the account of a token's user from the system. */
export async function askForAccount(
  client: OAuth2Client,
  token: string,
  signal: AbortSignal,
): Promise<InfoOutcome<NowggUserInfo>> {
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return { ...metadata, status: 'unknown' };
  if (metadata.value.userinfo_endpoint === undefined) return { status: 'unsupported' };
  const verdict = await verifyByUserinfo(client, token, signal, 'account');
  if (verdict.status === 'invalid') return { status: 'refused' };
  if (verdict.status === 'unknown') return verdict;
  const { userId, email, mobile, name, picture, claims } = verdict.facts;
  const address = ownProperty(claims, 'address');
  const [country, region, city, postalCode] = ['country', 'region', 'locality', 'postal_code'].map((field) =>
    readText(ownProperty(address, field)),
  );
  const person = { userId, email, mobile, name, profilePicture: picture };
  return { status: 'info', info: { ...person, country, countryRegion: region, city, postalCode } };
}

/**
 * Checks whether the userinfo endpoint accepts this text as an access token of this user. A token without the scope
 * that the endpoint needs is an access token nevertheless (RFC 6750 section 3.1).
 *
 * @returns undefined when it does, or when the system has no such endpoint; otherwise the resulting verdict
 */
export async function knowsAccessToken(
  client: OAuth2Client,
  token: string,
  userId: string,
  signal: AbortSignal,
): Promise<IdentityVerdict | undefined> {
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return { ...metadata, status: 'unknown' };
  if (metadata.value.userinfo_endpoint === undefined) return undefined;
  const call = client.call(signal, true);
  try {
    const { sub } = await fetchUserInfo(client.configuration(metadata.value, call), token, skipSubjectCheck);
    return sub === userId ? undefined : call.mismatched();
  } catch (error) {
    return saysInsufficientScope(call, error) ? undefined : readRefusal(call, error);
  }
}

async function verifyByUserinfo(
  client: OAuth2Client,
  token: string,
  signal: AbortSignal,
  purpose: 'verify' | 'account',
): Promise<IdentityVerdict> {
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return { ...metadata, status: 'unknown' };
  const call = client.call(signal, true, undefined, purpose);
  try {
    const claims = await fetchUserInfo(client.configuration(metadata.value, call), token, skipSubjectCheck);
    const facts = factsOf(client, claims, { issuer: metadata.value.issuer, statesScopes: false });
    if (!facts) return noAnswer(call);
    return agreesWithToken(decodeUnverifiedJws(token), { sub: claims.sub })
      ? { status: 'valid', facts }
      : call.mismatched();
  } catch (error) {
    const refusal = readRefusal(call, error);
    return refusal.status === 'unknown' ? noAnswerAs(client, call, 'application/jwt', 'userinfoJwt') : refusal;
  }
}
