import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NowggEmulator } from 'nowgg-emulator';
import { startNowggEmulator } from 'nowgg-emulator';
import type { Page } from 'playwright-core';
import type { OpenerPage } from './support/opener-page.js';
import { startOpenerPage } from './support/opener-page.js';
import { useBrowser } from './support/watched-browser.js';

const browser = useBrowser();
let emulator: NowggEmulator;
let opener: OpenerPage;

beforeAll(async () => {
  emulator = await startNowggEmulator();
  opener = await startOpenerPage();
});
afterEach(() => emulator.reset());
afterAll(async () => {
  await emulator.close();
  await opener[Symbol.asyncDispose]();
});

const signInAddress = (fields: Readonly<Record<string, string>>) =>
  `${emulator.url}/sign-in?${new URLSearchParams(fields).toString()}`;

/** Opens the sign-in window as the page of a game would. */
async function openPopup(fields: Readonly<Record<string, string>>): Promise<[page: Page, popup: Page]> {
  const page = await browser.newPage();
  await page.goto(`${opener.origin}/#${encodeURIComponent(signInAddress(fields))}`);
  const opened = page.waitForEvent('popup');
  await page.getByRole('button', { name: 'Sign in' }).click();
  return [page, await opened];
}

const messagesOf = async (page: Page) =>
  (await page.evaluate('globalThis.messages')) as { origin: string; data: Record<string, string> }[];

