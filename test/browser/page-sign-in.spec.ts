import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { memoryTokenStore, NowggAuthModule } from 'nestjs-nowgg-auth';
import { NowggOAuth2Module, wgtwo } from 'nestjs-nowgg-auth/oauth2';
import type { Page } from 'playwright-core';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem } from '../oauth2/support/identity-system.js';
import { wgtwoShape } from '../oauth2/support/shapes.js';
import { KEY } from '../oauth2/support/web-game.js';
import { freePort } from '../support/servers/free-port.js';
import { LibraryFilesController } from './support/library-files.js';
import { useBrowser } from './support/watched-browser.js';

/** A page that completes its sign-in at each start, as the guide says. */
const PAGE = `<!doctype html>
<title>lobby</title>
<link rel="icon" href="data:,">
<script type="module">
  import { configure } from '/lib/index.js';
  const auth = configure({ baseUrl: '/', storage: 'localStorage' });
  const completed = auth.completeSignIn().then((user) => ({ user }), ({ errorCode }) => ({ errorCode }));
  Object.assign(globalThis, { auth, completed });
</script>`;

@Controller()
class PagesController {
  @Get('lobby')
  @Header('Content-Type', 'text/html')
  lobby(): string {
    return PAGE;
  }
}

@Module({})
class GameModule {}

const browser = useBrowser();

describe('a page of the game, in a real browser, with the ready-made routes and a certified provider', () => {
  let system: IdentitySystem;
  let app: INestApplication;
  let base: string;

  beforeAll(async () => {
    const port = await freePort();
    base = `http://127.0.0.1:${port}`;
    const redirectUri = `${base}/auth/wgtwo/callback`;
    const client = { ...wgtwoShape.client, redirect_uris: [redirectUri] };
    system = await IdentitySystem.start({ ...wgtwoShape, client });
    const auth = NowggAuthModule.forRoot({
      identityProviders: [
        wgtwo({ baseUrl: system.url, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri }),
      ],
      tokenStore: memoryTokenStore(),
      tokens: { encryptionKeys: [KEY] },
      routes: true,
      strategyName: false,
    });
    app = await NestFactory.create(
      {
        module: GameModule,
        imports: [auth, NowggOAuth2Module.forRoot({ routes: true, returnTo: ['/lobby'] })],
        controllers: [PagesController, LibraryFilesController],
      },
      new ExpressAdapter(),
      { logger: false, abortOnError: false },
    );
    await app.listen(port, '127.0.0.1');
  });
  afterAll(async () => {
    await app.close();
    await system[Symbol.asyncDispose]();
  });

  const completed = async (page: Page) => {
    await page.waitForFunction('globalThis.completed !== undefined');
    return page.evaluate('completed') as Promise<{ user?: { userId: string }; errorCode?: string }>;
  };
  const open = async (page: Page, address = '/lobby?level=2') => {
    await page.goto(new URL(address, base).href);
    return completed(page);
  };
  const addressOf = async (page: Page) => (await page.evaluate("auth.signInUrl('wgtwo')")) as string;
  const PLAYER = { provider: 'wgtwo', userId: `pairwise-${CLIENT_ID}-player-1` };

  it('signs the player in, leaves nothing in the address, and plays', async () => {
    const page = await browser.newPage();
    const addresses: string[] = [];
    page.on('framenavigated', (frame) => addresses.push(frame.url()));
    expect(await open(page)).toEqual({});
    await page.evaluate("auth.signInUrl('wgtwo').then((url) => location.assign(url))");
    await page.waitForURL('**/lobby?level=2');
    expect((await completed(page)).user).toMatchObject(PLAYER);
    expect(page.url()).toBe(`${base}/lobby?level=2`);
    expect(await page.evaluate('auth.fetchPrincipal()')).toMatchObject(PLAYER);
    const handedOver = addresses.filter((address) => address.includes('nowgg-handoff'));
    expect(handedOver).toHaveLength(1);
    await page.reload();
    expect(await completed(page)).toEqual({});
    expect(await page.evaluate('auth.ready')).toBe('AUTHENTICATED');
    await page.goBack();
    await page.goForward();
    expect(page.url()).not.toContain('#');
    // The address that the browser has once seen gives nothing to a page that has used its verifier up.
    await page.goto('about:blank');
    expect(await open(page, handedOver[0])).toEqual({ errorCode: 'invalid_grant' });
    expect(await page.evaluate('auth.ready')).toBe('AUTHENTICATED');
  });

  it('signs in in another tab than the one that began', async () => {
    const context = await browser.newContext();
    const [first, second] = [await context.newPage(), await context.newPage()];
    await open(first);
    await second.goto(await addressOf(first));
    await second.waitForURL('**/lobby?level=2');
    expect((await completed(second)).user).toMatchObject(PLAYER);
    await first.waitForFunction("auth.sessionState === 'AUTHENTICATED'");
  });

  it('takes no sign-in that another browser has begun', async () => {
    const [attacker, victim] = [await browser.newPage(), await browser.newPage()];
    await open(attacker);
    const seen: string[] = [];
    attacker.on('framenavigated', (frame) => seen.push(frame.url()));
    await attacker.goto(await addressOf(attacker));
    await attacker.waitForURL('**/lobby?level=2');
    await completed(attacker);
    const link = seen.find((address) => address.includes('nowgg-handoff')) as string;
    expect(await open(victim, link)).toEqual({ errorCode: 'invalid_grant' });
    expect([victim.url().includes('#'), await victim.evaluate('auth.ready')]).toEqual([false, 'NO_SESSION']);
    expect(await open(victim, `/lobby#nowgg-error=access_denied&nowgg-challenge=${'A'.repeat(43)}`)).toEqual({
      errorCode: 'invalid_grant',
    });
  });

  it('says why there is no session when the player cancels', async () => {
    const context = await browser.newContext();
    await context.addCookies([{ name: 'refuses', value: '1', url: system.url }]);
    const page = await context.newPage();
    await open(page);
    await page.goto(await addressOf(page));
    await page.waitForURL('**/lobby?level=2');
    expect(await completed(page)).toEqual({ errorCode: 'access_denied' });
  });
});
