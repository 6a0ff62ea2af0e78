import { randomBytes } from 'node:crypto';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  type IdentityProviderDefinition,
  memoryTokenStore,
  NowggAccountService,
  NowggAuthenticator,
  NowggAuthModule,
  type NowggAuthModuleOptions,
  NowggRevocationService,
  NowggTokenService,
  type Verdict,
} from 'nestjs-nowgg-auth';
import {
  type AuthorizationUrlOptions,
  NowggApplicationTokenService,
  NowggAuthorizationService,
  NowggOAuth2Module,
  type NowggOAuth2ModuleOptions,
  type SignIn,
} from 'nestjs-nowgg-auth/oauth2';
import { GuardedRoutes, HandlerRuns } from '../../support/game/guarded-routes.js';
import { call, type RawReply } from '../../support/raw-http/raw-client.js';
import { OffsetClock } from '../../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { Browser } from './browser.js';
import { REDIRECT_URI } from './identity-system.js';

export const KEY = { id: 'k1', key: randomBytes(32).toString('base64') };

@Module({})
class GameModule {}

/** A game backend with a web sign-in, on one process's memory. */
export class WebGame implements AsyncDisposable {
  readonly clock = new OffsetClock();
  readonly #app: INestApplication;

  private constructor(app: INestApplication, clock: OffsetClock) {
    this.#app = app;
    this.clock = clock;
  }

  static async start(
    identityProviders: readonly IdentityProviderDefinition[],
    options: Partial<NowggAuthModuleOptions> = {},
    platform: 'express' | 'fastify' = 'express',
    oauth2: NowggOAuth2ModuleOptions = {},
  ): Promise<WebGame> {
    const clock = new OffsetClock();
    const auth = NowggAuthModule.forRoot({
      identityProviders,
      tokenStore: memoryTokenStore(),
      tokens: { encryptionKeys: [KEY] },
      strategyName: false,
      clock,
      ...options,
    });
    const root = {
      module: GameModule,
      imports: [auth, NowggOAuth2Module.forRoot(oauth2)],
      controllers: [GuardedRoutes],
      providers: [HandlerRuns],
    };
    const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
    const app = await NestFactory.create(root, adapter, { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    return new WebGame(app, clock);
  }

  get authorization(): NowggAuthorizationService {
    return this.#app.get(NowggAuthorizationService, { strict: false });
  }

  get applicationTokens(): NowggApplicationTokenService {
    return this.#app.get(NowggApplicationTokenService, { strict: false });
  }

  get accounts(): NowggAccountService {
    return this.#app.get(NowggAccountService, { strict: false });
  }

  get tokens(): NowggTokenService {
    return this.#app.get(NowggTokenService, { strict: false });
  }

  get revocation(): NowggRevocationService {
    return this.#app.get(NowggRevocationService, { strict: false });
  }

  /** Sends a browser out and waits until it is back with a callback address. */
  async sendOut(browser: Browser, provider?: string, options?: AuthorizationUrlOptions): Promise<string> {
    const { url, cookie } = await this.authorization.authorizationUrl(provider, options);
    browser.keep(REDIRECT_URI, cookie.header);
    return browser.go(url);
  }

  async finish(browser: Browser, callback: string, provider?: string): Promise<SignIn> {
    const signIn = await this.authorization.callback(provider, {
      url: callback,
      cookie: browser.cookies(REDIRECT_URI),
    });
    browser.keep(REDIRECT_URI, signIn.cookie.header);
    return signIn;
  }

  async signIn(browser = new Browser(), provider?: string): Promise<SignIn> {
    return this.finish(browser, await this.sendOut(browser, provider), provider);
  }

  async verdict(token: string, policy?: { provider?: string; maxAgeMs?: number }): Promise<Verdict> {
    return this.#app.get(NowggAuthenticator, { strict: false }).authenticate(token, policy);
  }

  async outcome(token: string, policy?: { provider?: string; maxAgeMs?: number }): Promise<string> {
    const verdict = await this.verdict(token, policy);
    return verdict.status === 'valid' ? 'valid' : `${verdict.status}: ${verdict.reason}`;
  }

  async fetch(path: string, token: string): Promise<RawReply> {
    const { port } = this.#app.getHttpServer().address() as { port: number };
    return call(port, { path, headers: [['Authorization', `Bearer ${token}`]] });
  }

  get url(): string {
    const { port } = this.#app.getHttpServer().address() as { port: number };
    return `http://127.0.0.1:${port}`;
  }

  async post(path: string, body: object): Promise<RawReply> {
    const { port } = this.#app.getHttpServer().address() as { port: number };
    const headers = [['Content-Type', 'application/json']] as const;
    return call(port, { method: 'POST', path, headers, body: JSON.stringify(body) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app.close();
  }
}
