import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startOpenerPage, type OpenerPage } from './support/opener-page.js';
import { useBrowser } from './support/watched-browser.js';
import { useSample } from '../support/sample/sample-page.js';

const browser = useBrowser();
const sample = useSample();

let anotherSite: OpenerPage;

beforeAll(async () => {
  anotherSite = await startOpenerPage();
});
afterAll(async () => anotherSite[Symbol.asyncDispose]());

/** The sample is at 127.0.0.1, so that a page at `localhost` is another site. */
const authorize = (returnTo: string) => `${sample.url}/auth/web/authorize?returnTo=${encodeURIComponent(returnTo)}`;
/** Script of a page that opens or navigates its one popup. */
const open = (address: string) => `void window.open('${address}', 'victim')`;

describe('another site that sends a player to the sign-in again and again', () => {
  it('leaves no cookie, and the pages of the game go on answering', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${anotherSite.otherOrigin}/`);
    const [popup] = await Promise.all([page.waitForEvent('popup'), page.evaluate(open(authorize('/a')))]);
    for (let turn = 0; turn < 18; turn += 1) {
      const address = authorize(`/${'x'.repeat(240)}${turn}`);
      await Promise.all([popup.waitForURL(address), page.evaluate(open(address))]);
    }
    await popup.getByText('Continue to sign in').waitFor();
    expect(await context.cookies(sample.url)).toEqual([]);
    const answer = await popup.goto(`${sample.url}/`);
    expect(answer?.status()).toBe(200);
  });

  it('does not keep the player from signing in by that page', async () => {
    const page = await browser.newPage();
    await page.goto(`${anotherSite.otherOrigin}/`);
    const [popup] = await Promise.all([page.waitForEvent('popup'), page.evaluate(open(authorize('/')))]);
    await popup.getByRole('button', { name: 'Continue to sign in' }).click();
    await popup.getByLabel('Name').waitFor();
    expect((await popup.context().cookies(sample.url)).filter(({ name }) => name.includes('sign-in'))).toHaveLength(1);
  });

  it('leaves at most five cookies when the player follows each of its pages', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    for (let turn = 0; turn < 8; turn += 1) {
      await page.goto(`${anotherSite.otherOrigin}/`);
      await page.evaluate(`location.assign('${authorize(`/${'x'.repeat(250)}`)}')`);
      await page.getByRole('button', { name: 'Continue to sign in' }).click();
      await page.waitForLoadState();
    }
    const cookies = (await context.cookies(sample.url)).filter(({ name }) => name.includes('nowgg-sign-in'));
    expect(cookies).toHaveLength(5);
    const bytes = cookies.reduce((sum, { name, value }) => sum + name.length + value.length + 3, 0);
    expect(bytes).toBeLessThan(8_000);
    expect((await page.goto(`${sample.url}/`))?.status()).toBe(200);
  });
});
