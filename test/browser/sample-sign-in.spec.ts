import { describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { useSample } from '../support/sample/sample-page.js';
import { useBrowser } from './support/watched-browser.js';

const browser = useBrowser();
const sample = useSample();

const state = (page: Page) => page.locator('#session-state').textContent();

describe('the page of the sample', () => {
  it('signs a player in through the window of the emulator, and shows the player, their device and their token', async () => {
    const page = await sample.open(await browser.newPage());
    const [popup] = await Promise.all([
      page.waitForEvent('popup'),
      page.getByRole('button', { name: 'Sign in with now.gg', exact: true }).click(),
    ]);
    await popup.getByRole('button', { name: /Asha/ }).click();
    await page.getByRole('heading', { name: 'Asha Rao' }).waitFor();
    expect(await state(page)).toBe('Signed in');
    const text = async (id: string) => page.locator(`#${id}`).innerText();
    await page.getByText('asha@example.com').waitFor();
    expect(await text('device-facts')).toMatch(/Android/);
    expect(await text('player-facts')).toMatch(/500[^]*now\.gg[^]*player-asha/);
    expect(await text('token-left')).toBe('60 min left');
  });

  it('signs the player in by way of the emulator’s page in the same tab, and leaves no code in the address', async () => {
    const page = await sample.open(await browser.newPage());
    await page.getByText('Other ways').click();
    await page.getByRole('button', { name: 'Sign in with now.gg in this tab' }).click();
    await page.getByRole('button', { name: /Asha/ }).click();
    await page.getByRole('heading', { name: 'Asha Rao' }).waitFor();
    expect(page.url()).toBe(`${sample.url}/`);
  });

  it('takes no code that it has not asked for', async () => {
    const page = await browser.newPage();
    const { userId } = sample.emulator.addPlayer();
    await page.goto(`${sample.url}/sign-in/nowgg?code=${sample.emulator.issueCode({ userId })}&state=made-up`);
    await page.getByText('The sign-in was not completed.').waitFor();
    expect(await state(page)).toBe('Not signed in');
  });

  it('signs a web player in at the OpenID provider, who plays and buys as the others do', async () => {
    const page = await sample.open(await browser.newPage());
    await page.getByRole('button', { name: 'Sign in as a web player' }).click();
    await page.getByLabel('Name').fill('Kim Weber');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Kim Weber' }).waitFor();
    expect(page.url()).toBe(`${sample.url}/`);
    await page.getByText('now.gg knows nothing of web players').waitFor();
    await page.getByRole('button', { name: 'Play a round' }).click();
    await page.getByText(/^You scored \d+ points\.$/).waitFor();
    await page.getByRole('button', { name: 'Buy xp-boost' }).click();
    await page.getByText('You bought xp-boost. Coins left: 380.').waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Kim Weber' }).waitFor();
    // A call of the page that is under way at this moment is refused.
    browser.expectFindings(/^console: .* 401 /);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
  });

  it('says so when a web player cancels, or comes with the answer to another sign-in', async () => {
    browser.expectFindings(/^console: .* 400 /);
    const page = await sample.open(await browser.newPage());
    await page.getByRole('button', { name: 'Sign in as a web player' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('The sign-in was not completed.').waitFor();
    await page.goto(`${sample.url}/sign-in/web?code=stolen&state=${'a'.repeat(43)}`);
    await page.getByText('not good any more').waitFor();
    expect(await state(page)).toBe('Not signed in');
  });
});
