import { ownProperty, readAudience, readTimeClaim } from './claims.js';
import type { UnverifiedJws } from './unverified-jws.js';

const isSame = (sent: unknown, answered: unknown) => sent === answered;

const AGREE: Readonly<Record<string, (sent: unknown, answered: unknown) => boolean>> = {
  userId: isSame,
  tokenId: isSame,
  sub: isSame,
  aud: isSameAudience,
  exp: (sent, answered) => (readTimeClaim(sent) ?? sent) === (readTimeClaim(answered) ?? answered),
};

/**
 * Whether a reply speaks of the token that was sent: of the claims that both sides have, the identifying ones must
 * agree. If not, it is another request's reply (a confused proxy, a desynchronised connection) and must not be believed.
 */
export function agreesWithToken(jws: UnverifiedJws | undefined, claims: Readonly<Record<string, unknown>>): boolean {
  if (!jws) return true;
  return Object.entries(AGREE).every(([name, agree]) => {
    const sent = ownProperty(jws.claims, name);
    const answered = ownProperty(claims, name);
    if (sent === undefined || sent === null || answered === undefined || answered === null) return true;
    return agree(sent, answered);
  });
}

/** The same names, in any order. By sets, not by sorting: the token's list may be long. */
function isSameAudience(sent: unknown, answered: unknown): boolean {
  const [mine, theirs] = [readAudience(sent), readAudience(answered)];
  if (!mine || !theirs) return sent === answered;
  const [inMine, inTheirs] = [new Set(mine), new Set(theirs)];
  return inMine.size === inTheirs.size && mine.every((name) => inTheirs.has(name));
}
