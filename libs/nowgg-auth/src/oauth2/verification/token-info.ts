import { isJsonObject, ownProperty, readTimeClaim } from '../../identity/claims.js';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { faultsOf, matching, type Rules, withoutAbsent } from '../../rules.js';
import { readScopes } from '../../identity/scopes.js';
import { factsOf } from './token-facts.js';
import { noAnswer, refusedToken } from './remote-answer.js';
import {
  secureUrlFaults,
  type TokenVerification,
  VerificationMethod,
  type MethodRequirements,
} from './verification-method.js';

/** Names of the fields in the answer, with dots between the levels, such as `data.userId`. */
export interface TokenInfoMap {
  userId: string;
  /** Must contain our client id. Set false only where the answer lacks it and tokens of every client are accepted. */
  clientId: string | false;
  /** Remaining lifetime in seconds. */
  expiresIn?: string;
  /** Text or a list. */
  scopes?: string;
  /** Names the device of a token that belongs to a device. Such a token is refused: it is not a player's. */
  deviceId?: string;
}

export interface TokenInfoOptions {
  /** Absolute URL, called by GET with the token as Bearer. */
  url: string;
  map: TokenInfoMap;
}

const isField = matching(/^[^.]+(?:\.[^.]+)*$/);
const MAP: Rules<keyof TokenInfoMap> = {
  userId: [isField, 'must name a field', 'required'],
  clientId: [(value) => value === false || isField(value), 'must name a field, or be false', 'required'],
  expiresIn: [isField, 'must name a field'],
  scopes: [isField, 'must name a field'],
  deviceId: [isField, 'must name a field'],
};

/**
 * Verifies an access token by a request that is not standardised, to an address that names the user of a token.
 *
 * @example
 * ```ts
 * import { oauth2, tokenInfo } from 'nestjs-nowgg-auth/oauth2';
 *
 * export const devices = oauth2({
 *   name: 'devices',
 *   clientId: process.env.DEVICES_CLIENT_ID ?? '',
 *   endpoints: { token: 'https://accounts.example.com/token' },
 *   verification: tokenInfo({
 *     url: 'https://accounts.example.com/tokeninfo',
 *     map: { userId: 'data.userId', clientId: 'data.clientId', expiresIn: 'data.expiresIn' },
 *   }),
 * });
 * ```
 */
export function tokenInfo(options: TokenInfoOptions): VerificationMethod {
  return new TokenInfoMethod(options);
}

class TokenInfoMethod extends VerificationMethod<TokenInfoOptions> {
  override readonly jwtOnly = false;
  override readonly local = false;

  constructor(options: TokenInfoOptions) {
    const given = withoutAbsent(options);
    super('tokenInfo', { ...given, map: Object.freeze({ ...given.map }) });
  }

  override faults({ allowInsecure }: MethodRequirements): string[] {
    const rules: Rules<keyof TokenInfoOptions> = {
      url: (url, name) => secureUrlFaults(url, name, allowInsecure),
      map: (map, name) => faultsOf(MAP, map, `${name}.`),
    };
    return faultsOf(rules, this.settings, 'tokenInfo ');
  }

  override create(client: OAuth2Client): TokenVerification {
    const verify: TokenVerification['verify'] = (token, signal) =>
      askForTokenInfo(client, token, signal, this.settings);
    return { verify, namesUserBySubject: false };
  }
}

async function askForTokenInfo(
  client: OAuth2Client,
  token: string,
  signal: AbortSignal,
  { url, map }: TokenInfoOptions,
): Promise<IdentityVerdict> {
  const call = client.call(signal, true);
  // The lifetime counts from the request, because the answer may have taken a long time.
  const askedAtMs = client.clock.now();
  const response = await call.ask(url, { authorization: `Bearer ${token}` });
  if (!response) return noAnswer(call);
  if (response.statusCode === 401) return refusedToken();
  const { json } = response;
  const error = ownProperty(json, 'error');
  if (response.statusCode === 400 && (error === 'invalid_token' || error === 'invalid_grant')) return refusedToken();
  if (response.statusCode !== 200 || !isJsonObject(json)) return noAnswer(call);
  const field = (path: string | undefined) => path?.split('.').reduce(ownProperty, json as unknown);
  // A token of a device or of the application is accepted by the system, and is not a player's sign-in.
  if ((field(map.deviceId) ?? null) !== null || field(map.userId) === null) return refusedToken('wrong_token_type');
  const expiresIn = field(map.expiresIn);
  if (expiresIn !== undefined && typeof expiresIn !== 'number') return noAnswer(call);
  if (expiresIn !== undefined && expiresIn <= 0) return refusedToken('expired_token');
  const expiresAtMs = expiresIn === undefined ? undefined : readTimeClaim(askedAtMs / 1000 + expiresIn);
  // An impossible time, such as 1e999 seconds: the token would never expire.
  if (expiresIn !== undefined && expiresAtMs === undefined) return noAnswer(call);
  if (map.clientId !== false) {
    const clientId = field(map.clientId);
    if (typeof clientId !== 'string') return noAnswer(call);
    if (clientId !== client.settings.clientId) return refusedToken('wrong_client');
  }
  const facts = factsOf(client, json, { userId: field(map.userId), expiresAtMs });
  if (!facts) return noAnswer(call);
  const scopes = readScopes(field(map.scopes), client.settings.scopeSeparator);
  const areScopesUnstated = map.scopes === undefined ? true : undefined;
  return { status: 'valid', facts: { ...facts, scopes, areScopesUnstated, subject: undefined } };
}
