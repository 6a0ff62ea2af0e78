import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { BackendControls } from '../support/backend-controls.js';
import { ScriptedBackend } from '../support/scripted-backend.js';
import { lifeMs, startMs } from '../support/world.js';
import { startChromium } from '../../support/servers/chromium.js';
import { ask, loaded, openPage } from './browser.js';
import { pageFiles } from './page-files.js';

let browser: Browser;
let context: BrowserContext;
let server: ScriptedBackend;
let backend: BackendControls;

beforeAll(async () => {
  server = await ScriptedBackend.start(pageFiles);
  backend = new BackendControls(server.url);
  browser = await startChromium();
});

afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

beforeEach(async () => {
  await backend.reset(startMs, lifeMs);
  context = await browser.newContext();
});

afterEach(async () => context.close());

const openTab = async (isBound = false) => {
  const tab = await openPage(context, server.url);
  await ask(tab, 'open', server.url, isBound);
  return tab;
};

const openSignedInTabs = async () => {
  const first = await openTab();
  await ask(first, 'login', 'code-of-asha');
  const second = await openTab();
  expect(await ask(second, 'state')).toMatchObject({ sessionState: 'AUTHENTICATED', accessToken: 'token-asha.1' });
  return [first, second] as const;
};

const passTime = async (tabs: readonly Page[], ms: number) => {
  await backend.advance(ms);
  for (const tab of tabs) await ask(tab, 'advance', ms);
};

const refreshCount = async () => (await backend.requests('/auth/refresh')).length;

/** The state of a tab once it is that; the test ends in a time-out when it never is. */
const stateOf = async (tab: Page, state: string) => {
  await tab.waitForFunction(`globalThis.underTest.state().sessionState === '${state}'`);
  return ask(tab, 'state');
};

describe.each([
  ['with Web Locks', true],
  ['without Web Locks', false],
])('two tabs %s', (_what, hasLocks) => {
  beforeEach(async () => {
    const hideLocks = `Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })`;
    if (!hasLocks) await context.addInitScript(hideLocks);
  });

  it('have one refresh between them, expiry after expiry', async () => {
    const tabs = await openSignedInTabs();
    for (let expiries = 1; expiries <= 8; expiries += 1) {
      await passTime(tabs, lifeMs);
      const counts = await Promise.all(tabs.map(async (tab) => ask(tab, 'fetchTimes', 50, '/guarded')));
      expect(counts).toEqual([{ 200: 50 }, { 200: 50 }]);
      expect(await refreshCount()).toBe(expiries);
    }
  });

  it('do not wait for each other when one of them dies in a refresh', async () => {
    const [first, second] = await openSignedInTabs();
    await passTime([first, second], lifeMs);
    await backend.fault({ path: '/auth/refresh', hang: true, times: 1 });
    const abandoned = ask(first, 'fetchTimes', 1, '/guarded').catch(() => {});
    await backend.seen('/auth/refresh');
    await first.close();
    await abandoned;
    const answer = ask(second, 'fetchTimes', 1, '/guarded');
    // A lease outlives its tab, a lock of the browser does not.
    if (!hasLocks) await passTime([second], 12_000);
    expect(await answer).toEqual({ 200: 1 });
  });
});

describe('a tab', () => {
  it('does not wait for ever for one that keeps the lock', async () => {
    const [first, second] = await openSignedInTabs();
    await passTime([first, second], lifeMs);
    await first.evaluate(`new Promise((held) => {
      void navigator.locks.request('nowgg-auth ${server.url}/auth/', () => {
        held();
        return new Promise(() => {});
      });
    })`);
    const answer = ask(second, 'fetchTimes', 3, '/guarded');
    await second.waitForFunction('navigator.locks.query().then(({ pending }) => pending.length === 1)');
    await passTime([second], 11_000);
    expect(await answer).toEqual({ 200: 3 });
    expect(await refreshCount()).toBe(1);
  });

  it('has its session again after a reload', async () => {
    const [first] = await openSignedInTabs();
    await first.reload();
    await loaded(first);
    expect(await ask(first, 'open', server.url)).toBe('AUTHENTICATED');
    expect(await ask(first, 'fetchTimes', 1, '/guarded')).toEqual({ 200: 1 });
  });

  it('learns that the player signed out, and in again, in another tab', async () => {
    const [first, second] = await openSignedInTabs();
    await ask(first, 'logout');
    await stateOf(second, 'NO_SESSION');
    await ask(first, 'login', 'code-of-ravi');
    const { heard } = await stateOf(second, 'AUTHENTICATED');
    expect(heard).toEqual(['AUTHENTICATED FOUND', 'NO_SESSION OTHER_TAB', 'AUTHENTICATED OTHER_TAB']);
  });

  it('learns that the session was ended when another tab does', async () => {
    const [first, second] = await openSignedInTabs();
    await backend.revoke();
    expect(await ask(first, 'fetchTimes', 5, '/guarded')).toEqual({ 401: 5 });
    expect((await stateOf(second, 'NO_SESSION')).heard).toEqual(['AUTHENTICATED FOUND', 'NO_SESSION OTHER_TAB']);
    expect((await ask(first, 'state')).heard).toEqual([
      'NO_SESSION NOT_FOUND',
      'AUTHENTICATED LOGIN',
      'NO_SESSION ENDED',
    ]);
  });

  it('learns that the whole storage was cleared', async () => {
    const [first, second] = await openSignedInTabs();
    await first.evaluate('localStorage.clear()');
    expect(await stateOf(second, 'NO_SESSION')).toMatchObject({ accessToken: undefined });
  });

  it('keeps its session while the machine is offline', async () => {
    const [first, second] = await openSignedInTabs();
    await passTime([first, second], lifeMs);
    await context.setOffline(true);
    expect(await ask(first, 'fetchTimes', 3, '/guarded')).toEqual({ SessionUnavailableError: 3 });
    expect((await ask(first, 'state')).sessionState).toBe('AUTHENTICATED');
    await context.setOffline(false);
    await passTime([first, second], 1_000);
    expect(await ask(first, 'fetchTimes', 3, '/guarded')).toEqual({ 200: 3 });
  });
});

