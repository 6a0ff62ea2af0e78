type Json = Readonly<Record<string, unknown>>;

const STRING: Json = { type: 'string' };
const TIME: Json = { type: 'string', format: 'date-time' };
const GENERATION: Json = { type: 'integer', description: 'send it with a refresh after this token was refused' };

const user = object(['provider', 'userId', 'tokenType', 'scopes'], {
  provider: STRING,
  userId: STRING,
  tokenType: { type: 'string', enum: ['token', 'id_token'] },
  scopes: { type: 'array', items: STRING },
  expiresAt: TIME,
  issuedAt: TIME,
  authTime: TIME,
  subject: STRING,
  sessionId: STRING,
  tokenId: STRING,
  email: STRING,
  mobile: STRING,
  name: STRING,
  picture: STRING,
  countryCode: STRING,
});
const session = object(['id', 'createdAt', 'lastSeenAt', 'current'], {
  id: { type: 'string', format: 'uuid', description: 'for DELETE of this session; not a credential' },
  device: { type: 'string', description: 'as the device named itself; show it as text' },
  place: STRING,
  createdAt: TIME,
  lastSeenAt: TIME,
  current: { type: 'boolean', description: 'whether the token of the request belongs to it' },
});
const token = { token: STRING, tokenExpiresAt: TIME, generation: GENERATION };

/** The schemas of the ready-made routes, by their names. */
export const readyMadeSchemas: Readonly<Record<string, Json>> = {
  NowggUser: user,
  NowggLogin: object(['token', 'generation', 'session', 'user'], {
    ...token,
    session: STRING,
    bound: { type: 'boolean', enum: [true], description: 'present where the session is bound to the key of the proof' },
    user: { $ref: '#/components/schemas/NowggUser' },
  }),
  NowggSessions: object(['sessions'], { sessions: { type: 'array', items: session } }),
  NowggEndedSessions: object(['ended'], { ended: { type: 'integer' } }),
  NowggRefresh: object(['token', 'generation'], { ...token, session: STRING }),
};

/** Status, description and schema of each ready-made route, by the name of its handler. */
const RESPONSES: Readonly<Record<string, readonly [status: string, description: string, schema?: string]>> = {
  login: ['200', 'signed in', 'NowggLogin'],
  refresh: ['200', 'a token with a fifth of its life or more left', 'NowggRefresh'],
  logout: ['204', 'signed out'],
  me: ['200', 'the caller', 'NowggUser'],
  sessions: ['200', 'the sessions of the caller, newest first', 'NowggSessions'],
  endSession: ['204', 'the session has ended'],
  endOtherSessions: ['200', 'all sessions but the one of this token have ended', 'NowggEndedSessions'],
};

/** The success responses of a ready-made route; undefined for a route of the application. */
export function readyMadeResponses(handler: string): Readonly<Record<string, Json>> | undefined {
  const [, name = ''] = /^NowggRoutesController\.(\w+)$/.exec(handler) ?? [];
  const [status, description, schema] = RESPONSES[name] ?? [];
  if (status === undefined) return undefined;
  const content = schema && { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } };
  return { [status]: { description, ...(content && { content }) } };
}

function object(required: readonly string[], properties: Json): Json {
  return { type: 'object', required, properties };
}
