import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NowggEmulator } from 'nowgg-emulator';
import { startNowggEmulator } from 'nowgg-emulator';
import type { Page } from 'playwright-core';
import { gateOf } from '../support/gate.js';
import { useBrowser } from './support/watched-browser.js';

const browser = useBrowser();
let emulator: NowggEmulator;
let page: Page;

beforeAll(async () => {
  emulator = await startNowggEmulator();
});
beforeEach(async () => {
  page = await browser.newPage();
  await page.goto(emulator.url);
  await page.getByText('live', { exact: true }).waitFor();
});
afterEach(() => emulator.reset());
afterAll(async () => emulator.close());

const post = async (operation: string, body: object) =>
  fetch(`${emulator.url}/accounts/oauth2/v1/${operation}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: 'demo-client', client_secret: 'demo-secret', ...body }),
  });
const verify = async (token: string) => {
  const answer = await post('verify-token', { token_type: 'token', token });
  return ((await answer.json()) as { code: string }).code;
};
const exchange = async (code: string) => {
  const answer = await post('token', { grant_type: 'code', token_type: 'refresh_token token', code });
  return (await answer.json()) as { token: string };
};
/** Asked from here: the page's own rules forbid it to evaluate what a test sends. */
const lifeShown = async (seconds: number) => {
  const field = page.getByLabel('New tokens live for seconds');
  while ((await field.inputValue()) !== String(seconds));
};
const rowsOf = (title: string) => page.getByRole('region', { name: title }).locator('tbody tr');

describe('the live view', () => {
  it('shows each call and what it handed out, the youngest first', async () => {
    await page.getByText('No call yet.').waitFor();
    const { token } = await exchange(emulator.issueCode({ userId: 'player-bjorn' }));
    await verify(token);
    await verify('made-up');
    const requests = rowsOf('Requests');
    await requests.nth(2).waitFor();
    const texts = await requests.allInnerTexts();
    expect(texts[0]).toMatch(/POST token\s+\/accounts\/oauth2\/v1\/verify-token\s+200\s+INVALID_TOKEN\s+\d+ ms/);
    expect(texts[1]).toMatch(/VERIFICATION_SUCCESS/);
    expect(texts[2]).toMatch(/POST code\s+\/accounts\/oauth2\/v1\/token\s+200\s+REFRESH_TOKEN TOKEN/);
    const issued = await rowsOf('Codes and tokens').allInnerTexts();
    expect(issued).toHaveLength(3);
    expect(issued[0]).toMatch(/^token\s+player-bjorn\s+session \w+\s+active\s+(1 h|59 min 5\d s) left/);
    expect(issued[1]).toMatch(/^refresh token\s+player-bjorn/);
    expect(issued[2]).toMatch(/^code\s+player-bjorn\s+used/);
    expect(await page.content()).not.toContain(token);
  });

  it('lets a token be revoked, and others with a whole player', async () => {
    const first = emulator.issueTokens({ userId: 'player-asha' });
    const second = emulator.issueTokens({ userId: 'player-asha' });
    const tokens = rowsOf('Codes and tokens').filter({ hasText: /^token/ });
    await tokens
      .last()
      .getByRole('button', { name: /^Revoke token/ })
      .click();
    await tokens.last().getByText('revoked').waitFor();
    expect([await verify(first.token), await verify(second.token)]).toEqual(['INVALID_TOKEN', 'VERIFICATION_SUCCESS']);
    await page.getByRole('button', { name: 'End all sessions of Asha Rao' }).click();
    await tokens.first().getByText('revoked').waitFor();
    expect(await verify(second.token)).toBe('INVALID_TOKEN');
  });

  it('bans a player and lifts the ban', async () => {
    await page.getByRole('button', { name: 'Ban Björn Åkesson' }).click();
    await page.getByText('Björn Åkesson is banned').waitFor();
    expect(emulator.bannedPlayers).toEqual(['player-bjorn']);
    await page.getByRole('button', { name: 'Lift the ban of Björn Åkesson' }).click();
    await page.getByText('Björn Åkesson may sign in again').waitFor();
    expect(emulator.bannedPlayers).toEqual([]);
  });

  it('is there again after the emulator was started anew', async () => {
    browser.expectFindings(/^console: Failed to load resource: net::ERR_(CONNECTION|INCOMPLETE|EMPTY)/);
    const own = await startNowggEmulator();
    await page.goto(own.url);
    own.issueCode();
    await rowsOf('Codes and tokens').first().waitFor();
    await own.close();
    await page.getByText('no answer, trying again').waitFor();
    await using again = await startNowggEmulator({ port: own.port });
    await page.getByText('The emulator has started anew').waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    expect(await rowsOf('Codes and tokens').count()).toBe(0);
    again.issueTokens();
    await rowsOf('Codes and tokens').nth(1).waitFor();
  });
});

describe('the switches', () => {
  it('make the endpoints misbehave and well again', async () => {
    const outage = page.getByRole('switch', { name: /^Out of order/ });
    await outage.check();
    await page.getByText('status 503 · all endpoints · until ended').waitFor();
    expect((await post('verify-token', {})).status).toBe(503);
    await outage.uncheck();
    await page.getByText('healthy').waitFor();
    expect((await post('verify-token', {})).status).toBe(400);
  });

  it('stay as they were set while the emulator takes its time', async () => {
    const outage = page.getByRole('switch', { name: /^Out of order/ });
    await outage.check();
    await page.getByText('1 fault', { exact: true }).waitFor();
    const gate = gateOf();
    await page.route('**/_control/faults/remove', async (route) => {
      await gate.opened;
      await route.continue();
    });
    const time = page.locator('#clock-time');
    const shownTime = await time.innerText();
    await outage.uncheck();
    // The page draws what it knows once a second, the time among it.
    await time.filter({ hasNotText: shownTime }).waitFor();
    expect(await outage.isChecked()).toBe(false);
    gate.open();
    await page.getByText('healthy').waitFor();
    expect(emulator.faults).toEqual([]);
  });

  it('show what was set elsewhere, and one takes the place of another', async () => {
    emulator.setFault({ kind: 'hang', endpoint: '*' });
    const silent = page.getByRole('switch', { name: /^Silent/ });
    await page.getByText('hang · all endpoints · until ended').waitFor();
    expect(await silent.isChecked()).toBe(true);
    await page.getByRole('switch', { name: /^Rate limit/ }).check();
    await page.getByText('rate-limit 5 · all endpoints · until ended').waitFor();
    expect(await silent.isChecked()).toBe(false);
    await page.getByRole('button', { name: 'End all faults' }).click();
    await page.getByText('healthy').waitFor();
    expect(emulator.faults).toEqual([]);
  });

  it('set one exact fault', async () => {
    await page.getByText('One exact fault').click();
    await page.getByLabel('Kind').selectOption('status');
    await page.getByLabel('Endpoint').selectOption('token');
    await page.getByRole('spinbutton', { name: 'Status' }).fill('502');
    await page.getByLabel('Grant type').selectOption('refresh_token');
    await page.getByLabel('The request is').selectOption('after');
    await page.getByLabel('Calls').fill('2');
    await page.getByRole('button', { name: 'Add the fault' }).click();
    const text = 'status 502 · token · refresh_token · after the request was carried out · 2 calls';
    await page.getByText(text).waitFor();
    const fault = {
      kind: 'status',
      status: 502,
      endpoint: 'token',
      grantType: 'refresh_token',
      when: 'after',
      count: 2,
    };
    expect(emulator.faults).toEqual([fault]);
    await page.getByRole('button', { name: `End: ${text}` }).click();
    await page.getByText('healthy').waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('faults-title');
  });

  it('release held calls', async () => {
    emulator.setFault({ kind: 'hold' });
    const held = verify('x');
    await page.getByRole('button', { name: 'Release 1 held call' }).click();
    expect(await held).toBe('INVALID_TOKEN');
  });
});

describe('the clock', () => {
  it('advances, stands still and comes back, and tokens expire by it', async () => {
    const { token } = emulator.issueTokens();
    await page.getByRole('button', { name: '+1 h' }).click();
    await page.getByText('1 h ahead').waitFor();
    await rowsOf('Codes and tokens')
      .filter({ hasText: /^token/ })
      .getByText('expired')
      .waitFor();
    expect(await verify(token)).toBe('EXPIRED_TOKEN');
    await page.getByRole('button', { name: 'Freeze' }).click();
    await page.getByText('frozen', { exact: true }).waitFor();
    expect(emulator.now()).toBe(emulator.now());
    await page.getByRole('button', { name: 'Freeze' }).click();
    await page.getByRole('button', { name: 'Back to now' }).click();
    await page.getByText('real time').waitFor();
  });

  it('shortens the life of new tokens', async () => {
    await page.getByRole('button', { name: '15 s' }).click();
    await page.getByText('New tokens live for 15 s').waitFor();
    expect(emulator.tokenLifetimeSeconds).toBe(15);
    await page.getByLabel('New tokens live for seconds').fill('90');
    await page.getByRole('button', { name: 'Set', exact: true }).click();
    await page.getByText('New tokens live for 1 min 30 s').waitFor();
    expect(emulator.tokenLifetimeSeconds).toBe(90);
  });

  it('keeps a life that is being typed when the setting changes meanwhile', async () => {
    const field = page.getByLabel('New tokens live for seconds');
    await lifeShown(3600);
    await field.fill('90');
    emulator.setTokenLifetime(60);
    // Comes with the same message or a later one.
    emulator.issueTokens();
    await rowsOf('Codes and tokens').first().waitFor();
    expect(await field.inputValue()).toBe('90');
    await page.getByRole('button', { name: '15 s' }).click();
    await lifeShown(15);
  });

  it('lets a selected life be typed over when the setting changes meanwhile', async () => {
    const field = page.getByLabel('New tokens live for seconds');
    await lifeShown(3600);
    await field.selectText();
    emulator.setTokenLifetime(60);
    emulator.issueTokens();
    await rowsOf('Codes and tokens').first().waitFor();
    await page.keyboard.insertText('90');
    expect(await field.inputValue()).toBe('90');
    await page.keyboard.press('Enter');
    await page.getByText('New tokens live for 1 min 30 s').waitFor();
    expect(emulator.tokenLifetimeSeconds).toBe(90);
  });
});

describe('everything', () => {
  it('starts over after a question', async () => {
    emulator.issueTokens();
    await rowsOf('Codes and tokens').first().waitFor();
    await page.getByRole('button', { name: 'Start over' }).click();
    const dialog = page.getByRole('dialog', { name: 'Start over?' });
    await dialog.getByRole('button', { name: 'Keep everything' }).click();
    expect(emulator.issued).toHaveLength(2);
    await page.getByRole('button', { name: 'Start over' }).click();
    await dialog.getByRole('button', { name: 'Start over' }).click();
    await page.getByText('Nothing was handed out yet.').waitFor();
    expect(emulator.issued).toEqual([]);
  });
});
