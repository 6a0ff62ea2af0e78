import type { RoutePosture } from '../audit/posture.js';

type Json = Readonly<Record<string, unknown>>;

/** Name of the schema of error bodies. */
export const ERROR_SCHEMA = 'NowggError';

/** The schema of every error body of this module. */
export const errorSchema: Json = {
  type: 'object',
  required: ['statusCode', 'message', 'errorCode'],
  properties: {
    statusCode: { type: 'integer' },
    message: { type: 'string' },
    errorCode: { type: 'string', description: 'what to react to; see NowggErrorCode of nestjs-nowgg-auth' },
  },
};

const text = (description: string): Json => ({ description, schema: { type: 'string' } });

/** The error responses of a route that reads a token. */
export function errorResponses({ scopes }: RoutePosture): Record<string, Json> {
  const needed = scopes.length > 0 ? `. Needed scopes: ${scopes.join(' ')}` : '';
  return {
    401: response('the token is missing, not valid, expired or revoked', {
      'WWW-Authenticate': text('challenge of RFC 6750'),
    }),
    403: response(`the caller may not do this${needed}`, { 'WWW-Authenticate': text('only where a scope is missing') }),
    503: response('the token could not be verified now; says nothing about the token', {
      'Retry-After': { description: 'seconds, 1 to 60', schema: { type: 'integer' } },
    }),
  };
}

function response(description: string, headers: Json): Json {
  const schema = { $ref: `#/components/schemas/${ERROR_SCHEMA}` };
  return { description, headers, content: { 'application/json': { schema } } };
}
