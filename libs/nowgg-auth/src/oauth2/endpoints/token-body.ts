import type { RewriteBody } from './identity-call.js';

interface TokenBodyOptions {
  readonly scopeSeparator: ' ' | ',';
  /** Whether nothing depends on the id_token of the reply: a faulty one then has no effect. */
  readonly ignoresIdToken: boolean;
}

/**
 * Returns a function that converts a token reply to the form of RFC 6749 section 5.1. Known deviations of identity
 * systems: `scope` as a list, no `token_type`, and `null` for a value that is absent. Replies without an access token
 * stay as they are.
 */
export function tokenBody({ scopeSeparator, ignoresIdToken }: TokenBodyOptions): RewriteBody {
  return ({ id_token: idToken, ...body }) => {
    const kept = idToken === undefined || ignoresIdToken ? body : { ...body, id_token: idToken };
    if (typeof body.access_token !== 'string') return kept;
    const { scope, token_type: type, expires_in: expiresIn } = body;
    return {
      ...kept,
      // A token that is bound to a key always has a type (RFC 9449 section 5).
      token_type: type ?? 'bearer',
      expires_in: expiresIn ?? undefined,
      scope: isList(scope) ? scope.join(scopeSeparator) : (scope ?? undefined),
    };
  };
}

function isList(scope: unknown): scope is readonly string[] {
  return Array.isArray(scope) && scope.every((item) => typeof item === 'string');
}
