import { describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { useSample } from '../support/sample/sample-page.js';
import { readContrast } from './support/contrast.js';
import { useBrowser } from './support/watched-browser.js';

const browser = useBrowser();
const sample = useSample();

describe('the page of the sample', () => {
  it('shows names as text, whatever stands in them', async () => {
    const page = await sample.open(await browser.newPage());
    const name = '<img src=x onerror=alert(1)>';
    await sample.signIn(page, name);
    await page.getByRole('button', { name: 'Play a round' }).click();
    await page.locator('#ranks').getByText(name).waitFor();
    const desk = await sample.openDesk(await page.context().newPage());
    await desk.getByText(name).waitFor();
    expect(await page.locator('main img').count()).toBe(0);
    expect(await desk.locator('main img').count()).toBe(0);
  });

  it('draws where verdicts come from, and says it in words', async () => {
    const page = await sample.open(await browser.newPage());
    await sample.signIn(page, 'Ada');
    await page.getByRole('button', { name: 'Who am I?' }).click();
    await page.locator('#chart .hits').first().waitFor({ state: 'attached' });
    await page.locator('#chart .asks').first().waitFor({ state: 'attached' });
    expect(await page.locator('#chart-summary').textContent()).toMatch(/^In the last minute: from memory: \d+; asked/);
    const row = page.getByRole('row', { name: /From memory, in an outage/ });
    expect(await row.getByRole('cell').allTextContents()).toEqual(['0', '0']);
  });

  it('can be used by keyboard alone', async () => {
    const page = await sample.open(await browser.newPage());
    await tabTo(page, 'Sign in with now.gg');
    const [popup] = await Promise.all([page.waitForEvent('popup'), page.keyboard.press('Enter')]);
    await popup.getByRole('button', { name: /Asha/ }).waitFor();
    await tabTo(popup, 'Asha');
    // The window closes before the key is let go.
    await popup.keyboard.press('Enter').catch(() => undefined);
    await page.getByRole('heading', { name: 'Asha Rao' }).waitFor();
    expect(await focused(page)).toBe('Asha Rao');
    await tabTo(page, 'Play a round');
    await page.keyboard.press('Space');
    await page.getByText(/^You scored/).waitFor();
    await tabTo(page, 'Buy xp-boost for 120 coins');
    await page.keyboard.press('Enter');
    await page.getByText(/^You bought xp-boost/).waitFor();
    expect(await focused(page)).toBe('Buy xp-boost for 120 coins');
    // A call of the page that is under way at this moment is refused.
    browser.expectFindings(/^console: .* 401 /);
    await tabTo(page, 'Sign out', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByText('You are signed out.').waitFor();
    expect(await focused(page)).toBe('Sign in to play');
  });

  it.each(['light', 'dark'] as const)('can be read in %s colours, and fits on 320 pixels', async (colorScheme) => {
    const context = await browser.newContext({ colorScheme, viewport: { width: 320, height: 640 } });
    const page = await sample.open(await context.newPage());
    const check = async (what: Page) => {
      expect((await readContrast(what)).faint).toEqual([]);
      expect(await what.evaluate('document.documentElement.scrollWidth')).toBe(320);
    };
    await check(page);
    await sample.signIn(page, 'A-name-that-is-as-long-as-names-may-be-and-has-no-place-to-break');
    await page.getByRole('button', { name: 'Play a round' }).click();
    await page.getByText(/^You scored/).waitFor();
    await check(page);
    const desk = await sample.openDesk(await context.newPage());
    await desk
      .getByRole('button', { name: /^Ban for an hour/ })
      .first()
      .waitFor();
    await check(desk);
  });
});

/** What has the focus: its accessible name, or its text. */
async function focused(page: Page): Promise<string> {
  const script = `(() => {
    const { activeElement: at } = document;
    return at.getAttribute('aria-label') ?? at.textContent.trim();
  })()`;
  return String(await page.evaluate(script));
}

/** Presses Tab until something of this name has the focus, and looks whether that can be seen. */
async function tabTo(page: Page, name: string, key = 'Tab'): Promise<void> {
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press(key);
    if (!(await focused(page)).includes(name)) continue;
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).not.toBe('none');
    return;
  }
  throw new Error(`no way leads to ${name}`);
}
