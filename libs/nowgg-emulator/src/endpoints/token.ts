import type { EmulatedAccounts } from '../accounts/emulated-accounts.js';
import type { ResolvedOptions } from '../options.js';
import type { JsonObject } from './fields.js';
import { complainAboutFields } from './fields.js';
import type { Reply } from './reply.js';
import { formatExpiry, refuse, refuseRequest, succeed } from './reply.js';

/** The only success code of the token endpoint, with its space. */
const tokensIssued = 'REFRESH_TOKEN TOKEN';

const codeFields = ['grant_type', 'code', 'client_id', 'client_secret', 'token_type'] as const;
const refreshFields = ['grant_type', 'refresh_token', 'client_id', 'client_secret', 'token_type'] as const;
/** The table of the API reference lists the two words, its sample and its success code both at once. */
const tokenTypesOfCode = new Set(['refresh_token token', 'token refresh_token', 'refresh_token', 'token']);
const notOfNowgg = 'is not a field of the now.gg token endpoint: leave it out';
const hints = Object.fromEntries(
  ['redirect_uri', 'code_verifier', 'scope', 'state', 'nonce'].map((name) => [name, `${name} ${notOfNowgg}`]),
);

/** `POST /accounts/oauth2/v1/token`. The refusal codes are the emulator's own: the vendor publishes none. */
export function token(body: JsonObject, accounts: EmulatedAccounts, options: ResolvedOptions): Reply {
  switch (body.grant_type) {
    case 'code':
      return exchangeCode(body, accounts, options);
    case 'refresh_token':
      return refresh(body, accounts, options);
    case 'authorization_code':
      return refuseRequest('grant_type must be code: now.gg does not know authorization_code');
    default:
      return refuseRequest(
        Object.hasOwn(body, 'grant_type') ? 'grant_type must be code or refresh_token' : 'grant_type is missing',
      );
  }
}

function exchangeCode(body: JsonObject, accounts: EmulatedAccounts, options: ResolvedOptions): Reply {
  const complaint = complainAboutFields(body, { required: codeFields, hints }, options.strict);
  if (complaint !== undefined) return refuseRequest(complaint);
  const requested = String(body.token_type).split(' ');
  if (!tokenTypesOfCode.has(String(body.token_type)))
    return refuseRequest('token_type must be token, refresh_token or both for grant_type code');
  const { client_id, client_secret, code } = body as Record<(typeof codeFields)[number], string>;
  if (!accounts.isClientSecret(client_id, client_secret)) return refuseClient(options);
  const issued = accounts.redeemCode(code, client_id);
  if (!issued) return refuse(options.refusalStatus, 'INVALID_CODE', 'Code invalid, expired or already used');
  return succeed(tokensIssued, {
    ...(requested.includes('token') && {
      token: issued.token,
      token_expiry: formatExpiry(issued.tokenExpiresAtMs, options.expiryFormat),
    }),
    ...(requested.includes('refresh_token') && {
      refresh_token: issued.refreshToken,
      refresh_token_expiry: formatExpiry(issued.refreshTokenExpiresAtMs, options.expiryFormat),
    }),
  });
}

function refresh(body: JsonObject, accounts: EmulatedAccounts, options: ResolvedOptions): Reply {
  const complaint = complainAboutFields(body, { required: refreshFields, hints }, options.strict);
  if (complaint !== undefined) return refuseRequest(complaint);
  if (body.token_type !== 'token') return refuseRequest('token_type must be token for grant_type refresh_token');
  const { client_id, client_secret, refresh_token } = body as Record<(typeof refreshFields)[number], string>;
  if (!accounts.isClientSecret(client_id, client_secret)) return refuseClient(options);
  const refreshed = accounts.refresh(refresh_token, client_id);
  if (!refreshed) return refuse(options.refusalStatus, 'INVALID_REFRESH_TOKEN', 'Refresh token invalid or expired');
  const { refreshToken, refreshTokenExpiresAtMs } = refreshed;
  return succeed(tokensIssued, {
    token: refreshed.token,
    token_expiry: formatExpiry(refreshed.tokenExpiresAtMs, options.expiryFormat),
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    ...(refreshTokenExpiresAtMs !== undefined && {
      refresh_token_expiry: formatExpiry(refreshTokenExpiresAtMs, options.expiryFormat),
    }),
  });
}

function refuseClient(options: ResolvedOptions): Reply {
  return refuse(options.refusalStatus, 'INVALID_CLIENT', 'Client id or client secret invalid');
}
