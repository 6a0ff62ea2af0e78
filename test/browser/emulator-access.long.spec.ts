import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NowggEmulator } from 'nowgg-emulator';
import { startNowggEmulator } from 'nowgg-emulator';
import type { Page } from 'playwright-core';
import { readContrast } from './support/contrast.js';
import type { OpenerPage } from './support/opener-page.js';
import { startOpenerPage } from './support/opener-page.js';
import { useBrowser } from './support/watched-browser.js';

const browser = useBrowser(['--host-resolver-rules=MAP rebound.example 127.0.0.1']);
let emulator: NowggEmulator;
let stranger: OpenerPage;

beforeAll(async () => {
  emulator = await startNowggEmulator();
  stranger = await startOpenerPage();
});
afterEach(() => emulator.reset());
afterAll(async () => {
  await emulator.close();
  await stranger[Symbol.asyncDispose]();
});

/** Something of every kind that the page can show. */
async function fill(): Promise<void> {
  emulator.issueCode();
  emulator.issueTokens({ lifetimeSeconds: -5 });
  emulator.issueTokens({ userId: 'player-bjorn' });
  emulator.revokePlayer('player-bjorn');
  emulator.setBanned('player-chloe', true);
  emulator.issueTokens();
  const verify = async () => fetch(`${emulator.url}/accounts/oauth2/v1/verify-token`, { method: 'POST' });
  await verify();
  emulator.setFault({ kind: 'status', status: 503, count: 1 });
  await verify();
  emulator.setFault({ kind: 'rate-limit', endpoint: 'token' });
}

async function openDashboard(page: Page): Promise<void> {
  await page.goto(emulator.url);
  await page.getByText('rate-limit · token · until ended').waitFor();
}

