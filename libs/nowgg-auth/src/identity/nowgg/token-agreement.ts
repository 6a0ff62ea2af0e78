import { ownProperty, readAudience, readTimeClaim } from '../claims.js';
import type { UnverifiedJws } from '../unverified-jws.js';

const COMPARED: Readonly<Record<string, (value: unknown) => unknown>> = {
  userId: (value) => value,
  tokenId: (value) => value,
  sub: (value) => value,
  aud: (value) => readAudience(value)?.toSorted().join('\u0000') ?? value,
  exp: (value) => readTimeClaim(value) ?? value,
};

/**
 * Whether a reply speaks of the token that was sent: of the claims that both sides have, the identifying ones must
 * agree. If not, it is another request's reply (a confused proxy, a desynchronised connection) and must not be believed.
 */
export function agreesWithToken(jws: UnverifiedJws | undefined, claims: Readonly<Record<string, unknown>>): boolean {
  if (!jws) return true;
  return Object.entries(COMPARED).every(([name, normalise]) => {
    const sent = ownProperty(jws.claims, name);
    const answered = ownProperty(claims, name);
    if (sent === undefined || sent === null || answered === undefined || answered === null) return true;
    return normalise(sent) === normalise(answered);
  });
}
