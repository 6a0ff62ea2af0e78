import { createHash } from 'node:crypto';
import type { ResolvedSessionsOptions } from '../../options/options.js';

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

/** A request with the headers of its client. */
export interface DeviceRequest {
  /** By their names in lower case. */
  readonly headers?: object | undefined;
}

const LONGEST = 64;
/** Longer text is not looked at: everything behind is cut in any case. */
const MOST_READ = 512;
/** Control characters, separators of lines, characters without a form, and those that change the direction of text. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\s]+/gu;

/** Marks in a `User-Agent`, each before those that it contains as well. */
const BROWSERS = [
  ['Edg', 'Edge'],
  ['OPR/', 'Opera'],
  ['SamsungBrowser/', 'Samsung Internet'],
  ['Firefox/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
] as const;
const SYSTEMS = [
  ['Android', 'Android'],
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Windows', 'Windows'],
  ['Mac OS X', 'macOS'],
  ['CrOS', 'ChromeOS'],
  ['Linux', 'Linux'],
] as const;

/** @param isKept whether names of devices and places are stored */
export function sessionDevice({ device, deviceId, place }: SessionDeviceOptions, isKept: boolean): SessionDevice {
  return {
    device: isKept ? labelOf(device) : undefined,
    deviceKey: keyOf(deviceId),
    place: isKept ? labelOf(place) : undefined,
  };
}

/** What a request says about its device: the given name, else browser and system by `User-Agent`. */
export function deviceOfRequest(
  request: DeviceRequest,
  { device, deviceId }: Pick<SessionDeviceOptions, 'device' | 'deviceId'>,
  { devices, placeOf }: Pick<ResolvedSessionsOptions, 'devices' | 'placeOf'>,
): SessionDeviceOptions {
  if (!devices) return { deviceId };
  return {
    device: labelOf(device) ?? agentOf((request.headers as Record<string, unknown> | undefined)?.['user-agent']),
    deviceId,
    place: placed(request, placeOf),
  };
}

/** A text that can be shown anywhere; undefined where nothing is left of it. */
export function labelOf(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const plain = text.slice(0, MOST_READ).toWellFormed().replaceAll('\ufffd', ' ').replace(UNSAFE, ' ').trim();
  const label = Array.from(plain).slice(0, LONGEST).join('').trim();
  return label === '' ? undefined : label;
}

/** Browser and system, as far as they can be told; else the first product, such as `okhttp/4.12`. */
function agentOf(agent: unknown): string | undefined {
  if (typeof agent !== 'string') return undefined;
  const read = agent.slice(0, MOST_READ);
  const nameIn = (names: typeof BROWSERS | typeof SYSTEMS) => names.find(([mark]) => read.includes(mark))?.[1];
  const [browser, system] = [nameIn(BROWSERS), nameIn(SYSTEMS)];
  if (browser !== undefined && system !== undefined) return `${browser}, ${system}`;
  return browser ?? labelOf(read.split(' ', 1)[0]);
}

function placed(request: object, placeOf: ResolvedSessionsOptions['placeOf']): string | undefined {
  try {
    return labelOf(placeOf?.(request));
  } catch {
    return undefined;
  }
}

function keyOf(deviceId: unknown): string | undefined {
  if (typeof deviceId !== 'string' || deviceId.length < 16 || deviceId.length > 128) return undefined;
  return createHash('sha256').update(`device ${deviceId}`).digest('base64url');
}
