import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type FactoryProvider, type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { memoryTokenStore, NowggAuthModule, NowggTokenService } from 'nestjs-nowgg-auth';
import { authgear, NowggAuthorizationService, NowggOAuth2Module } from 'nestjs-nowgg-auth/oauth2';
import { Browser } from './support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { authgearShape } from './support/shapes.js';

jest.setTimeout(60_000);

interface Services {
  readonly authorization: NowggAuthorizationService;
  readonly tokens: NowggTokenService;
}

/** A part of an application that signs its players in by itself, with keys and a store of its own. */
function title(name: string, endpoint: string) {
  const auth = NowggAuthModule.forRoot({
    identityProviders: [
      authgear({ endpoint, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI }),
    ],
    tokenStore: memoryTokenStore(),
    tokens: { encryptionKeys: [{ id: 'k1', key: randomBytes(32).toString('base64') }] },
    strategyName: false,
    isGlobal: false,
  });
  const services: FactoryProvider<Services> = {
    provide: name,
    useFactory: (authorization: NowggAuthorizationService, tokens: NowggTokenService) => ({ authorization, tokens }),
    inject: [NowggAuthorizationService, NowggTokenService],
  };
  @Module({
    imports: [auth, NowggOAuth2Module.forRoot({ imports: [auth], isGlobal: false })],
    providers: [services],
  })
  class TitleModule {}
  return TitleModule;
}

describe('two modules with token stores in one application', () => {
  let system: IdentitySystem;
  let app: INestApplicationContext;

  beforeAll(async () => {
    system = await IdentitySystem.start(authgearShape('opaque'));
    @Module({ imports: [title('first', system.url), title('second', system.url)] })
    class AppModule {}
    app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  });
  afterAll(async () => {
    await app.close();
    await system[Symbol.asyncDispose]();
  });

  const servicesOf = (name: string) => app.get<Services>(name, { strict: false });

  it.each([
    ['first', 'second'],
    ['second', 'first'],
  ])('keep a sign-in at the %s out of the %s', async (name, other) => {
    const { authorization, tokens } = servicesOf(name);
    const browser = new Browser();
    const { url, cookie } = await authorization.authorizationUrl();
    browser.keep(REDIRECT_URI, cookie.header);
    const callback = await browser.go(url);
    const signIn = await authorization.callback(undefined, { url: callback, cookie: browser.cookies(REDIRECT_URI) });
    expect(await tokens.getAccessToken(signIn.grant.id)).toEqual(signIn.accessToken);
    await expect(servicesOf(other).tokens.getAccessToken(signIn.grant.id)).rejects.toMatchObject({ status: 401 });
  });
});
