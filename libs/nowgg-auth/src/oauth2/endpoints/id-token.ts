import { type CryptoKey, decodeProtectedHeader, type JWSHeaderParameters, type JWTPayload, jwtVerify } from 'jose';
import { type IdTokenClaims, readIdTokenClaims } from '../../identity/id-token-claims.js';
import type { OAuth2Client } from './oauth2-client.js';

/**
 * Verifies the id_token of a reply to a code that came without its authorization response: signature, issuer, audience,
 * authorized party and expiry (OpenID Connect Core section 3.1.3.7), but not the nonce, which only the sender of the code
 * knows.
 *
 * @returns undefined when it is not valid or the keys are not available
 */
export async function verifyIdToken(
  client: OAuth2Client,
  idToken: unknown,
  issuer: string,
  signal: AbortSignal,
): Promise<IdTokenClaims | undefined> {
  if (typeof idToken !== 'string') return undefined;
  try {
    const header = decodeProtectedHeader(idToken) as JWSHeaderParameters;
    // When the header names a key, other keys cannot verify the signature.
    const trial = async (keys: readonly CryptoKey[]) =>
      (await payloadOf(client, idToken, issuer, keys)) ?? (header.kid === undefined ? undefined : 'no signer');
    const search = await client.keys.findAll('reply', header, signal, trial);
    const isVerified = search.status === 'found' && search.value !== 'no signer';
    return isVerified ? readIdTokenClaims(search.value) : undefined;
  } catch {
    return undefined;
  }
}

async function payloadOf(
  { settings, clock, clockSkewMs }: OAuth2Client,
  idToken: string,
  issuer: string,
  keys: readonly CryptoKey[],
): Promise<JWTPayload | undefined> {
  const expected = {
    issuer,
    audience: settings.clientId,
    algorithms: [settings.idTokenAlgorithm],
    currentDate: new Date(clock.now()),
    clockTolerance: clockSkewMs / 1000,
    requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat'],
  };
  for (const key of keys) {
    const payload = await jwtVerify(idToken, key, expected).then(
      (verified) => verified.payload,
      () => undefined,
    );
    if (payload) return isAuthorizedParty(payload, settings.clientId) ? payload : undefined;
  }
  return undefined;
}

/** A token for several audiences must name this client as the authorized party. */
function isAuthorizedParty({ aud, azp }: JWTPayload, clientId: string): boolean {
  return azp === undefined ? !Array.isArray(aud) || aud.length === 1 : azp === clientId;
}
