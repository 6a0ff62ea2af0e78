import { hash } from 'node:crypto';

/** A cookie to set or clear; {@link header} is the value of a `Set-Cookie` header. */
export interface AuthorizationCookie {
  readonly name: string;
  readonly value: string;
  readonly header: string;
}

/** A pending sign-in of a browser, read from its cookie. */
export interface SignInUnderWay {
  readonly name: string;
  /** Hash of the state; undefined when this module did not write the value. */
  readonly stateHash: string | undefined;
  readonly sealed: string;
  /** Epoch milliseconds. The browser could change it, but only to its own disadvantage. */
  readonly begunAtMs: number;
  /** Whether there was no proof that a page of this site started the sign-in. */
  readonly isUnproven: boolean;
}

/**
 * Maximum number of pending sign-ins in a browser without proof that a page of this site started them. Their cookies
 * share this many names, so that another site cannot make a browser keep more, even with many concurrent requests.
 */
export const UNPROVEN_SLOTS = 3;

const NAME = 'nowgg-sign-in-';
/** Number of characters of a time in base 36 and of a state's hash. */
const TIME_LENGTH = 9;
const HASH_LENGTH = 22;
/** Prevents neighbouring hosts from setting the cookie. */
const HOST_PREFIX = '__Host-';

/**
 * Creates the cookie of a new sign-in. Each state has its own, so that two tabs do not disturb each other; sign-ins of
 * unproven origin share {@link UNPROVEN_SLOTS} names. Lax, because the callback is a navigation from another site.
 *
 * @param slot for a sign-in of unproven origin
 */
export function authorizationCookie(
  state: string,
  sealed: string,
  options: {
    readonly secure: boolean;
    readonly maxAgeSeconds: number;
    readonly nowMs: number;
    readonly slot: number | undefined;
  },
): AuthorizationCookie {
  const { secure, maxAgeSeconds, nowMs, slot } = options;
  const stateHash = hashOf(state);
  const name = slot === undefined ? cookieName(state, secure) : `${secure ? HOST_PREFIX : ''}${NAME}x${slot}`;
  const begun = nowMs.toString(36).padStart(TIME_LENGTH, '0');
  return cookieOf(name, `${begun}${stateHash}${sealed}`, maxAgeSeconds);
}

/** Name of the cookie of a sign-in that a page of this site started. */
export function cookieName(state: string, secure: boolean): string {
  return `${secure ? HOST_PREFIX : ''}${NAME}${hashOf(state)}`;
}

/** Creates a cookie that clears the one with this name. */
export function clearedCookie(name: string): AuthorizationCookie {
  return cookieOf(name, '', 0);
}

/** Reads all pending sign-ins of a browser from its `Cookie` header. */
export function readSignIns(header: string | undefined): SignInUnderWay[] {
  return (header ?? '').split(';').flatMap((pair) => {
    const text = pair.trim();
    const at = text.indexOf('=');
    const name = text.slice(0, Math.max(at, 0));
    const ending = name.startsWith(HOST_PREFIX) ? name.slice(HOST_PREFIX.length) : name;
    return ending.startsWith(NAME) ? [readSignIn(name, ending.slice(NAME.length), text.slice(at + 1))] : [];
  });
}

/** Finds the sign-in of this state in a `Cookie` header; undefined unless there is exactly one. */
export function findSignIn(header: string | undefined, state: string, secure: boolean): SignInUnderWay | undefined {
  const stateHash = hashOf(state);
  const found = readSignIns(header).filter(
    (each) => each.stateHash === stateHash && each.name.startsWith(HOST_PREFIX) === secure,
  );
  return found.length === 1 ? found[0] : undefined;
}

/** The slot in the name of a sign-in of unproven origin. */
export function slotOf({ name }: SignInUnderWay): number {
  return Number(name.at(-1));
}

function readSignIn(name: string, ending: string, value: string): SignInUnderWay {
  const begun = value.slice(0, TIME_LENGTH);
  const stateHash = value.slice(TIME_LENGTH, TIME_LENGTH + HASH_LENGTH);
  const sealed = value.slice(TIME_LENGTH + HASH_LENGTH);
  const isUnproven = /^x\d$/.test(ending);
  const isOurs = /^[0-9a-z]{9}$/.test(begun) && sealed !== '' && (isUnproven || ending === stateHash);
  return {
    name,
    stateHash: isOurs ? stateHash : undefined,
    sealed,
    begunAtMs: isOurs ? Number.parseInt(begun, 36) : Number.NEGATIVE_INFINITY,
    isUnproven,
  };
}

function cookieOf(name: string, value: string, maxAgeSeconds: number): AuthorizationCookie {
  const secure = name.startsWith(HOST_PREFIX);
  const attributes = ['Path=/', 'HttpOnly', 'SameSite=Lax', `Max-Age=${maxAgeSeconds}`, ...(secure ? ['Secure'] : [])];
  return { name, value, header: [`${name}=${value}`, ...attributes].join('; ') };
}

/** Not secret: the state itself is part of addresses, which logs keep. */
function hashOf(state: string): string {
  return hash('sha256', state, 'base64url').slice(0, HASH_LENGTH);
}
