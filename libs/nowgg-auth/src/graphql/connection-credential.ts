import { type Credential, isSameToken, parseAuthorization, readCredential } from '../http/credential.js';
import type { GuardedRequest } from '../http/transport.js';
import type { CredentialsOptions } from '../options/options.js';

const NONE: Credential = { outcome: 'none' };
const MALFORMED: Credential = { outcome: 'malformed' };
const AMBIGUOUS: Credential = { outcome: 'ambiguous' };
const SPELLINGS = ['authorization', 'Authorization'] as const;

/**
 * Reads the credential of a connection: `authorization` in what the client sent to open it, or in its field `headers`, or
 * the request of the upgrade. More than one credential is ambiguous, the same token twice is not.
 *
 * @param extract of the application, see the option `credentials`
 * @throws NowggConfigurationError when `extract` fails
 */
export function readConnectionCredential(
  upgrade: GuardedRequest | undefined,
  parameters: unknown,
  extract?: CredentialsOptions['extract'],
): Credential {
  const headers = isObject(parameters) && Object.hasOwn(parameters, 'headers') ? parameters.headers : undefined;
  const found = [ofUpgrade(upgrade, extract), ...ofParameters(parameters), ...ofParameters(headers)].filter(
    ({ outcome }) => outcome !== 'none',
  );
  const [first = NONE, ...more] = found;
  return more.every((credential) => isSameToken(credential, first)) ? first : AMBIGUOUS;
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

/**
 * Mercurius copies what the client sends after the upgrade into `headers`, where a page of another site could pretend to
 * be one of the application's. Only the lines that Node received are of the upgrade.
 */
function ofUpgrade(upgrade: GuardedRequest | undefined, extract: CredentialsOptions['extract']): Credential {
  const node = upgrade?.raw ?? upgrade;
  if (!node) return NONE;
  const { rawHeaders = [], url, originalUrl } = node;
  return readCredential({ headers: headersOf(rawHeaders), rawHeaders, url, originalUrl }, extract);
}

/** The headers as Node shows them: a repeated line is joined to the first. */
function headersOf(rawHeaders: readonly string[]): Record<string, string> {
  const headers = new Map<string, string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const [earlier, value] = [headers.get(name), rawHeaders[at + 1] ?? ''];
    headers.set(name, earlier === undefined ? value : `${earlier}${name === 'cookie' ? '; ' : ', '}${value}`);
  }
  return Object.fromEntries(headers);
}

function ofParameters(parameters: unknown): Credential[] {
  if (!isObject(parameters)) return [];
  return SPELLINGS.filter((name) => Object.hasOwn(parameters, name)).map((name) => {
    const value = parameters[name];
    return typeof value === 'string' ? parseAuthorization(value) : MALFORMED;
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