/** Exchanges a code as a backend would. @returns the user id that the token bears */
async function userOf(code: string | null | undefined): Promise<unknown> {
  const credentials = { client_id: 'demo-client', client_secret: 'demo-secret' };
  const post = async (operation: string, body: object) => {
    const answer = await fetch(`${emulator.url}/accounts/oauth2/v1/${operation}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...credentials, ...body }),
    });
    return (await answer.json()) as Record<string, unknown>;
  };
  const { token } = await post('token', { grant_type: 'code', token_type: 'refresh_token token', code });
  const { decodedData } = await post('verify-token', { token_type: 'token', token });
  return (decodedData as { userId: string }).userId;
}

describe('a popup', () => {
  it('gives the code of the chosen player to its opener and closes', async () => {
    const [page, popup] = await openPopup({ mode: 'popup', origin: opener.origin, state: 's 1&2' });
    await popup.getByText(`The page at ${opener.origin} gets a one-time code for demo-client.`).waitFor();
    const closed = popup.waitForEvent('close');
    await popup.getByRole('button', { name: 'Björn Åkesson' }).click();
    await closed;
    const [message, ...others] = await messagesOf(page);
    expect(others).toEqual([]);
    expect(message).toEqual({
      origin: emulator.url,
      data: { type: 'nowgg-emulator:code', code: expect.any(String), state: 's 1&2' },
    });
    expect(await userOf(message?.data.code)).toBe('player-bjorn');
  });

  it('creates a player and signs them in', async () => {
    const [page, popup] = await openPopup({ mode: 'popup', origin: opener.origin });
    await popup.getByText('New player').click();
    await popup.getByLabel('Name').fill('  Zoë Ng ');
    await popup.getByLabel('Country code').fill('sg');
    const closed = popup.waitForEvent('close');
    await popup.getByRole('button', { name: 'Create and sign in' }).click();
    await closed;
    const player = emulator.players.at(-1);
    expect(player).toMatchObject({ name: 'Zoë Ng', countryCode: 'SG' });
    const [message] = await messagesOf(page);
    expect(await userOf(message?.data.code)).toBe(player?.userId);
  });

  it('tells its opener that the sign-in was cancelled', async () => {
    const [page, popup] = await openPopup({ mode: 'popup', origin: opener.origin, state: 'x' });
    const closed = popup.waitForEvent('close');
    await popup.getByRole('button', { name: 'Cancel' }).click();
    await closed;
    expect(await messagesOf(page)).toEqual([
      { origin: emulator.url, data: { type: 'nowgg-emulator:cancelled', state: 'x' } },
    ]);
    expect(emulator.issued).toEqual([]);
  });

  it('gives the code to no opener of another origin than the one it was asked for', async () => {
    browser.expectFindings(/^console: Failed to execute 'postMessage'/);
    const [page, popup] = await openPopup({ mode: 'popup', origin: opener.otherOrigin });
    const closed = popup.waitForEvent('close');
    await popup.getByRole('button', { name: 'Asha Rao' }).click();
    await closed;
    expect(await messagesOf(page)).toEqual([]);
  });

  it('shows the code when its opener is gone', async () => {
    const page = await browser.newPage();
    await page.goto(signInAddress({ mode: 'popup', origin: opener.origin }));
    await page.getByRole('button', { name: 'Asha Rao' }).click();
    await page.getByText('The page that opened this window is gone, so here is the code.').waitFor();
    expect(await userOf(await page.getByLabel('Authorization code').textContent())).toBe('player-asha');
  });
});

describe('a redirect', () => {
  it('leads back with code and state, and leaves no sign-in page behind', async () => {
    const page = await browser.newPage();
    await page.goto(opener.origin);
    await page.goto(signInAddress({ redirect_uri: `${opener.origin}/back?kept=1`, state: 'ü/+ ' }));
    await page.getByRole('button', { name: 'Chloe Martin' }).click();
    await page.waitForURL(`${opener.origin}/back?*`);
    const { searchParams } = new URL(page.url());
    expect([searchParams.get('kept'), searchParams.get('state')]).toEqual(['1', 'ü/+ ']);
    expect(await userOf(searchParams.get('code'))).toBe('player-chloe');
    await page.goBack();
    expect(page.url()).toBe(`${opener.origin}/`);
  });

  it('leads back with an error when the sign-in is cancelled', async () => {
    const page = await browser.newPage();
    await page.goto(signInAddress({ redirect_uri: `${opener.origin}/back`, state: 'x' }));
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.waitForURL(`${opener.origin}/back?error=access_denied&state=x`);
    expect(emulator.issued).toEqual([]);
  });

  it.each([
    [{ redirect_uri: 'https://evil.example/back' }],
    [{ redirect_uri: 'javascript:alert(document.domain)' }],
    [{ redirect_uri: 'http://127.0.0.1.evil.example/' }],
    [{ mode: 'popup', origin: 'https://evil.example' }],
    [{ client_id: 'nobody' }],
  ])('is refused before a player can be chosen: %j', async (fields) => {
    const page = await browser.newPage();
    await page.goto(signInAddress(fields));
    await page.getByRole('heading', { name: 'No code for this page' }).waitFor();
    expect(await page.getByRole('button').count()).toBe(0);
    expect(emulator.issued).toEqual([]);
  });
});

describe('the page alone', () => {
  it('shows a code to be copied, and another one for another player', async () => {
    const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
    const page = await context.newPage();
    await page.goto(`${emulator.url}/sign-in`);
    await page.getByRole('button', { name: 'Asha Rao' }).click();
    await page.getByRole('heading', { name: 'A code for Asha Rao' }).waitFor();
    const first = await page.getByLabel('Authorization code').textContent();
    await page.getByRole('button', { name: 'Copy the code' }).click();
    await page.getByText('Copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(first);
    await page.getByRole('button', { name: 'Another player' }).click();
    await page.getByRole('button', { name: 'Björn Åkesson' }).click();
    await page.getByRole('heading', { name: 'A code for Björn Åkesson' }).waitFor();
    expect(await userOf(await page.getByLabel('Authorization code').textContent())).toBe('player-bjorn');
    expect(await userOf(first)).toBe('player-asha');
  });

  it('spends one code on a double click', async () => {
    const page = await browser.newPage();
    await page.goto(`${emulator.url}/sign-in`);
    await page.getByRole('button', { name: 'Asha Rao' }).dblclick();
    await page.getByRole('heading', { name: 'A code for Asha Rao' }).waitFor();
    expect(emulator.issued).toHaveLength(1);
  });

  it('does not offer a banned player, and says so when the ban came meanwhile', async () => {
    emulator.setBanned('player-asha', true);
    const page = await browser.newPage();
    await page.goto(`${emulator.url}/sign-in`);
    expect(await page.getByRole('button', { name: 'Asha Rao' }).isDisabled()).toBe(true);
    emulator.setBanned('player-bjorn', true);
    browser.expectFindings(/status of 400 .*\/_control\/sign-ins$/);
    await page.getByRole('button', { name: 'Björn Åkesson' }).click();
    await page.getByRole('alert').filter({ hasText: 'this player is banned' }).waitFor();
  });

  it('is used with the keyboard alone', async () => {
    const page = await browser.newPage();
    await page.goto(signInAddress({ login_hint: 'player-bjorn' }));
    await page.locator('.preferred:focus').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('New player');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.type('Kay Board');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'A code for Kay Board' }).waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('result-title');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Copy the code');
  });
});
