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
 * Whether a reply is about the token that was sent: the identifying claims that both sides have must agree. Otherwise
 * it is the reply to another request (a faulty proxy, a desynchronised connection) and must not be trusted.
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

/** Whether both sides have the same names, in any order. Compares sets, because the token's list may be long. */
function isSameAudience(sent: unknown, answered: unknown): boolean {
  const [mine, theirs] = [readAudience(sent), readAudience(answered)];
  if (!mine || !theirs) return sent === answered;
  const [inMine, inTheirs] = [new Set(mine), new Set(theirs)];
  return inMine.size === inTheirs.size && mine.every((name) => inTheirs.has(name));
}
