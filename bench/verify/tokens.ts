/** The client of the benchmark, with an id long enough for tokens of about 570 characters, as now.gg's are. */
export const client = { clientId: 'bench-game-'.padEnd(116, '0123456789'), clientSecret: 'bench-secret' };

const HEADER = encode({ alg: 'HS256', typ: 'JWT' });
const SIGNATURE_LENGTH = 43;
const YEAR_S = 31_536_000;

let serial = 0;

/**
 * A token with the claims and the length of a now.gg token, different each time, also from those of other processes.
 *
 * @param expiresAtS in seconds of the epoch; default a year from now
 */
export function makeToken(
  userId = `player-${process.pid}-${serial}`,
  expiresAtS = Math.floor(Date.now() / 1000) + YEAR_S,
): string {
  serial += 1;
  const nowS = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'https://now.gg',
    tokenId: `9a8b7c6d-5e4f-4321-8fed-${process.pid}-${serial}`,
    aud: client.clientId,
    sessionId: `c0a8012a-1f5e-4d4b-8f0a-${serial}`,
    userId,
    scope: 'email profile',
    iat: nowS - 60,
    exp: expiresAtS,
  };
  return `${HEADER}.${encode(claims)}.${String(serial).padEnd(SIGNATURE_LENGTH, 'Sg')}`;
}

/** The claims of a token, as its identity system would read them. */
export function claimsIn(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

/** The answer of verify-token to a valid token. */
export function acceptance(token: string): object {
  return { success: true, code: 'VERIFICATION_SUCCESS', decodedData: claimsIn(token), msg: 'ok' };
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
