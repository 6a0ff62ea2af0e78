import type { EmulatedAccounts } from '../accounts/emulated-accounts.js';
import type { TokenCheck } from '../accounts/issuing.js';
import type { ResolvedOptions } from '../options.js';
import type { JsonObject } from './fields.js';
import { complainAboutFields } from './fields.js';
import type { Reply } from './reply.js';
import { refuse, refuseRequest, succeed } from './reply.js';

const withoutSecret = ['token_type', 'token', 'client_id'] as const;
/** The secret is required for a token. It is not required for an id_token, and has no effect there. */
const fieldsOf = {
  token: { required: [...withoutSecret, 'client_secret'] },
  id_token: { required: withoutSecret, optional: ['client_secret'] },
};
type FieldName = (typeof withoutSecret)[number] | 'client_secret';

/** `POST /accounts/oauth2/v1/verify-token`. */
export function verifyToken(body: JsonObject, accounts: EmulatedAccounts, options: ResolvedOptions): Reply {
  const complaint = complainAbout(body, options.strict);
  if (complaint !== undefined) return refuseRequest(complaint);
  const check = checkOf(body as Record<FieldName, string>, accounts);
  switch (check.status) {
    case 'valid':
      return succeed('VERIFICATION_SUCCESS', { decodedData: check.claims, msg: 'Token Verification success' });
    case 'expired':
      return refuse(options.refusalStatus, 'EXPIRED_TOKEN', 'Token Expired!');
    case 'invalid':
      return refuse(options.refusalStatus, 'INVALID_TOKEN', 'Token Invalid for given ClientId/ClientSecret');
  }
}

function complainAbout(body: JsonObject, strict: boolean): string | undefined {
  switch (body.token_type) {
    case 'token':
    case 'id_token':
      return complainAboutFields(body, fieldsOf[body.token_type], strict);
    default:
      return Object.hasOwn(body, 'token_type') ? 'token_type must be token or id_token' : 'token_type is missing';
  }
}

function checkOf(
  { token_type, token, client_id, client_secret }: Record<FieldName, string>,
  accounts: EmulatedAccounts,
): TokenCheck<object> {
  if (token_type === 'id_token') return accounts.checkIdToken(token, client_id);
  if (!accounts.isClientSecret(client_id, client_secret)) return { status: 'invalid' };
  return accounts.checkToken(token, client_id);
}
