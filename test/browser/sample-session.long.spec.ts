import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { gateOf } from '../support/gate.js';
import { useSample } from '../support/sample/sample-page.js';
import { useBrowser } from './support/watched-browser.js';

const browser = useBrowser();
const sample = useSample();

const state = (page: Page) => page.locator('#session-state').textContent();
const stopPlaying = (page: Page) => page.getByLabel(/Keep calling/).uncheck();
const press = (page: Page, name: string) => page.getByRole('button', { name }).click();

/** A page with a place in the lobby renews its token before the end. */
const withoutLobby = async (context: BrowserContext) => {
  const body = 'export const joinLobby = () => {}, leaveLobby = () => {}, lingerInLobby = () => {};';
  await context.route('**/lobby.js', async (route) => route.fulfill({ contentType: 'text/javascript', body }));
};

describe('a session on the page', () => {
  it('outlives a reload, and is there in a new tab', async () => {
    const context = await browser.newContext();
    const page = await sample.signedIn(context, 'Reloader');
    // The handle is kept with the name of the key that it is bound to.
    expect(await page.evaluate('Object.values(localStorage).join()')).toMatch(/"session":"[\w.-]+#[\w-]{43}"/);
    await page.reload();
    await page.getByRole('heading', { name: 'Reloader' }).waitFor();
    const other = await sample.open(await context.newPage());
    await other.getByRole('heading', { name: 'Reloader' }).waitFor();
    expect([await state(page), await state(other)]).toEqual(['Signed in', 'Signed in']);
  });

  it('has one refresh for two tabs', async () => {
    // On a busy machine a call may be under way when its token of four seconds ends.
    browser.expectFindings(/^console: .* 401 /);
    const context = await browser.newContext();
    sample.emulator.setTokenLifetime(4);
    const refreshes = () => sample.emulator.requestCount({ endpoint: 'token', grantType: 'refresh_token' });
    const before = refreshes();
    const page = await sample.signedIn(context, 'Twice');
    const other = await sample.open(await context.newPage());
    // The next token lives an hour, so that a second refresh could only be another tab's.
    sample.emulator.setTokenLifetime(3_600);
    for (const tab of [page, other]) await tab.getByText('renewed once here').waitFor();
    await Promise.all([press(page, 'Who am I?'), press(other, 'Who am I?')]);
    for (const tab of [page, other]) await tab.getByText('The backend knows you as Twice.').waitFor();
    expect(refreshes() - before).toBe(1);
  });

  it('goes on with a new token after the old one has expired', async () => {
    // Long enough for the page's first calls on a busy machine.
    sample.emulator.setTokenLifetime(6);
    const context = await browser.newContext();
    await withoutLobby(context);
    const page = await sample.signedIn(context, 'Sleeper');
    await stopPlaying(page);
    await page.getByText('expired', { exact: true }).waitFor();
    sample.emulator.setTokenLifetime(3_600);
    await press(page, 'Who am I?');
    await page.getByText('The backend knows you as Sleeper.').waitFor();
    await page.getByText('60 min left').waitFor();
    expect(await state(page)).toBe('Signed in');
  });

  it('gets tokens of another life at the press of a button', async () => {
    browser.expectFindings(/^console: .* 401 /);
    const page = await sample.signedIn(await browser.newContext(), 'Shortly');
    await stopPlaying(page);
    await press(page, 'Tokens of 20 seconds');
    await page.getByText('Tokens live 20 seconds now.').waitFor();
    await page.getByText(/^\d+ s left$/).waitFor();
    await press(page, 'Tokens of an hour');
    await page.getByText('60 min left').waitFor();
    expect(await state(page)).toBe('Signed in');
  });

  it('ends here when support bans the player in another tab, and comes back when they are forgiven', async () => {
    browser.expectFindings(/^console: .* 403 /);
    const context = await browser.newContext();
    const page = await sample.open(await context.newPage());
    const { userId } = await sample.signIn(page, 'Cheater');
    const desk = await sample.openDesk(await context.newPage());
    await press(desk, 'Ban for an hour: Cheater');
    await desk.getByText('Cheater is banned for an hour.').waitFor();
    await page.getByText(/^Your session is over\. You are banned until .+: Cheating\.$/).waitFor();
    expect(await state(page)).toBe('Not signed in');
    expect(await page.evaluate('localStorage.length')).toBe(0);

    await sample.enterCode(page, sample.emulator.issueCode({ userId }));
    await page.getByText(/^You are banned until .+: Cheating\.$/).waitFor();
    await press(desk, 'Forgive: Cheater');
    await desk.getByText('Cheater may play again.').waitFor();
    await sample.enterCode(page, sample.emulator.issueCode({ userId }));
    await page.getByRole('heading', { name: 'Cheater' }).waitFor();
  });

  it('outlives an outage of now.gg: a message, a purchase that waits, and all is well again', async () => {
    browser.expectFindings(/^console: .* 503 /);
    const context = await browser.newContext();
    const page = await sample.signedIn(context, 'Patient');
    const desk = await sample.openDesk(await context.newPage());
    await desk.getByRole('switch').check();
    await desk.getByText('now.gg is down.').waitFor();
    await press(page, 'Buy xp-boost');
    await page.getByRole('alert').getByText('now.gg cannot be asked at the moment. You stay signed in.').waitFor();
    await page.getByText(/Your purchase of xp-boost is kept/).waitFor();
    expect(await state(page)).toBe('Signed in');

    await desk.getByRole('switch').uncheck();
    await desk.getByText('now.gg answers again.').waitFor();
    await page.getByText('You bought xp-boost. Coins left: 380.').waitFor();
    expect(await page.locator('#alerts').textContent()).toBe('');
  });

  it('outlives a reload during an outage: who is remembered plays on', async () => {
    browser.expectFindings(/^console: .* 503 /);
    const page = await sample.signedIn(await browser.newContext(), 'Stayer');
    sample.emulator.setFault({ kind: 'status', status: 503, endpoint: '*' });
    await page.reload();
    await page.getByRole('heading', { name: 'Stayer' }).waitFor();
    await press(page, 'Play a round');
    await page.getByText(/^You scored/).waitFor();
    expect(await state(page)).toBe('Signed in');
  });

  it('ends in all tabs by a sign-out', async () => {
    // The other tab plays on: a call that is under way when the session ends is refused.
    browser.expectFindings(/^console: .* 401 /);
    const context = await browser.newContext();
    const page = await sample.signedIn(context, 'Leaver');
    const other = await sample.open(await context.newPage());
    await press(page, 'Sign out');
    await page.getByText('You are signed out.').waitFor();
    await other.getByText('Your session was ended in another tab.').waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in to play' }).waitFor();
    expect([await state(page), await state(other)]).toEqual(['Not signed in', 'Not signed in']);
  });

  it('is listed with those of other devices, which can be signed out there', async () => {
    // The other devices play on: a call that is under way when the session ends is refused.
    browser.expectFindings(/^console: .* 401 /);
    const page = await sample.open(await (await browser.newContext()).newPage());
    const { userId } = await sample.signIn(page, 'Collector');
    const names = ['<i>TV</i>', 'Phone'];
    const others: Page[] = [];
    for (const name of names) {
      const context = await browser.newContext({ userAgent: name });
      const other = await sample.open(await context.newPage());
      await sample.enterCode(other, sample.emulator.issueCode({ userId }));
      await other.getByRole('heading', { name: 'Collector' }).waitFor();
      others.push(other);
    }
    await page.reload();
    const devices = page.locator('#devices li');
    await devices.nth(2).waitFor();
    expect(await devices.getByText('this device').count()).toBe(1);
    await page.getByText(/^<i>TV<\/i> · since /).waitFor();
    await press(page, 'Sign out on <i>TV</i>');
    await page.getByText('Signed out on <i>TV</i>.').waitFor();
    await others[0]?.getByText('Your session is over: it was ended').waitFor();
    expect(await state(others[1] as Page)).toBe('Signed in');
    await press(page, 'Sign out my other devices');
    await page.getByText('Signed out on 1 other device(s).').waitFor();
    await others[1]?.getByText('Your session is over: it was ended').waitFor();
    expect([await devices.count(), await state(page)]).toEqual([1, 'Signed in']);
    expect(await page.getByRole('button', { name: 'Sign out my other devices' }).count()).toBe(0);
  });

  it('is of no use to a page of another origin', async () => {
    browser.expectFindings(/^console: .*(CORS|ERR_FAILED|frame|400|403|Content.Security)/i);
    const context = await browser.newContext();
    const page = await sample.open(await context.newPage());
    const { userId } = await sample.signIn(page, 'Victim');
    const hostile = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>elsewhere</title>');
    }).listen(0, '127.0.0.1');
    await once(hostile, 'listening');
    try {
      // Another port of the same host: the nearest neighbour that there is.
      const neighbour = await context.newPage();
      await neighbour.goto(`http://127.0.0.1:${(hostile.address() as AddressInfo).port}/`);
      const attempts = await neighbour.evaluate(attack({ url: sample.url, userId }));
      expect(attempts).toEqual({
        storedHere: 0,
        readMe: 'TypeError',
        readDesk: 'TypeError',
        bannedWithJson: 'TypeError',
        bannedBlindly: 'opaque',
        loggedOutBlindly: 'opaque',
        readWindow: 'SecurityError',
        framed: 'SecurityError',
      });
      const forged = neighbour.context().pages().at(-1) as Page;
      await forged.getByRole('heading', { name: 'Victim' }).waitFor();
    } finally {
      hostile.close();
    }
    await press(page, 'Who am I?');
    await page.getByText('The backend knows you as Victim.').waitFor();
    expect(await state(page)).toBe('Signed in');
  });
});

