import type { Backend } from './backend.js';
import { browser, findLocalStorage, type SessionStorageAdapter } from './browser.js';
import type { SessionClock } from './clock.js';
import { digestOf } from './encoding.js';
import { RequestRefusedError, SessionUnavailableError } from './errors.js';
import { isText, type TokenReply } from './session-record.js';
import { randomText, tabLock } from './tab-lock.js';

/** Options of a sign-in that leaves this page and comes back to it. */
export interface SignInUrlOptions {
  /**
   * Page to come back to, without a fragment: a path of the backend's origin or a whole address; the backend has a list
   * of the allowed ones. Default: this page.
   */
  readonly returnTo?: string;
  /** `prompt` of OpenID Connect, such as `login`. */
  readonly prompt?: string;
}

/** A sign-in that a page of this origin has begun. */
interface Attempt {
  readonly challenge: string;
  readonly verifier: string;
  readonly begunAt: number;
}

/** What the fragment of the page's address says about a sign-in. */
interface WayBack {
  readonly challenge: string;
  readonly handoff: string | null;
  readonly error: string | null;
}

/** Ten minutes for the sign-in and one for the handoff. */
const longestMs = 660_000;
const mostAttempts = 5;

/**
 * The sign-in of a page: out to the identity system, and back with a handoff in the fragment.
 * @param waitMs time to wait for another tab that begins or ends a sign-in
 */
export function pageSignIn(
  key: string,
  routes: URL,
  shared: SessionStorageAdapter | undefined,
  backend: Backend,
  waitMs: number,
  clock: SessionClock,
) {
  const name = `${key} sign-ins`;
  // Not in memory: the page is gone while the player signs in, and may come back in another tab.
  const storage = shared ?? findLocalStorage();
  const lock = tabLock(name, storage, waitMs, clock);
  let way: WayBack | undefined;
  let flight: Promise<unknown> | undefined;

  const read = async () => readAttempts((await storage?.getItem(name)) ?? null, clock.now());
  const change = async (next: (list: readonly Attempt[]) => readonly Attempt[]) =>
    lock(async () => storage?.setItem(name, JSON.stringify(next(await read()))));

  const redeem = async <T>({ challenge, handoff, error }: WayBack, finish: (reply: TokenReply) => Promise<T>) => {
    const attempt = (await read()).find((known) => known.challenge === challenge);
    const forget = async () => {
      way = undefined;
      // A storage that cannot forget it now drops it by its age.
      if (attempt) await change((list) => list.filter((each) => each.challenge !== challenge)).catch(() => {});
    };
    try {
      // Nothing is sent for an address that another site or another browser has made.
      if (!attempt || !handoff) throw new RequestRefusedError(400, (attempt && error) || 'invalid_grant');
      const result = await finish(await backend.postForToken('handoff', { handoff, verifier: attempt.verifier }));
      await forget();
      return result;
    } catch (failure) {
      if (!(failure instanceof SessionUnavailableError)) await forget();
      throw failure;
    }
  };

  return {
    async url(provider: string, { returnTo = thisPage(routes), prompt }: SignInUrlOptions = {}) {
      if (!storage) throw new TypeError('a sign-in needs a storage');
      const verifier = randomText(9);
      const challenge = await digestOf(verifier);
      const attempt = { challenge, verifier, begunAt: clock.now() };
      await change((list) => [...list, attempt].slice(-mostAttempts));
      const url = new URL(`${encodeURIComponent(provider)}/authorize`, routes);
      url.search = new URLSearchParams({ returnTo, challenge, ...(prompt && { prompt }) }).toString();
      return url.href;
    },
    /**
     * All callers share one request.
     * @returns the result of `finish`; `undefined` when this page does not come from a sign-in
     */
    async complete<T>(finish: (reply: TokenReply) => Promise<T>): Promise<T | undefined> {
      way = takeWayBack() ?? way;
      if (way)
        flight ??= redeem(way, finish).finally(() => {
          flight = undefined;
        });
      return flight as Promise<T> | undefined;
    },
  };
}

/** Reads the fragment and removes it from the address bar and the history at once. */
function takeWayBack(): WayBack | undefined {
  const { location, history } = browser;
  const values = new URLSearchParams(location?.hash?.slice(1));
  const get = (name: string) => values.get(`nowgg-${name}`);
  const challenge = get('challenge');
  if (!challenge) return undefined;
  history?.replaceState(history.state, '', `${location?.pathname}${location?.search}`);
  return { challenge, handoff: get('handoff'), error: get('error') };
}

function thisPage(routes: URL): string {
  const { origin, pathname, search } = new URL(browser.location?.href ?? routes);
  return `${origin === routes.origin ? '' : origin}${pathname}${search}`;
}

function readAttempts(text: string | null, now: number): Attempt[] {
  try {
    const list = JSON.parse(text as string) as Attempt[];
    return list.filter(
      ({ challenge, verifier, begunAt }) =>
        isText(challenge) && isText(verifier) && Math.abs(now - begunAt) < longestMs,
    );
  } catch {
    return [];
  }
}