describe('texts', () => {
  it.each(['light', 'dark'] as const)('are easy to read in %s colours', async (colorScheme) => {
    await fill();
    const context = await browser.newContext({ colorScheme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    await openDashboard(page);
    await page.getByText('One exact fault').click();
    await page.getByRole('button', { name: '+1 min' }).click();
    await page.getByText('The clock is 1 min further').waitFor();
    const dashboard = await readContrast(page);
    expect(dashboard.faint).toEqual([]);
    expect(dashboard.measured).toBeGreaterThan(80);
    await page.goto(`${emulator.url}/sign-in`);
    await page.getByText('New player').click();
    const choice = await readContrast(page);
    await page.getByRole('button', { name: 'Asha Rao' }).click();
    await page.getByRole('heading', { name: 'A code for Asha Rao' }).waitFor();
    const result = await readContrast(page);
    await page.goto(`${emulator.url}/sign-in?client_id=nobody`);
    await page.getByRole('heading', { name: 'No code for this page' }).waitFor();
    const refusal = await readContrast(page);
    // A player who cannot be chosen is shown paler, as WCAG permits for what is disabled.
    expect([choice, result, refusal].flatMap(({ faint }) => faint)).toEqual([]);
  });
});

describe('a window of 320 pixels', () => {
  it.each(['/', '/sign-in'])('needs no scrolling sideways at %s', async (path) => {
    await fill();
    emulator.addPlayer({ userId: 'x'.repeat(200), name: 'W'.repeat(100) });
    const page = await browser.newPage({ viewport: { width: 320, height: 640 } });
    await page.goto(emulator.url + path);
    await page.getByText('W'.repeat(100)).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
    const cut = `[...document.querySelectorAll('button, a, input, select')]
      .filter((element) => element.checkVisibility() && !element.matches('.skip'))
      .map((element) => [element.textContent, element.getBoundingClientRect()])
      .filter(([, box]) => box.right > 321 || box.left < 0).map(([text]) => text)`;
    expect(await page.evaluate(cut)).toEqual([]);
  });
});

describe('the keyboard', () => {
  it('reaches everything in order, with a ring to be seen, and switches faults', async () => {
    await fill();
    const page = await browser.newPage();
    await openDashboard(page);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the controls');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await page.getByText('status 503 · all endpoints · until ended').waitFor();
    const seen: unknown[] = [];
    for (let presses = 0; presses < 80; presses += 1) {
      const focused = (await page.evaluate(`(() => {
        const { activeElement: at } = document;
        if (at === document.body) return null;
        const name = at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent;
        return { name: name.trim(), ring: getComputedStyle(at).outlineStyle, tag: at.tagName };
      })()`)) as { name: string; ring: string; tag: string } | null;
      if (focused === null) break;
      seen.push(focused.name);
      expect(focused).toMatchObject({ name: expect.stringMatching(/\S/), ring: 'solid' });
      await page.keyboard.press('Tab');
    }
    const order = ['One exact fault', 'End all faults', '+1 min', 'Freeze', 'Ban Asha Rao', 'Start over'];
    expect(seen.filter((name) => order.includes(name as string))).toEqual(order);
    expect(seen.at(-1)).toMatch(/^Revoke/);
  });

  it('keeps its place when a row above comes and goes', async () => {
    emulator.issueTokens();
    const page = await browser.newPage();
    await page.goto(emulator.url);
    const revoke = page.getByRole('button', { name: /^Revoke refresh token/ });
    const name = await revoke.getAttribute('aria-label');
    await revoke.focus();
    emulator.issueCode();
    await page.getByRole('button', { name: /^Revoke code/ }).waitFor();
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe(name);
    await page.keyboard.press('Enter');
    await page.getByText('revoked', { exact: true }).waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('issued-title');
  });
});

describe('what players type', () => {
  const hostile = `"><img src=x onerror="globalThis.hit=1"><script>globalThis.hit=1</script>{{7*7}}'\`\${1}`;

  it('is text and never HTML', async () => {
    const page = await browser.newPage();
    await page.goto(`${emulator.url}/sign-in`);
    await page.getByText('New player').click();
    await page.getByLabel('Name').fill(hostile.slice(0, 100));
    await page.getByRole('button', { name: 'Create and sign in' }).click();
    await page.getByRole('heading', { name: `A code for ${hostile.slice(0, 100)}` }).waitFor();
    emulator.addPlayer({ userId: hostile, name: hostile, countryCode: '<b>' });
    emulator.issueTokens({ userId: hostile });
    await page.getByRole('button', { name: 'Another player' }).click();
    await page.getByRole('button', { name: `${hostile} · <b>` }).waitFor();
    await page.goto(emulator.url);
    await page
      .getByRole('button', { name: `Ban ${hostile}`, exact: true })
      .last()
      .click();
    await page.getByText(`${hostile} is banned`, { exact: true }).waitFor();
    await fetch(`${emulator.url}/<b>/<script>`);
    await page.getByText('/%3Cb%3E/%3Cscript%3E').waitFor();
    expect(await page.locator('main img, main script, main b b').count()).toBe(0);
    expect(await page.evaluate('globalThis.hit')).toBeUndefined();
  });

  it('could do nothing even as HTML', async () => {
    const page = await browser.newPage();
    browser.expectFindings(/^console: .*(Trusted|Content Security Policy)/s);
    await page.goto(emulator.url);
    const inject = (code: string) => page.evaluate(`(() => { try { ${code} } catch (error) { return error.name } })()`);
    expect(await inject(`document.body.innerHTML = '<b>x</b>'`)).toBe('TypeError');
    await inject(`document.body.append(Object.assign(document.createElement('a'), { id: 'trap' }));
      document.getElementById('trap').setAttribute('onclick', 'globalThis.hit = 1');
      document.getElementById('trap').click()`);
    expect(await page.evaluate('globalThis.hit')).toBeUndefined();
  });
});

describe('a page of another origin', () => {
  it('can neither control the emulator nor watch it', async () => {
    browser.expectFindings(/^console: /);
    const page = await browser.newPage();
    await page.goto(stranger.origin);
    const attempts = `Promise.all([
      fetch('${emulator.url}/_control/codes', { method: 'POST' }),
      fetch('${emulator.url}/_control/codes', { method: 'POST', mode: 'no-cors' }),
      fetch('${emulator.url}/_control/reset', { method: 'POST', mode: 'no-cors', body: '{}' }),
      fetch('${emulator.url}/_control/faults', { method: 'DELETE' }),
      fetch('${emulator.url}/_control/players'),
      fetch('${emulator.url}/_control/tokens', {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }),
    ].map((attempt) => attempt.then(({ type }) => type, () => 'refused')))`;
    emulator.setFault({ kind: 'hang' });
    expect(await page.evaluate(attempts)).toEqual(['refused', 'opaque', 'opaque', 'refused', 'refused', 'refused']);
    const watch = `new Promise((resolve) => {
      const source = new EventSource('${emulator.url}/_control/events');
      source.onmessage = () => resolve('heard');
      source.onerror = () => resolve('refused');
    })`;
    expect(await page.evaluate(watch)).toBe('refused');
    await page.setContent(`<form method="post" action="${emulator.url}/_control/codes"><button>go</button></form>`);
    await page.getByRole('button').click();
    await page.getByText('the control interface serves programs on this machine only').waitFor();
    expect(emulator.issued).toEqual([]);
    expect(emulator.faults).toEqual([{ kind: 'hang' }]);
  });

  it('cannot put the page into a frame', async () => {
    browser.expectFindings(/^console: .*frame-ancestors/);
    const page = await browser.newPage();
    await page.goto(stranger.origin);
    await page.setContent(`<iframe src="${emulator.url}/sign-in" onload="globalThis.loaded = 1"></iframe>`);
    await page.waitForFunction('globalThis.loaded === 1');
    expect(await page.frameLocator('iframe').getByRole('button').count()).toBe(0);
  });

  it('gets nothing under a name that was rebound to this machine', async () => {
    browser.expectFindings(/^console: .*status of 403|^foreign host: http:\/\/rebound\.example/);
    const page = await browser.newPage();
    const answer = await page.goto(`http://rebound.example:${emulator.port}/`);
    expect(answer?.status()).toBe(403);
    const control = `fetch('/_control/codes', { method: 'POST' }).then(({ status }) => status)`;
    expect(await page.evaluate(control)).toBe(403);
    expect(emulator.issued).toEqual([]);
  });
});
