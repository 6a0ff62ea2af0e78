import { createHmac, timingSafeEqual } from 'node:crypto';
import type { KeyRing, SessionKey } from './key-ring.js';

/** What a genuine handle names. Whether the grant still has this session version is for the store to say. */
export interface SessionReference {
  readonly grantId: string;
  readonly sessionVersion: number;
  /** Made under a key that is no longer the first: hand out a new one. */
  readonly outdated: boolean;
}

const NAME_BYTES = 20;
const HANDLE = /^([A-Za-z0-9_-]{27})\.([A-Za-z0-9_-]{43})$/;

/**
 * The handle of a sign-in: grant id and session version, and an HMAC over them. Derived and never stored, so that a
 * dump of the database yields none; the same grant always gets the same one.
 */
export function sessionHandle(ring: KeyRing, grantId: string, sessionVersion: number): string {
  const name = Buffer.alloc(NAME_BYTES);
  Buffer.from(grantId.replaceAll('-', ''), 'hex').copy(name);
  name.writeUInt32BE(sessionVersion, NAME_BYTES - 4);
  return `${name.toString('base64url')}.${authenticator((ring.sessionKeys[0] as SessionKey).key, name).toString('base64url')}`;
}

/** Whether it looks like a handle at all. */
export function isSessionHandleShaped(handle: unknown): handle is string {
  return typeof handle === 'string' && HANDLE.test(handle);
}

/** Reads a handle without any I/O; undefined when no key of the ring made it. */
export function readSessionHandle(ring: KeyRing, handle: string): SessionReference | undefined {
  const [, namePart, macPart] = HANDLE.exec(handle) ?? [];
  if (namePart === undefined || macPart === undefined) return undefined;
  const name = Buffer.from(namePart, 'base64url');
  const mac = Buffer.from(macPart, 'base64url');
  // The last character of either part has bits to spare: only one spelling of a handle is one.
  if (`${name.toString('base64url')}.${mac.toString('base64url')}` !== handle) return undefined;
  const keyIndex = ring.sessionKeys.findIndex(({ key }) => timingSafeEqual(authenticator(key, name), mac));
  if (keyIndex === -1) return undefined;
  const hex = name.toString('hex', 0, NAME_BYTES - 4);
  return {
    grantId: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    sessionVersion: name.readUInt32BE(NAME_BYTES - 4),
    outdated: keyIndex > 0,
  };
}

function authenticator(key: Uint8Array, name: Buffer): Buffer {
  return createHmac('sha256', key).update(name).digest();
}
