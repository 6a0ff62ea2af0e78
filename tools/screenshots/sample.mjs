import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const workspace = path.resolve(import.meta.dirname, '../..');

/** The built sample, on an embedded database in memory. */
async function startSample() {
  const variables = { NOWGG_SAMPLE_DATA_DIR: ':memory:', NOWGG_EMULATOR_PORT: '0', OIDC_EMBEDDED_PORT: '0', PORT: '0' };
  const child = spawn(process.execPath, ['apps/sample/dist/main.js'], {
    cwd: workspace,
    env: { PATH: process.env.PATH, SIGN_INS_PER_MINUTE: '0', ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    printed += text;
    const [, url] = /^Listening: +(\S+)/m.exec(printed) ?? [];
    const [, key] = /^Browser: +\S+#development=(\S+)/m.exec(printed) ?? [];
    if (url && key) return { child, url, key };
  }
  throw new Error('the sample ended before it listened');
}

async function signIn(page, address, name) {
  await page.goto(address);
  await page.getByRole('button', { name: 'Sign in as a web player' }).click();
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name }).waitFor();
  await page.getByRole('button', { name: 'Play a round' }).click();
  await page.getByText(/^You scored/).waitFor();
}

async function signInAtNowgg(page, address) {
  await page.goto(address);
  const button = page.getByRole('button', { name: 'Sign in with now.gg', exact: true });
  const [popup] = await Promise.all([page.waitForEvent('popup'), button.click()]);
  await popup.getByRole('button', { name: /Asha/ }).click();
  await page.getByRole('heading', { name: 'Asha Rao' }).waitFor();
}

/** The page of the sample: a signed-in player, the sign-in choices, and the support desk. */
export async function prepare() {
  const { child, url, key } = await startSample();
  const address = `${url}/#development=${key}`;
  return {
    scenes: [
      {
        name: 'sample',
        width: 1100,
        height: 960,
        async open(page) {
          const other = await page.context().newPage();
          await signIn(other, address, 'Kim Weber');
          await other.getByRole('button', { name: 'Sign out' }).click();
          await other.getByText('You are signed out.').waitFor();
          await other.close();
          await signInAtNowgg(page, address);
          await page.getByRole('button', { name: 'Play a round' }).click();
          await page.getByText(/^You scored/).waitFor();
          await page.getByRole('button', { name: 'Tokens of 20 seconds' }).click();
          await page.getByText('Tokens live 20 seconds now.').waitFor();
          // Something for the chart, and a renewal.
          await page.getByText('renewed twice').or(page.getByText('renewed 2 times')).waitFor();
          await page.getByRole('button', { name: 'Buy xp-boost' }).click();
          await page.getByText('You bought xp-boost').waitFor();
          await pause(2_000);
          await page.mouse.move(0, 0);
        },
      },
      {
        name: 'sample-live',
        width: 1100,
        height: 540,
        async open(page) {
          const outage = (isOutage) =>
            page.evaluate(`fetch('/development/outage', { method: 'POST',
              headers: { 'content-type': 'application/json', 'x-development-key': '${key}' }, body: '{"isOutage":${isOutage}}' })`);
          await signInAtNowgg(page, address);
          await pause(9_000);
          await outage(true);
          await page.getByRole('button', { name: 'Buy xp-boost' }).click();
          await page.getByRole('alert').getByText('now.gg cannot be asked').waitFor();
          await pause(5_000);
          await outage(false);
          await page.getByText(/^You bought|^You have not enough/).waitFor();
          await pause(9_000);
          await page.locator('#live').evaluate((section) => section.scrollIntoView());
        },
      },
      {
        name: 'sample-sign-in',
        width: 1100,
        height: 400,
        async open(page) {
          await page.goto(url);
          await page.getByRole('heading', { name: 'Sign in to play' }).waitFor();
        },
      },
      {
        name: 'sample-desk',
        width: 1100,
        height: 620,
        async open(page) {
          await page.goto(`${url}/admin#development=${key}`);
          await page
            .getByRole('button', { name: /^Ban for an hour/ })
            .first()
            .waitFor();
        },
      },
    ],
    async close() {
      child.kill('SIGTERM');
      await once(child, 'close');
    },
  };
}
