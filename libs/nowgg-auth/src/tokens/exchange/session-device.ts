import { createHash } from 'node:crypto';

/** What an application or a client says about the device of a sign-in. Nothing of it is verified. */
export interface SessionDeviceOptions {
  /**
   * Name of the device for the list of sessions: the first 64 characters, without control and direction characters. Show
   * it as text, never as markup.
   */
  readonly device?: string | undefined;
  /**
   * An id that the device keeps, of 16 to 128 characters: a new sign-in with the same id replaces its session, see
   * `tokens.sessions`. Only a hash is stored. Any other value counts as absent.
   */
  readonly deviceId?: string | undefined;
  /** Place of the sign-in for the list of sessions, as the application knows it. Bounded like {@link device}. */
  readonly place?: string | undefined;
}

/** The columns of a grant for {@link SessionDeviceOptions}. */
export interface SessionDevice {
  readonly device: string | undefined;
  readonly deviceKey: string | undefined;
  readonly place: string | undefined;
}

const LONGEST = 64;
/** Longer text is not looked at: everything behind is cut in any case. */
const MOST_READ = 512;
/** Control characters, separators of lines, characters without a form, and those that change the direction of text. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\s]+/gu;

export function sessionDevice({ device, deviceId, place }: SessionDeviceOptions): SessionDevice {
  return { device: labelOf(device), deviceKey: keyOf(deviceId), place: labelOf(place) };
}

/** A text that can be shown anywhere; undefined where nothing is left of it. */
export function labelOf(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const plain = text.slice(0, MOST_READ).toWellFormed().replaceAll('\ufffd', ' ').replace(UNSAFE, ' ').trim();
  const label = Array.from(plain).slice(0, LONGEST).join('').trim();
  return label === '' ? undefined : label;
}

function keyOf(deviceId: unknown): string | undefined {
  if (typeof deviceId !== 'string' || deviceId.length < 16 || deviceId.length > 128) return undefined;
  return createHash('sha256').update(`device ${deviceId}`).digest('base64url');
}
