import type { JsonObject } from '../endpoints/fields.js';
import { isJsonObject } from '../endpoints/fields.js';

/** The four endpoints, named by their last path segment. */
const endpointNames = ['verify-token', 'token', 'userinfo', 'sessioninfo'] as const;
export type EndpointName = (typeof endpointNames)[number];

/** The calls that a fault applies to. */
interface FaultTarget {
  /** The endpoint that is called. Default `*`: all four. */
  endpoint?: EndpointName | '*';
  /** Limits the fault to calls of the token endpoint with this grant type. */
  grantType?: 'code' | 'refresh_token';
  /** Limits the fault to calls that present a code or token of this player. */
  userId?: string;
  /** Only each n-th of these calls: 2 is every second one. Default 1, all of them. */
  every?: number;
  /** Number of calls; without it the fault stays until the faults are cleared or another standing fault replaces it. */
  count?: number;
  /**
   * `before` (default): the request is not carried out. `after`: it is carried out, and the fault affects its reply.
   */
  when?: 'before' | 'after';
}

/** Delays the answer by `ms` of real time, in addition to any other fault of the call. */
export interface LatencyFault extends FaultTarget {
  kind: 'latency';
  ms: number;
}

/** Never answers; the connection stays open. */
export interface HangFault extends FaultTarget {
  kind: 'hang';
}

/** Waits for `releaseHeld()` or `clearFaults()`, in addition to any other fault of the call. */
export interface HoldFault extends FaultTarget {
  kind: 'hold';
}

/** Answers with this status, and with an empty body unless one is given. */
export interface StatusFault extends FaultTarget {
  kind: 'status';
  status: number;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** Default application/json; charset=utf-8. */
  contentType?: string;
}

/** Answers 200 (or `status`) with exactly this text. */
export interface BodyFault extends FaultTarget {
  kind: 'body';
  body: string;
  status?: number;
  /** Default application/json; charset=utf-8. */
  contentType?: string;
}

/** Destroys the connection without a reply. */
export interface ResetFault extends FaultTarget {
  kind: 'reset';
}

/** Carries the request out, sends half of the body and destroys the connection. */
export interface CutFault extends FaultTarget {
  kind: 'cut';
}

/** Carries the request out and sends the body one byte each `intervalMs` (default 1000) of real time. */
export interface DripFault extends FaultTarget {
  kind: 'drip';
  intervalMs?: number;
}

/** Answers 429. */
export interface RateLimitFault extends FaultTarget {
  kind: 'rate-limit';
  /** Value of the `Retry-After` header; when absent, no such header is sent. */
  retryAfter?: string | number;
}

/** A fault of the account service. Never applies to `/_control`. */
export type Fault =
  | LatencyFault
  | HangFault
  | HoldFault
  | StatusFault
  | BodyFault
  | ResetFault
  | CutFault
  | DripFault
  | RateLimitFault;

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === 'string';
const isStatus: Check = (value) => Number.isInteger(value) && (value as number) >= 200 && (value as number) <= 599;
const isDuration: Check = (value) => typeof value === 'number' && value >= 0 && value <= 2 ** 31 - 1;
const isHeaders: Check = (value) => isJsonObject(value) && Object.values(value).every(isText);
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    isText(value) && values.includes(value as string);

const targetFields: Readonly<Record<string, Check>> = {
  kind: isText,
  endpoint: oneOf(...endpointNames, '*'),
  grantType: oneOf('code', 'refresh_token'),
  userId: isText,
  every: (value) => Number.isInteger(value) && (value as number) > 0,
  count: (value) => Number.isInteger(value) && (value as number) > 0,
  when: oneOf('before', 'after'),
};

const ownFields: Readonly<Record<Fault['kind'], Readonly<Record<string, Check>>>> = {
  latency: { ms: isDuration },
  hang: {},
  hold: {},
  status: { status: isStatus, headers: isHeaders, body: isText, contentType: isText },
  body: { body: isText, status: isStatus, contentType: isText },
  reset: {},
  cut: {},
  drip: { intervalMs: isDuration },
  'rate-limit': { retryAfter: (value) => isText(value) || typeof value === 'number' },
};

const requiredFields: Partial<Record<Fault['kind'], string>> = { latency: 'ms', status: 'status', body: 'body' };

/** Checks a fault that came from outside. @throws TypeError that names the unusable field. */
export function parseFault(value: JsonObject): Fault {
  const { kind } = value;
  if (typeof kind !== 'string' || !Object.hasOwn(ownFields, kind))
    throw new TypeError(`kind must be one of: ${Object.keys(ownFields).join(', ')}`);
  const fields = { ...targetFields, ...ownFields[kind as Fault['kind']] };
  const given = Object.entries(value).filter(([, field]) => field !== undefined);
  for (const [name, field] of given) {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!check) throw new TypeError(`a fault of kind ${kind} has no field ${JSON.stringify(name.slice(0, 40))}`);
    if (!check(field)) throw new TypeError(`${name} is not usable for a fault of kind ${kind}`);
  }
  const required = requiredFields[kind as Fault['kind']];
  if (required !== undefined && value[required] === undefined) throw new TypeError(`${required} is missing`);
  return Object.fromEntries(given) as unknown as Fault;
}
