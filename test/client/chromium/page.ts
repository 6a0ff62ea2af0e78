import type { SessionClient } from 'nowgg-auth-client';
import { keyBinding } from 'nowgg-auth-client/binding';
import { contract } from '../contract.js';
import { ManualSessionClock, startMs, World } from '../support/world.js';

/** What a test can ask of a page. */
export interface PageUnderTest {
  runFact(chapter: string, fact: string, url: string, otherUrl: string): Promise<void>;
  /** Makes the session client of this tab, kept in `localStorage`, and bound to a key if that is wanted. */
  open(url: string, isBound?: boolean): Promise<string>;
  advance(ms: number): void;
  login(code: string): Promise<void>;
  /** Sends requests at the same time. @returns how often each status, or name of an error, was the answer */
  fetchTimes(count: number, address: string): Promise<Record<string, number>>;
  state(): { sessionState: string; accessToken: string | undefined; heard: string[] };
  logout(): Promise<void>;
}

let world: World;
let tab: SessionClient & { heard: string[] };

const underTest: PageUnderTest = {
  async runFact(chapter, fact, url, otherUrl) {
    const own = new World(url, otherUrl);
    await own.reset();
    try {
      await contract[chapter]?.[fact]?.(own);
    } finally {
      own.close();
    }
  },
  async open(url, isBound) {
    world = new World(url, url);
    world.clock.advance(Number(sessionStorageOf().getItem('aheadMs') ?? 0));
    tab = world.client({ storage: 'localStorage', ...(isBound && { binding: keyBinding() }) });
    return tab.ready;
  },
  advance(ms) {
    world.clock.advance(ms);
    sessionStorageOf().setItem('aheadMs', `${world.clock.now() - new ManualSessionClock(startMs).now()}`);
  },
  async login(code) {
    await tab.login(code);
  },
  async fetchTimes(count, address) {
    const answers = await Promise.all(
      Array.from({ length: count }, async () =>
        tab.fetch(address).then(
          ({ status }) => `${status}`,
          (error: Error) => error.name,
        ),
      ),
    );
    const counts: Record<string, number> = {};
    for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
    return counts;
  },
  state: () => ({ sessionState: tab.sessionState, accessToken: tab.accessToken, heard: tab.heard }),
  async logout() {
    await tab.logout();
  },
};

interface Items {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

function sessionStorageOf(): Items {
  try {
    return (globalThis as unknown as { sessionStorage: Items }).sessionStorage;
  } catch {
    return { getItem: () => null, setItem: () => {} };
  }
}

Object.assign(globalThis, { underTest });
