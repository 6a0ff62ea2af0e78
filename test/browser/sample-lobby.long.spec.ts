import { describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { useSample } from '../support/sample/sample-page.js';
import { readContrast } from './support/contrast.js';
import { useBrowser } from './support/watched-browser.js';

const browser = useBrowser();
const sample = useSample();

const press = (page: Page, name: string) => page.getByRole('button', { name }).click();
/** Waits until exactly these players are here, in any order. */
const untilHere = async (page: Page, ...names: string[]) => {
  const told = page.locator('#lobby-names');
  for (const name of names) await told.filter({ hasText: name }).waitFor();
  while ((await told.textContent())?.split(',').length !== names.length);
};
const say = async (page: Page, line: string) => {
  await page.getByLabel('A line for all who are here').fill(line);
  await press(page, 'Say it');
};

describe('the lobby on the page', () => {
  it('shows who is here and what they say, in two browsers', async () => {
    const ada = await sample.signedIn(await browser.newContext(), 'Ada');
    const bob = await sample.signedIn(await browser.newContext(), 'Bob');
    for (const page of [ada, bob]) await untilHere(page, 'Ada', 'Bob');
    await say(ada, '<b>hello</b>');
    for (const page of [ada, bob]) await page.locator('#lobby-lines').getByText('<b>hello</b>').waitFor();
    expect(await ada.getByLabel('A line for all who are here').inputValue()).toBe('');
    await press(bob, 'Sign out');
    await untilHere(ada, 'Ada');
    expect(await bob.locator('#lobby').isVisible()).toBe(false);
  });

  it('shows a banned player the reason, who makes no call and cannot come back', async () => {
    browser.expectFindings(/^console: .* (400|401|403) /);
    const page = await sample.open(await (await browser.newContext()).newPage());
    const { userId } = await sample.signIn(page, 'Cheater');
    const other = await sample.signedIn(await browser.newContext(), 'Witness');
    for (const each of [page, other]) await untilHere(each, 'Cheater', 'Witness');
    await page.getByLabel(/Keep calling/).uncheck();
    const desk = await sample.openDesk(await (await browser.newContext()).newPage());
    await press(desk, 'Ban for an hour: Cheater');
    const reason = /^You have left the lobby\. You are banned until .+: Cheating\. \(user_banned\)$/;
    await page.getByRole('alert').getByText(reason).waitFor();
    await untilHere(other, 'Witness');
    expect(await page.getByLabel('A line for all who are here').isVisible()).toBe(false);

    await press(page, 'Who am I?');
    await page.getByText('Your session is over').waitFor();
    await page.getByText(reason).waitFor();
    await press(desk, 'Forgive: Cheater');
    await desk.getByText('Cheater may play again.').waitFor();
    await sample.enterCode(page, sample.emulator.issueCode({ userId }));
    await untilHere(page, 'Witness', 'Cheater');
    expect(await page.getByText(reason).isVisible()).toBe(false);
  });

  it.each(['light', 'dark'] as const)('can be read in %s colours, and fits on 320 pixels', async (colorScheme) => {
    browser.expectFindings(/^console: .* (401|403) /);
    const context = await browser.newContext({ colorScheme, viewport: { width: 320, height: 640 } });
    const page = await sample.signedIn(context, 'A-name-that-is-as-long-as-names-may-be-and-has-no-place-to-break');
    const check = async () => {
      expect((await readContrast(page)).faint).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
    };
    await say(page, 'x'.repeat(200));
    await page.locator('#lobby-lines li').waitFor();
    await check();
    const desk = await sample.openDesk(await context.newPage());
    await desk
      .getByRole('button', { name: /^Ban for an hour/ })
      .first()
      .click();
    await page.locator('#lobby-end').waitFor();
    await check();
  });
});

describe('the leaderboard on the page', () => {
  it('shows the scores of others as they come, beyond the life of a token and until the player signs out', async () => {
    browser.expectFindings(/^console: .* (401|403) /);
    sample.emulator.setTokenLifetime(6);
    const ada = await sample.signedIn(await browser.newContext(), 'Ada');
    const page = await sample.signedIn(await browser.newContext(), 'Watcher');
    const [state, first] = [page.locator('#ranks-state'), page.locator('#ranks li').first()];
    const untilLive = async () => state.getByText('Live.', { exact: true }).waitFor();
    await untilLive();
    // The token ends: the connection comes back with a new one by itself.
    await state.getByText('Trying again').waitFor();
    await untilLive();
    await press(ada, 'Play a round');
    await first.filter({ hasText: 'Ada' }).waitFor();
    await ada.locator('#ranks li').first().filter({ hasText: 'you' }).waitFor();
    // A sign-out between two connections is not an error of the page, and leaves nothing behind.
    await state.getByText('Trying again').waitFor();
    await press(page, 'Sign out');
    await page.locator('#signed-in').waitFor({ state: 'hidden' });
    expect([await state.textContent(), await page.locator('#ranks li').count()]).toEqual(['', 0]);
    const attempts: string[] = [];
    page.on('websocket', (socket) => attempts.push(socket.url()));
    sample.emulator.setTokenLifetime(3_600);
    await sample.signIn(page, 'Watcher again');
    await untilLive();
    expect(attempts.filter((address) => address.endsWith('/graphql'))).toHaveLength(1);
  });

  it('stops at a ban, and keeps what it showed', async () => {
    browser.expectFindings(/^console: .* (401|403) /);
    const page = await sample.open(await (await browser.newContext()).newPage());
    await sample.signIn(page, 'Banned');
    await page.getByLabel(/Keep calling/).uncheck();
    const [state, own] = [page.locator('#ranks-state'), page.locator('#ranks li', { hasText: 'you' })];
    await state.getByText('Live.', { exact: true }).waitFor();
    await press(page, 'Play a round');
    await own.waitFor();
    const desk = await sample.openDesk(await (await browser.newContext()).newPage());
    await press(desk, 'Ban for an hour: Banned');
    await state.getByText('Not live.', { exact: true }).waitFor();
    expect(await own.textContent()).toContain('Banned');
  });
});
