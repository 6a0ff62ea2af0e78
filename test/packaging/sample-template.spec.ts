import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Consumer } from './consumer.js';

const minutes = 60_000;
const sample = path.resolve(import.meta.dirname, '../../apps/sample');

describe('the folder of the sample, copied out as a template', () => {
  let template: Consumer;
  beforeAll(async () => {
    template = await Consumer.installCopyOf(sample);
  }, 8 * minutes);
  afterAll(() => template?.remove());

  it(
    'builds with its own compiler and settings, a guard that the Nest CLI has generated included',
    async () => {
      const generated = await template.run('node_modules/.bin/nest', ['generate', 'guard', 'auth/night']);
      expect(generated).toMatchObject({ exitCode: 0, stderr: '' });
      expect(template.readText('src/auth/night/night.guard.ts')).toContain('CanActivate');
      expect(await template.run('npm', ['run', '--silent', 'build'])).toMatchObject({ exitCode: 0, stderr: '' });
    },
    5 * minutes,
  );

  it(
    'starts without anything else, signs a player in and lets them play',
    async () => {
      const variables = { PORT: '0', NOWGG_EMULATOR_PORT: '0', OIDC_EMBEDDED_PORT: '0' };
      const app = template.spawn(['dist/main.js'], { ...variables, NOWGG_SAMPLE_DATA_DIR: ':memory:' });
      let [stdout, stderr] = ['', ''];
      app.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      app.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const ended = once(app, 'close');
      while (!/^Listening: .*\n/m.test(stdout)) {
        if (app.exitCode !== null || !app.stdout) throw new Error(`it ended: ${stderr}`);
        await Promise.race([once(app.stdout, 'data'), ended]);
      }
      const addressAfter = (label: string) => new RegExp(`^${label}.*?(http://[0-9.:]+)`, 'm').exec(stdout)?.[1] ?? '';
      const [url, emulator] = [addressAfter('Listening:'), addressAfter('now.gg:')];
      const { code } = (await (await fetch(`${emulator}/_control/codes`, { method: 'POST' })).json()) as {
        code: string;
      };
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ provider: 'nowgg', code });
      const login = await fetch(`${url}/auth/login`, { method: 'POST', headers, body });
      const { token } = (await login.json()) as { token: string };
      expect((await fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
      expect((await fetch(`${url}/auth/web/authorize`, { redirect: 'manual' })).status).toBe(302);
      expect(await (await fetch(url)).text()).toContain('<html');
      app.kill('SIGTERM');
      await ended;
      expect([app.exitCode, stderr]).toEqual([0, '']);
    },
    3 * minutes,
  );
});
