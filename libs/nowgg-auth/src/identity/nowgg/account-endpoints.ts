import type { NowggSessionInfo, NowggUserInfo } from '../account-info.js';
import { isIdentifier, isJsonObject, ownProperty, readText } from '../claims.js';
import type { IdentityHttpOutcome, IdentityHttpRequest } from '../identity-http.js';
import type { InfoOutcome } from '../identity-provider.js';
import { readEnvelope } from './envelope.js';
import type { NowggClient } from './verify-token.js';

/** `GET /accounts/users/v1/userinfo` or `…/sessioninfo`, on behalf of the player. */
export function accountRequest(
  client: NowggClient,
  endpoint: 'userinfo' | 'sessioninfo',
  token: string,
  signal: AbortSignal,
): IdentityHttpRequest {
  return {
    purpose: 'account',
    method: 'GET',
    url: `${client.baseUrl}/accounts/users/v1/${endpoint}`,
    headers: { authorization: `Bearer ${token}` },
    signal,
    idempotent: true,
  };
}

/**
 * Reads a `USERDATA` reply; `read` gets the payload and the whole reply, and returns undefined for a payload without its
 * identifier.
 */
export function readAccountReply<T>(
  outcome: IdentityHttpOutcome,
  payloadKey: 'userData' | 'sessionData',
  read: (payload: Record<string, unknown>, reply: Record<string, unknown>) => T | undefined,
): InfoOutcome<T> {
  if (outcome.status === 'failed') return { status: 'unknown', reason: outcome.reason };
  if (outcome.statusCode === 401) return { status: 'refused' };
  const reading = readEnvelope(outcome, 'USERDATA');
  if (reading.kind === 'refusal') return { status: 'refused' };
  if (reading.kind === 'unknown') {
    return { status: 'unknown', reason: reading.reason, retryAfterMs: reading.retryAfterMs };
  }
  const payload = ownProperty(reading.body, payloadKey);
  const info = isJsonObject(payload) ? read(payload, reading.body) : undefined;
  return info ? { status: 'info', info } : { status: 'unknown', reason: 'invalid_response' };
}

/** Reads the account data: strict about `userId`, tolerant about the rest. Some accounts name the picture `avatar`. */
export function readUserInfo(data: Record<string, unknown>): NowggUserInfo | undefined {
  const userId = ownProperty(data, 'userId');
  if (!isIdentifier(userId)) return undefined;
  const { profilePicture, avatar } = texts(data, ['profilePicture', 'avatar']);
  return {
    userId,
    ...texts(data, ['email', 'mobile', 'name']),
    profilePicture: profilePicture ?? avatar,
    ...geoData(data),
  };
}

/**
 * Reads the session data. All fields are descriptive, so each may be absent or malformed. The API reference shows the last
 * two in `sessionData`, and lists them beside `success`.
 */
export function readSessionInfo(data: Record<string, unknown>, reply: Record<string, unknown>): NowggSessionInfo {
  const beside = texts(reply, ['lastSessionTimestamp', 'packageName']);
  const device = ownProperty(data, 'deviceData');
  return {
    ...texts(data, ['userAgent', 'ip', 'locale']),
    deviceData: {
      os: texts(ownProperty(device, 'os'), ['version', 'name', 'platform']),
      device: texts(ownProperty(device, 'device'), ['brand', 'model', 'type']),
      client: texts(ownProperty(device, 'client'), ['version', 'engine', 'name', 'type', 'engineVersion']),
    },
    geoData: geoData(ownProperty(data, 'geoData')),
    lastSessionTimestamp: readText(ownProperty(data, 'lastSessionTimestamp')) ?? beside.lastSessionTimestamp,
    packageName: readText(ownProperty(data, 'packageName')) ?? beside.packageName,
  };
}

function geoData(source: unknown) {
  return texts(source, ['countryCode', 'country', 'countryRegionCode', 'countryRegion', 'city', 'postalCode']);
}

function texts<K extends string>(source: unknown, keys: readonly K[]): Record<K, string | undefined> {
  return Object.fromEntries(keys.map((key) => [key, readText(ownProperty(source, key))])) as Record<
    K,
    string | undefined
  >;
}
