import type { EmulatedAccounts } from '../accounts/emulated-accounts.js';
import type { TokenCheck } from '../accounts/issuing.js';
import type { ResolvedOptions } from '../options.js';
import type { JsonObject } from './fields.js';
import { complainAboutFields } from './fields.js';
import type { Reply } from './reply.js';
import { refuse, refuseRequest, succeed } from './reply.js';

const fieldsOfIdToken = ['token_type', 'token', 'client_id'] as const;
const fieldsOfToken = [...fieldsOfIdToken, 'client_secret'] as const;

/** `POST /accounts/oauth2/v1/verify-token`. */
export function verifyToken(body: JsonObject, accounts: EmulatedAccounts, options: ResolvedOptions): Reply {
  const complaint = complainAbout(body);
  if (complaint !== undefined) return refuseRequest(complaint);
  const check = checkOf(body as Record<(typeof fieldsOfToken)[number], string>, accounts);
  switch (check.status) {
    case 'valid':
      return succeed('VERIFICATION_SUCCESS', { decodedData: check.claims, msg: 'Token Verification success' });
    case 'expired':
      return refuse(options.refusalStatus, 'EXPIRED_TOKEN', 'Token Expired!');
    case 'invalid':
      return refuse(options.refusalStatus, 'INVALID_TOKEN', 'Token Invalid for given ClientId/ClientSecret');
  }
}

function complainAbout(body: JsonObject): string | undefined {
  switch (body.token_type) {
    case 'token':
      return complainAboutFields(body, fieldsOfToken);
    case 'id_token':
      return complainAboutFields(body, fieldsOfIdToken, {
        client_secret: 'client_secret is not sent when an id_token is verified: leave it out',
      });
    default:
      return Object.hasOwn(body, 'token_type') ? 'token_type must be token or id_token' : 'token_type is missing';
  }
}

function checkOf(
  { token_type, token, client_id, client_secret }: Record<(typeof fieldsOfToken)[number], string>,
  accounts: EmulatedAccounts,
): TokenCheck<object> {
  if (token_type === 'id_token') return accounts.checkIdToken(token, client_id);
  if (!accounts.isClientSecret(client_id, client_secret)) return { status: 'invalid' };
  return accounts.checkToken(token, client_id);
}
