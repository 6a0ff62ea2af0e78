import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { NowggEmulator } from '../nowgg-emulator.js';
import { startNowggEmulator } from '../start-nowgg-emulator.js';

interface Answer {
  readonly status: number | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

describe('the page', () => {
  let emulator: NowggEmulator;
  beforeAll(async () => {
    emulator = await startNowggEmulator();
  });
  afterAll(() => emulator.close());

  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<Answer>((resolve, reject) => {
      const request = httpRequest(emulator.url, { path, method, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
      });
      request.on('error', reject);
      request.end();
    });

  it.each([
    ['/', 'text/html'],
    ['/?anything', 'text/html'],
    ['/sign-in', 'text/html'],
    ['/sign-in?mode=popup', 'text/html'],
    ['/_page/page.css', 'text/css'],
    ['/_page/icon.svg', 'image/svg+xml'],
    ['/favicon.ico', 'image/svg+xml'],
    ['/_page/dashboard.js', 'text/javascript'],
  ])('is at %s', async (path, type) => {
    const { status, headers, text } = await ask(path);
    expect(status).toBe(200);
    expect(headers['content-type']).toContain(type);
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
    expect(headers).toMatchObject({ 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff' });
    expect(text.length).toBeGreaterThan(100);
  });

  it('serves every file that it consists of, and names no address elsewhere', async () => {
    const folder = new URL('../../page/', import.meta.url);
    for (const name of readdirSync(folder).filter((file) => /\.(css|js|svg)$/.test(file))) {
      expect((await ask(`/_page/${name}`)).text).toBe(readFileSync(new URL(name, folder), 'utf8'));
    }
    for (const name of readdirSync(folder)) {
      const text = readFileSync(new URL(name, folder), 'utf8').replace('http://www.w3.org/2000/svg', '');
      expect(text).not.toMatch(/(?:https?:)?\/\/[\w-]+\.\w/);
      expect(text).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\seval\(|\son\w+=|\sstyle=/);
    }
  });

  it('answers HEAD without a body', async () => {
    const { status, headers, text } = await ask('/', {}, 'HEAD');
    expect([status, text]).toEqual([200, '']);
    expect(Number(headers['content-length'])).toBeGreaterThan(100);
  });

  it.each([
    '/_page/',
    '/_page/none.js',
    '/_page/../package.json',
    '/_page/%2e%2e/package.json',
    '/_page/tsconfig.json',
  ])('has nothing at %s', async (path) => {
    expect((await ask(path)).status).toBe(404);
  });

  it('is for names of this machine: a name that was rebound to it gets nothing', async () => {
    for (const path of ['/', '/sign-in', '/_page/page.css'])
      expect((await ask(path, { host: `evil.example:${emulator.port}` })).status).toBe(403);
    expect((await ask('/', { host: `localhost:${emulator.port}` })).status).toBe(200);
  });

  it('is no call of the vendor, and leaves other methods to the endpoints', async () => {
    expect(emulator.requestCount()).toBe(0);
    expect((await ask('/sign-in', {}, 'POST')).status).toBe(404);
    expect(emulator.requests).toMatchObject([{ endpoint: 'unknown', method: 'POST', path: '/sign-in', status: 404 }]);
  });

  it('lets a page of another origin neither read the state nor change it', async () => {
    const { url } = emulator;
    const statusOf = async (path: string, headers: Record<string, string>, method = 'GET') =>
      (await ask(`/_control/${path}`, headers, method)).status;
    const foreign = { origin: 'http://127.0.0.1:1', 'content-type': 'application/json' };
    for (const path of ['revoke', 'faults', 'reset', 'sign-ins', 'ban', 'clock', 'token-life', 'players'])
      expect(await statusOf(path, foreign, 'POST')).toBe(403);
    expect(await statusOf('events', { origin: 'http://evil.example' })).toBe(403);
    expect(await statusOf('players', { 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await statusOf('players', { 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(await statusOf('codes', { 'sec-fetch-site': 'cross-site' }, 'POST')).toBe(403);
    expect(await statusOf('players', { origin: url, 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await statusOf('players', { 'sec-fetch-site': 'none' })).toBe(200);
  });
});
