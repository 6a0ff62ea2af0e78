import type { ExecutionContext } from '@nestjs/common';
import { type Credential, parseAuthorization } from '../http/credential.js';

const NONE: Credential = { outcome: 'none' };
const MALFORMED: Credential = { outcome: 'malformed' };
const AMBIGUOUS: Credential = { outcome: 'ambiguous' };
const NAMES = ['authorization', 'Authorization'] as const;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the credential of a message where its transport has a place beside the payload: gRPC metadata, the metadata of a
 * TCP or Redis packet (from Nest 12 on), headers of NATS, Kafka and RabbitMQ, user properties of MQTT 5. The payload is
 * never read.
 */
export function readMessageCredential(execution: ExecutionContext): Credential {
  const context: unknown = execution.getArgByIndex(1);
  const found = valuesOf(context).map(credentialOf);
  const [first = NONE, ...more] = found;
  return more.length === 0 ? first : AMBIGUOUS;
}

/** The credential that an application's own function has found. */
export function credentialOf(value: unknown): Credential {
  if (value === undefined || value === null) return NONE;
  const text = Buffer.isBuffer(value) ? value.toString('latin1') : value;
  return typeof text === 'string' ? parseAuthorization(text) : MALFORMED;
}

/** The values of `authorization`; each spelling counts. */
function valuesOf(context: unknown): unknown[] {
  if (!isObject(context)) return [];
  // A Metadata of gRPC: `get` returns all values of a key, in any spelling.
  if (typeof context.getMap === 'function') return listed(call(context, 'get', 'authorization'));
  const headers = call(context, 'getHeaders');
  if (isObject(headers)) return valuesOfHeaders(headers);
  const metadata = call(context, 'getMetadata');
  if (isObject(metadata)) return fieldsNamed(metadata);
  const packet = call(context, 'getPacket');
  if (isObject(packet)) return fieldsNamed(ownField(ownField(packet, 'properties'), 'userProperties'));
  const message = call(context, 'getMessage');
  const headersOfMessage = ownField(message, 'headers') ?? ownField(ownField(message, 'properties'), 'headers');
  return fieldsNamed(headersOfMessage);
}

/** Headers of NATS: `values` returns all values of a key, in its spelling. */
function valuesOfHeaders(headers: Fields): unknown[] {
  if (typeof headers.values !== 'function') return fieldsNamed(headers);
  return NAMES.flatMap((name) => listed(call(headers, 'values', name)));
}

function fieldsNamed(fields: unknown): unknown[] {
  return NAMES.map((name) => ownField(fields, name)).filter((value) => value !== undefined);
}

function ownField(object: unknown, name: string): unknown {
  return isObject(object) && Object.hasOwn(object, name) ? object[name] : undefined;
}

function call(object: Fields, method: string, ...args: string[]): unknown {
  const found = object[method];
  return typeof found === 'function' ? (found as (...args: string[]) => unknown).apply(object, args) : undefined;
}

function listed(values: unknown): unknown[] {
  return Array.isArray(values) ? (values as unknown[]) : [];
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}
