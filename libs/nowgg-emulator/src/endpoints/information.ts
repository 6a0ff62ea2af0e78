import type { EmulatedAccounts } from '../accounts/emulated-accounts.js';
import type { EmulatedPlayer } from '../accounts/players.js';
import type { EmulatedSession } from '../accounts/sessions.js';
import type { ResolvedOptions } from '../options.js';
import type { Reply } from './reply.js';
import { refuse, refuseRequest, succeed } from './reply.js';

const BEARER = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/;
const BEARER_IN_ANY_CASE = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i;

/** `GET /accounts/users/v1/userinfo`. */
export function userInfo(authorization: readonly string[], accounts: EmulatedAccounts, options: ResolvedOptions) {
  return inform(authorization, accounts, options, (player) => ({ userData: userDataOf(player) }));
}

/** `GET /accounts/users/v1/sessioninfo`. */
export function sessionInfo(authorization: readonly string[], accounts: EmulatedAccounts, options: ResolvedOptions) {
  return inform(authorization, accounts, options, (player, session) => {
    const { sessionData, ...rest } = sessionDataOf(player, session);
    return options.sessionInfoForm === 'table'
      ? { sessionData, ...rest }
      : { sessionData: { ...sessionData, ...rest } };
  });
}

function inform(
  authorization: readonly string[],
  accounts: EmulatedAccounts,
  options: ResolvedOptions,
  payloadOf: (player: EmulatedPlayer, session: EmulatedSession) => Readonly<Record<string, unknown>>,
): Reply {
  const [header] = authorization;
  if (header === undefined || authorization.length > 1)
    return refuseRequest('exactly one Authorization header is needed');
  const bearer = (options.strict ? BEARER : BEARER_IN_ANY_CASE).exec(header)?.[1];
  if (bearer === undefined) return refuseRequest('the Authorization header must read: Bearer <token>');
  const check = accounts.checkToken(bearer);
  if (check.status === 'expired') return refuse(options.refusalStatus, 'EXPIRED_TOKEN', 'Token Expired!');
  const player = check.status === 'valid' ? accounts.players.find(check.claims.userId) : undefined;
  const session = check.status === 'valid' ? accounts.sessions.find(check.claims.sessionId) : undefined;
  if (!player || !session) return refuse(options.refusalStatus, 'INVALID_TOKEN', 'Token Invalid');
  return succeed('USERDATA', payloadOf(player, session));
}

function userDataOf(player: EmulatedPlayer) {
  const { email, mobile, userId, picture, name } = player;
  return { email, mobile, userId, profilePicture: picture, name, ...placeOf(player) };
}

function sessionDataOf(player: EmulatedPlayer, session: EmulatedSession) {
  const { userAgent, ip, locale, deviceData, packageName } = player;
  const lastSessionTimestamp = new Date(session.startedAtMs).toISOString();
  const sessionData = { userAgent, ip, locale, deviceData, geoData: placeOf(player) };
  return { sessionData, lastSessionTimestamp, packageName };
}

function placeOf({ countryCode, country, countryRegionCode, countryRegion, city, postalCode }: EmulatedPlayer) {
  return { countryCode, country, countryRegionCode, countryRegion, city, postalCode };
}