describe('the desk of support', () => {
  it('leaves a switch as it was set when a state from before comes later', async () => {
    const desk = await (await browser.newContext()).newPage();
    const gate = gateOf();
    await desk.route('**/development/desk', async (route) => {
      const response = await route.fetch();
      await gate.opened;
      await route.fulfill({ response });
    });
    await sample.openDesk(desk);
    await desk.getByRole('switch').check();
    await desk.getByText('now.gg is down.').waitFor();
    gate.open();
    const life = desk.getByLabel('Seconds that new tokens live');
    // The first state that the desk draws.
    while ((await life.inputValue()) !== '3600');
    expect(await desk.getByRole('switch').isChecked()).toBe(true);
  });
});

/** Runs in the hostile page: all that it can try with a session of another origin. */
const attack = (parameters: { readonly url: string; readonly userId: string }) => `(async ({ url, userId }) => {
  const outcome = (work) => work().then(({ type }) => type, ({ name }) => name);
  const nameOfFault = (work) => { try { return work(), 'none'; } catch ({ name }) { return name; } };
  const body = JSON.stringify({ provider: 'nowgg', userId });
  const json = { 'content-type': 'application/json' };
  const blindly = { method: 'POST', mode: 'no-cors', credentials: 'include', body };
  const attempts = {
    storedHere: localStorage.length,
    readMe: await outcome(() => fetch(url + '/me', { credentials: 'include' })),
    readDesk: await outcome(() => fetch(url + '/development/desk')),
    bannedWithJson: await outcome(() => fetch(url + '/development/ban', { method: 'POST', headers: json, body })),
    bannedBlindly: await outcome(() => fetch(url + '/development/ban', blindly)),
    loggedOutBlindly: await outcome(() => fetch(url + '/auth/logout', blindly)),
  };
  const frame = document.createElement('iframe');
  frame.src = url;
  document.body.append(frame);
  await new Promise((resolve) => frame.addEventListener('load', resolve));
  attempts.framed = nameOfFault(() => frame.contentWindow.localStorage);
  const other = open(url);
  // Until the page is there the new window is still this one's own.
  do {
    await new Promise((resolve) => setTimeout(resolve, 50));
    attempts.readWindow = nameOfFault(() => other.localStorage);
  } while (attempts.readWindow === 'none');
  other.postMessage({ type: 'nowgg-emulator:code', code: 'forged', state: 'undefined' }, '*');
  return attempts;
})(${JSON.stringify(parameters)})`;
