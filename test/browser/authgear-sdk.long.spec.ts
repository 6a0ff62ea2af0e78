import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { useBrowser } from './support/watched-browser.js';

const SDK = path.join(path.dirname(createRequire(import.meta.url).resolve('@authgear/web')), 'authgear-web.module.js');
/** Where the SDK keeps the refresh token of its default container. */
const REFRESH_TOKEN = 'authgear_default_refreshToken';

/** An Authgear project whose token endpoint renews one refresh token, the page of an application, and its backend. */
class Project {
  readonly server: Server = createServer((request, response) => {
    const route = `${request.method} ${request.url}`;
    const reply = (type: string, body: string) => response.writeHead(200, { 'content-type': type }).end(body);
    if (route === 'GET /') return reply('text/html', '<!doctype html><title>page</title>');
    if (route === 'GET /sdk.js') return reply('text/javascript', readFileSync(SDK, 'utf8'));
    if (route === 'GET /favicon.ico') return response.writeHead(204).end();
    this.requests.push(`${route} ${request.headers.authorization ?? ''}`.trim());
    if (route === 'GET /.well-known/openid-configuration') {
      const { url } = this;
      return reply('application/json', JSON.stringify({ issuer: url, token_endpoint: `${url}/oauth2/token` }));
    }
    if (route === 'POST /oauth2/token') {
      return reply(
        'application/json',
        '{"token_type":"Bearer","access_token":"access-1","expires_in":1800,"refresh_token":"r-2"}',
      );
    }
    return reply('application/json', '{}');
  });
  /** Requests of the SDK. */
  readonly requests: string[] = [];

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
}

describe("Authgear's SDK for browsers", () => {
  const browser = useBrowser();
  const project = new Project();
  let page: Page;

  beforeAll(async () => {
    project.server.listen(0, '127.0.0.1');
    await once(project.server, 'listening');
  });
  afterAll(async () => {
    project.server.closeAllConnections();
    await new Promise((resolve) => project.server.close(resolve));
  });
  beforeEach(async () => {
    page = await browser.newPage();
    await page.goto(`${project.url}/`);
    project.requests.length = 0;
  });

  /** Configures the SDK in the page, waits for what it might still send, and tells the state of the session. */
  const configure = (sessionType: 'refresh_token' | 'cookie' = 'refresh_token'): Promise<unknown> =>
    page.evaluate(`(async () => {
      const { default: authgear } = await import('/sdk.js');
      globalThis.authgear = authgear;
      await authgear.configure({ clientID: 'game', endpoint: '${project.url}', sessionType: '${sessionType}' });
      await new Promise((resolve) => requestIdleCallback(resolve));
      return authgear.sessionState;
    })()`);

  it('makes no request when it is configured without a session', async () => {
    expect([await configure(), project.requests]).toEqual(['NO_SESSION', []]);
  });

  it('makes none with a stored session, and none with cookies', async () => {
    await page.evaluate(`localStorage.setItem('${REFRESH_TOKEN}', 'r-1')`);
    expect([await configure(), project.requests]).toEqual(['AUTHENTICATED', []]);
    await page.reload();
    expect([await configure('cookie'), project.requests]).toEqual(['UNKNOWN', []]);
  });

  it('asks for a token when one is needed, and sends it to the backend', async () => {
    await page.evaluate(`localStorage.setItem('${REFRESH_TOKEN}', 'r-1')`);
    await configure();
    await page.evaluate(`globalThis.authgear.fetch('${project.url}/api').then((response) => response.status)`);
    expect(project.requests).toEqual([
      'GET /.well-known/openid-configuration',
      'POST /oauth2/token',
      'GET /api Bearer access-1',
    ]);
  });
});
