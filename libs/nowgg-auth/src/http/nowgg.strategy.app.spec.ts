import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Module, type OnModuleInit, Req, UseGuards } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { Test } from '@nestjs/testing';
import passport from 'passport';
import CustomStrategy from 'passport-custom';
import { NowggConfigurationError } from '../errors.js';
import { NowggAuthModule } from '../module/nowgg-auth.module.js';
import type { NowggPrincipal } from '../principal.js';
import type { AuthenticatedRequest } from './authentication.js';
import { NowggAuthExceptionFilter } from './nowgg-auth.filter.js';
import { NowggUser } from './nowgg-user.decorator.js';
import { GuardedApp, platforms } from '../testing-support/guarded-app.js';

/** Stands for an application's other strategy: accepts each request that names it. */
@Injectable()
class OtherStrategy extends PassportStrategy(CustomStrategy, 'other') {
  validate(request: { headers: { authorization?: string } }) {
    return request.headers.authorization?.endsWith('other') ? { id: 'other-user' } : false;
  }
}

const answer = (request: AuthenticatedRequest, user: NowggPrincipal | undefined) => ({
  user: request.user,
  nowggUser: user === undefined ? 'undefined' : user.userId,
});

@Controller()
class PassportController {
  @UseGuards(AuthGuard('nowgg')) @Get('alone') alone(
    @Req() request: AuthenticatedRequest,
    @NowggUser() user?: NowggPrincipal,
  ) {
    return answer(request, user);
  }
  @UseGuards(AuthGuard(['nowgg', 'other'])) @Get('first') first(
    @Req() request: AuthenticatedRequest,
    @NowggUser() user?: NowggPrincipal,
  ) {
    return answer(request, user);
  }
  @UseGuards(AuthGuard(['other', 'nowgg'])) @Get('last') last(
    @Req() request: AuthenticatedRequest,
    @NowggUser() user?: NowggPrincipal,
  ) {
    return answer(request, user);
  }
}

describe.each(platforms)('NowggStrategy on %s', (platform) => {
  let guarded: GuardedApp;
  const start = async () => {
    guarded = await GuardedApp.start(platform, {
      controllers: [PassportController],
      providers: [OtherStrategy, { provide: APP_FILTER, useExisting: NowggAuthExceptionFilter }],
    });
  };
  afterEach(async () => guarded.close());

  it('lets a good token in and gives @NowggUser the principal', async () => {
    await start();
    for (const path of ['/alone', '/first', '/last']) {
      const { status, body } = await guarded.send(path, 'Bearer good');
      expect([status, body]).toMatchObject([200, { user: { userId: 'u1' }, nowggUser: 'u1' }]);
    }
  });

  it('fails on to the next strategy without a token and with a bad one; @NowggUser is then undefined', async () => {
    await start();
    for (const header of ['Basic other', 'Bearer other', 'Bearer x other']) {
      for (const path of ['/first', '/last']) {
        const { status, body } = await guarded.send(path, header);
        expect([status, body]).toEqual([200, { user: { id: 'other-user' }, nowggUser: 'undefined' }]);
      }
    }
  });

  it('answers 401 when no strategy takes the caller', async () => {
    await start();
    for (const path of ['/alone', '/first', '/last']) {
      expect((await guarded.send(path)).status).toBe(401);
      expect((await guarded.send(path, 'Bearer expired')).status).toBe(401);
    }
  });

  it('ends the chain with 503 when the identity system cannot be asked', async () => {
    await start();
    for (const path of ['/alone', '/first', '/last']) {
      const { status, headers, body } = await guarded.send(path, 'Bearer unasked');
      expect([status, headers['retry-after'], body]).toMatchObject([503, '7', { errorCode: 'identity_unavailable' }]);
    }
  });

  it('ends the chain with 400 at two credentials', async () => {
    await start();
    const { status, body } = await guarded.send('/first', ['Bearer good', 'Bearer other']);
    expect([status, body]).toMatchObject([400, { errorCode: 'invalid_request' }]);
    expect(guarded.authenticator.calls).toEqual([]);
  });
});

describe('the name of a NowggStrategy', () => {
  const open: { close(): Promise<void> }[] = [];
  const boot = async (strategyName?: string | false, ...imports: (new () => object)[]) => {
    const module = NowggAuthModule.forRoot({ clientId: 'game', ...(strategyName !== undefined && { strategyName }) });
    const testing = await Test.createTestingModule({ imports: [module, ...imports] }).compile();
    const app = testing.createNestApplication({ logger: false });
    await app.init();
    open.push(app);
    return app;
  };
  const strategies = () => Object.keys((passport as unknown as { _strategies: object })._strategies);
  afterEach(async () => {
    await Promise.all(open.splice(0).map((app) => app.close()));
  });

  it('cannot be taken twice by live modules; the refusal names the option', async () => {
    await boot();
    await expect(boot()).rejects.toThrow(NowggConfigurationError);
    await expect(boot()).rejects.toThrow(/^strategyName: /);
  });

  it('is free again when the application is closed', async () => {
    await (await boot()).close();
    expect(strategies()).not.toContain('nowgg');
    await boot();
    expect(strategies()).toContain('nowgg');
  });

  it('lets several modules live together under different names, or none', async () => {
    await boot();
    await boot('nowgg-second');
    await boot(false);
    await boot(false);
    expect(strategies().filter((name) => name.startsWith('nowgg'))).toEqual(['nowgg', 'nowgg-second']);
  });

  it('is not kept by an application whose start failed half-way', async () => {
    @Injectable()
    class Broken implements OnModuleInit {
      onModuleInit() {
        throw new Error('no database');
      }
    }
    @Module({ providers: [Broken] })
    class BrokenModule {}
    await expect(boot('nowgg', BrokenModule)).rejects.toThrow('no database');
    await boot('nowgg');
  });

  it('goes to one of two applications that start at the same time', async () => {
    const results = await Promise.allSettled([boot(), boot()]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  it('is not taken away by the late end of an application that has lost it', async () => {
    const first = await boot();
    const ending = first.close();
    await ending;
    await boot();
    await first.close();
    expect(strategies()).toContain('nowgg');
    await expect(boot()).rejects.toThrow(NowggConfigurationError);
  });
});
