import { createHmac, timingSafeEqual } from 'node:crypto';
import { FIRST_HANDLE_VERSION } from '../store/grant-record.js';
import type { KeyRing, SessionKey } from '../vault/key-ring.js';

/** The client that a session belongs to. The client's secret is not part of it. */
export interface SessionOwner {
  /** Name of the identity provider. */
  readonly provider: string;
  readonly clientKey: string;
}

/** The part of a grant that its handle names or is bound to. */
export interface HandledGrant extends SessionOwner {
  readonly id: string;
  readonly sessionVersion: number;
  readonly handleVersion: number;
}

/** The content of a genuine handle. Only the store knows whether the grant still has this session version. */
export interface SessionReference {
  readonly grantId: string;
  readonly sessionVersion: number;
  /** Counts the handles of a session: the first is 1, and the use of one hands out the next. */
  readonly handleVersion: number;
  /** Id of the ring key under which the handle was made. */
  readonly keyId: string;
  /**
   * The client that the handle is bound to; undefined for a handle of the first form, which is not bound to a client.
   */
  readonly owner: SessionOwner | undefined;
  /** Whether it was made under a key that is no longer the first, or in the first form: hand out a new one. */
  readonly outdated: boolean;
}

const UUID_BYTES = 16;
/** Grant id and session version: the first handle of a session, which builds without rotation read as well. */
const FIRST_NAME_BYTES = 20;
/** The same and the handle version. */
const LATER_NAME_BYTES = 24;
const LENGTH_BYTES = 4;
const HANDLE = /^([A-Za-z0-9_-]{27}|[A-Za-z0-9_-]{32})\.([A-Za-z0-9_-]{43})$/;

/** The last handle of a session: the column of its version holds no greater number. */
export const LAST_HANDLE_VERSION = 2_147_483_647;

/**
 * Makes a handle of a sign-in: grant id, session version and handle version, and an HMAC over them and the client.
 * Derived and never stored, so that a dump of the database contains no handle; the same version always has the same
 * text under the same key.
 */
export function sessionHandle(ring: KeyRing, grant: HandledGrant): string {
  const { id, sessionVersion, handleVersion, provider, clientKey } = grant;
  const name = Buffer.alloc(handleVersion === FIRST_HANDLE_VERSION ? FIRST_NAME_BYTES : LATER_NAME_BYTES);
  Buffer.from(id.replaceAll('-', ''), 'hex').copy(name);
  name.writeUInt32BE(sessionVersion, UUID_BYTES);
  if (!isFirst(name)) name.writeUInt32BE(handleVersion, FIRST_NAME_BYTES);
  const { key } = keysOf(ring, name)[0] as SessionKey;
  return `${name.toString('base64url')}.${authenticator(key, name, { provider, clientKey }).toString('base64url')}`;
}

/** Whether a value has the form of a handle. */
export function isSessionHandleShaped(handle: unknown): handle is string {
  return typeof handle === 'string' && HANDLE.test(handle);
}

/**
 * Reads a handle without any I/O.
 *
 * @param owners the clients of this application
 * @returns undefined when no key of the ring made it for one of these clients
 */
export function readSessionHandle(
  ring: KeyRing,
  handle: string,
  owners: readonly SessionOwner[],
): SessionReference | undefined {
  const [, namePart, macPart] = HANDLE.exec(handle) ?? [];
  if (namePart === undefined || macPart === undefined) return undefined;
  const name = Buffer.from(namePart, 'base64url');
  const mac = Buffer.from(macPart, 'base64url');
  // The last character of either part has unused bits: only one spelling of a handle is accepted.
  if (`${name.toString('base64url')}.${mac.toString('base64url')}` !== handle) return undefined;
  const keys = keysOf(ring, name);
  for (const owner of isFirst(name) ? [...owners, undefined] : owners) {
    const keyIndex = keys.findIndex(({ key }) => timingSafeEqual(authenticator(key, name, owner), mac));
    const made = keys[keyIndex];
    if (!made) continue;
    return { ...readName(name), keyId: made.keyId, owner, outdated: keyIndex > 0 || owner === undefined };
  }
  return undefined;
}

function isFirst(name: Buffer): boolean {
  return name.length === FIRST_NAME_BYTES;
}

/** Other keys for names with a handle version: no HMAC of one form is one of the other. */
function keysOf(ring: KeyRing, name: Buffer): readonly SessionKey[] {
  return isFirst(name) ? ring.sessionKeys : ring.derivedKeys('nestjs-nowgg-auth session handle v2');
}

function readName(name: Buffer): Pick<SessionReference, 'grantId' | 'sessionVersion' | 'handleVersion'> {
  const hex = name.toString('hex', 0, UUID_BYTES);
  return {
    grantId: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    sessionVersion: name.readUInt32BE(UUID_BYTES),
    handleVersion: isFirst(name) ? FIRST_HANDLE_VERSION : name.readUInt32BE(FIRST_NAME_BYTES),
  };
}

/**
 * The HMAC of a handle. The first form covers only the name, which has a fixed length: no owner gives the same bytes.
 */
function authenticator(key: Uint8Array, name: Buffer, owner: SessionOwner | undefined): Buffer {
  const hmac = createHmac('sha256', key).update(name);
  if (owner) {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(Buffer.byteLength(owner.provider));
    hmac.update(length).update(owner.provider).update(owner.clientKey);
  }
  return hmac.digest();
}
