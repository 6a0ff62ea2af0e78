import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { memoryTokenStore, NowggAuthModule, NowggTokenService } from 'nestjs-nowgg-auth';
import { NowggAuthorizationService, NowggOAuth2Module, type SamiOptions } from 'nestjs-nowgg-auth/oauth2';
import { Browser } from './support/browser.js';
import { IdentitySystem } from './support/identity-system.js';
import { samiProvider } from './support/providers.js';
import { samiShape } from './support/shapes.js';
import { KEY } from './support/web-game.js';

jest.setTimeout(60_000);

@Module({})
class GameModule {}

/** A system that knows no PKCE, as SAMI's pages have it: the verifier protects no code. */
const withoutPkce = {
  ...samiShape,
  shim: async (...given: Parameters<NonNullable<typeof samiShape.shim>>) => {
    const [request] = given;
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    for (const name of ['code_challenge', 'code_challenge_method']) url.searchParams.delete(name);
    request.url = `${url.pathname}${url.search}`;
    return (await samiShape.shim?.(...given)) ?? false;
  },
  configuration: (base: string) => ({ ...samiShape.configuration(base), pkce: { required: () => false } }),
};

describe.each(['express', 'fastify'] as const)(
  'POST login of a provider with an authorization flow on %s',
  (platform) => {
    let system: IdentitySystem;
    let app: INestApplication | undefined;

    beforeEach(async () => {
      system = await IdentitySystem.start(withoutPkce);
    });
    afterEach(async () => {
      await app?.close();
      app = undefined;
      await system[Symbol.asyncDispose]();
    });

    const start = async (options: Partial<SamiOptions> = {}) => {
      const auth = NowggAuthModule.forRoot({
        identityProviders: [samiProvider(system, options)],
        tokenStore: memoryTokenStore(),
        tokens: { encryptionKeys: [KEY] },
        strategyName: false,
        routes: true,
      });
      app = await NestFactory.create(
        { module: GameModule, imports: [auth, NowggOAuth2Module.forRoot({ routes: true })] },
        platform === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
        { logger: false, abortOnError: false },
      );
      await app.listen(0, '127.0.0.1');
      return app;
    };

    /** A code of a sign-in that another browser began. */
    const codeOfAnother = async (game: INestApplication) => {
      const { url } = await game.get(NowggAuthorizationService, { strict: false }).authorizationUrl();
      return new URL(await new Browser().go(url)).searchParams.get('code') as string;
    };

    const login = async (game: INestApplication, code: string) => {
      const response = await fetch(`${await game.getUrl()}/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ code }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };

    it('takes no code, and does not ask the identity system', async () => {
      const game = await start();
      const code = await codeOfAnother(game);
      const asked = system.seenAt('/token').length;
      const { status, body } = await login(game, code);
      expect([status, body.errorCode, body.session]).toEqual([400, 'invalid_request', undefined]);
      const exchange = game.get(NowggTokenService).exchangeCode(code);
      await expect(exchange).rejects.toMatchObject({
        errorCode: 'configuration',
        message: expect.stringContaining('acceptCodesAtLogin'),
      });
      expect(system.seenAt('/token')).toHaveLength(asked);
    });

    it('takes codes where that was opted for', async () => {
      const game = await start({ acceptCodesAtLogin: true });
      const { status, body } = await login(game, await codeOfAnother(game));
      expect([status, body.user]).toEqual([200, expect.objectContaining({ userId: 'player-1' })]);
    });
  },
);
