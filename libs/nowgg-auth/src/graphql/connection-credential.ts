import { type Credential, parseAuthorization, readCredential } from '../http/credential.js';
import type { GuardedRequest } from '../http/transport.js';

const NONE: Credential = { outcome: 'none' };
const MALFORMED: Credential = { outcome: 'malformed' };
const AMBIGUOUS: Credential = { outcome: 'ambiguous' };
const SPELLINGS = ['authorization', 'Authorization'] as const;

/**
 * Reads the credential of a connection: `authorization` in what the client sent to open it, or in its field `headers`, or
 * the header of the upgrade. More than one credential is ambiguous, the same token twice is not.
 */
export function readConnectionCredential(upgrade: GuardedRequest | undefined, parameters: unknown): Credential {
  const headers = isObject(parameters) && Object.hasOwn(parameters, 'headers') ? parameters.headers : undefined;
  const found = [ofUpgrade(upgrade), ...ofParameters(parameters), ...ofParameters(headers)].filter(
    ({ outcome }) => outcome !== 'none',
  );
  const [first = NONE, ...more] = found;
  return more.every((credential) => isSame(credential, first)) ? first : AMBIGUOUS;
}

/** Removes the credential from everything that shows it to the application. */
export function forgetConnectionCredential(upgrade: GuardedRequest | undefined, parameters: unknown): void {
  const nested = isObject(parameters) && Object.hasOwn(parameters, 'headers') ? parameters.headers : undefined;
  for (const holder of [parameters, nested]) {
    if (isObject(holder)) for (const name of SPELLINGS) Reflect.deleteProperty(holder, name);
  }
  const node = upgrade?.raw ?? upgrade;
  if (node?.headers) Reflect.deleteProperty(node.headers, 'authorization');
  const distinct = (node as { headersDistinct?: object } | undefined)?.headersDistinct;
  if (distinct) Reflect.deleteProperty(distinct, 'authorization');
  const lines = (node?.rawHeaders ?? []) as string[];
  for (let at = lines.length - 2; at >= 0; at -= 2) {
    if (lines[at]?.toLowerCase() === 'authorization') lines.splice(at, 2);
  }
}

/** Mercurius copies what the client sent into `headers`. Only the lines that Node received are of the upgrade. */
function ofUpgrade(upgrade: GuardedRequest | undefined): Credential {
  const rawHeaders = (upgrade?.raw ?? upgrade)?.rawHeaders ?? [];
  const isSent = rawHeaders.some((line, at) => at % 2 === 0 && line.toLowerCase() === 'authorization');
  return upgrade && isSent ? readCredential(upgrade) : NONE;
}

function ofParameters(parameters: unknown): Credential[] {
  if (!isObject(parameters)) return [];
  return SPELLINGS.filter((name) => Object.hasOwn(parameters, name)).map((name) => {
    const value = parameters[name];
    return typeof value === 'string' ? parseAuthorization(value) : MALFORMED;
  });
}

function isSame(one: Credential, other: Credential): boolean {
  return one.outcome === 'token' && other.outcome === 'token' && one.token === other.token;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