describe('a session that is bound to a key', () => {
  /** What a script in the page finds in IndexedDB, and whether it can read the private key. */
  const lookAtKeys = `new Promise((done) => {
    const opening = indexedDB.open('nowgg-auth');
    opening.onsuccess = () => {
      const reading = opening.result.transaction('keys').objectStore('keys').getAll();
      reading.onsuccess = async () => {
        opening.result.close();
        const seen = reading.result.map(async ({ privateKey }) => {
          const read = await crypto.subtle.exportKey('jwk', privateKey).then(() => 'read out', (error) => error.name);
          return [privateKey.extractable, privateKey.usages.join(), read].join(' ');
        });
        done(await Promise.all(seen));
      };
    };
  })`;
  const forgetKeys = `new Promise((done) => {
    indexedDB.deleteDatabase('nowgg-auth').onsuccess = () => done();
  })`;
  const keysOf = async (path: string) =>
    (await backend.requests(path)).map(({ dpop = '.' }) => {
      const header = Buffer.from(dpop.split('.', 1).join(''), 'base64url').toString();
      return header && (JSON.parse(header) as { jwk: { x: string } }).jwk.x;
    });

  it('has one key in all tabs, which no script can read out, and ends without it', async () => {
    await backend.binding({ mode: 'offered' });
    const first = await openTab(true);
    await ask(first, 'login', 'code-of-asha');
    expect(await first.evaluate(lookAtKeys)).toEqual(['false sign InvalidAccessError']);
    await first.reload();
    await loaded(first);
    expect(await ask(first, 'open', server.url, true)).toBe('AUTHENTICATED');
    const second = await openTab(true);
    for (const tab of [first, second]) {
      await passTime([first, second], lifeMs);
      expect(await ask(tab, 'fetchTimes', 5, '/guarded')).toEqual({ 200: 5 });
    }
    const [key] = await keysOf('/auth/login');
    expect(await keysOf('/auth/refresh')).toEqual([key, key]);

    await second.evaluate(forgetKeys);
    await passTime([first, second], lifeMs);
    expect(await ask(first, 'fetchTimes', 1, '/guarded')).toEqual({ NoSessionError: 1 });
    expect((await ask(first, 'state')).heard.at(-1)).toBe('NO_SESSION ENDED');
    await stateOf(second, 'NO_SESSION');
    await ask(second, 'login', 'code-of-asha');
    await stateOf(first, 'AUTHENTICATED');
    await passTime([first, second], lifeMs);
    expect(await ask(first, 'fetchTimes', 1, '/guarded')).toEqual({ 200: 1 });
    const [, next] = await keysOf('/auth/login');
    expect(next).not.toBe(key);
    expect(await keysOf('/auth/refresh')).toEqual([key, key, '', next]);
  });
});

describe('a page of another origin', () => {
  it('has nothing of the session, and its requests carry none', async () => {
    await openSignedInTabs();
    const stranger = await ScriptedBackend.start(pageFiles);
    try {
      const page = await openPage(context, stranger.url);
      expect(await ask(page, 'open', server.url)).toBe('NO_SESSION');
      expect(await ask(page, 'fetchTimes', 1, `${server.url}/guarded`)).toEqual({ 401: 1 });
      const stolen = `fetch('${server.url}/auth/refresh', { method: 'POST', body: '{}', credentials: 'include' })`;
      expect(await page.evaluate(`${stolen}.then(({ status }) => status, () => 'refused')`)).toBe('refused');
      expect((await backend.requests('/guarded')).at(-1)?.authorization).toBeUndefined();
    } finally {
      await stranger[Symbol.asyncDispose]();
    }
  });

  it('works in memory where the browser denies storage and locks', async () => {
    const host = await openPage(context, server.url);
    await host.setContent(`<iframe sandbox="allow-scripts" src="${server.url}/page"></iframe>`);
    const frame = host.frames().at(-1);
    if (!frame) throw new Error('the frame is missing');
    await frame.waitForURL('**/page');
    await loaded(frame);
    expect(await ask(frame, 'open', server.url)).toBe('NO_SESSION');
    await ask(frame, 'login', 'code-of-asha');
    await backend.advance(lifeMs);
    await ask(frame, 'advance', lifeMs);
    expect(await ask(frame, 'fetchTimes', 10, '/guarded')).toEqual({ 200: 10 });
    expect(await refreshCount()).toBe(1);
  });
});
