import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { memoryTokenStore, NowggAuthModule, SystemClock } from 'nestjs-nowgg-auth';
import { sami } from 'nestjs-nowgg-auth/oauth2';
import type { Page } from 'playwright-core';
import { SamiWire } from '../oauth2/support/sami-wire.js';
import { KEY } from '../oauth2/support/web-game.js';
import { freePort } from '../support/servers/free-port.js';
import { LibraryFilesController } from './support/library-files.js';
import { useBrowser } from './support/watched-browser.js';

const CLIENT_ID = '9628eef2a00d43d89b757b8d34373588';

const pageOf = (sami: string, base: string, clientId: string) => `<!doctype html>
<title>callback</title>
<link rel="icon" href="data:,">
<script type="module">
  import { configure } from '/lib/index.js';
  import { implicitSignIn } from '/lib/implicit.js';
  const auth = configure({ baseUrl: '/' });
  const signIn = implicitSignIn(auth, {
    authorizationUrl: '${sami}/authorize', clientId: '${clientId}', redirectUri: '${base}/callback', scope: 'read,write',
  });
  const completed = signIn.complete().catch(({ errorCode }) => errorCode);
  Object.assign(globalThis, { auth, signIn, completed });
</script>`;

const browser = useBrowser();

describe('the implicit method in a real browser, with a backend that verifies by token info', () => {
  let wire: SamiWire;
  let app: INestApplication;
  let base: string;
  let clientId = CLIENT_ID;

  @Controller()
  class PagesController {
    @Get('callback')
    @Header('Content-Type', 'text/html')
    callback(): string {
      return pageOf(wire.url, base, clientId);
    }
  }

  @Module({})
  class GameModule {}

  beforeAll(async () => {
    wire = await SamiWire.start(new SystemClock());
    const port = await freePort();
    base = `http://127.0.0.1:${port}`;
    const provider = sami({
      baseUrl: wire.url,
      clientId: CLIENT_ID,
      clientSecret: 'a-secret',
      tokenInfoUrl: `${wire.url}/v1.1/accounts/tokenInfo`,
    });
    const auth = NowggAuthModule.forRoot({
      identityProviders: [provider],
      tokenStore: memoryTokenStore(),
      tokens: { encryptionKeys: [KEY] },
      routes: true,
      strategyName: false,
    });
    app = await NestFactory.create(
      { module: GameModule, imports: [auth], controllers: [PagesController, LibraryFilesController] },
      { logger: false, abortOnError: false },
    );
    await app.listen(port, '127.0.0.1');
  });
  afterAll(async () => {
    await app.close();
    await wire[Symbol.asyncDispose]();
  });

  const open = async (page: Page) => {
    await page.goto('about:blank');
    await page.goto(`${base}/callback`);
    return completed(page);
  };
  const completed = async (page: Page) => {
    await page.waitForFunction('globalThis.completed !== undefined');
    return page.evaluate('completed');
  };
  const signIn = async (page: Page) => {
    const back = page.waitForURL((url) => url.pathname === '/callback' && url.hash === '');
    await page.evaluate('signIn.url().then((url) => location.assign(url))');
    await back;
    await page.waitForFunction('globalThis.completed !== undefined && location.hash === ""');
    return completed(page);
  };

  it('gives the page a token that its backend accepts, and the address keeps nothing', async () => {
    const page = await browser.newPage();
    const addresses: string[] = [];
    page.on('framenavigated', (frame) => addresses.push(frame.url()));
    expect(await open(page)).toBe(false);
    expect(await signIn(page)).toBe(true);
    expect(page.url()).toBe(`${base}/callback`);
    expect(await page.evaluate('auth.fetchPrincipal()')).toMatchObject({ provider: 'sami', userId: 'asha' });
    const address = addresses.find((each) => each.includes('access_token')) as string;
    // The same address in another tab, and in another browser.
    for (const other of [await page.context().newPage(), await browser.newPage()]) {
      await other.goto(address);
      expect([await completed(other), new URL(other.url()).hash]).toEqual(['invalid_state', '']);
      expect(await other.evaluate('auth.ready')).toBe('NO_SESSION');
    }
  });

  it('gives the backend no player by a token of another application', async () => {
    browser.expectFindings(/^console: .* 401 /);
    clientId = 'another-application';
    const page = await browser.newPage();
    await open(page);
    expect(await signIn(page)).toBe(true);
    expect(['NoSessionError', 'RequestRefusedError']).toContain(
      await page.evaluate('auth.fetchPrincipal().catch(({ name }) => name)'),
    );
    clientId = CLIENT_ID;
  });
});
