import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, Module, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { type AuthorizeWiring, NowggAuthModule } from 'nestjs-nowgg-auth';
import { asUser, overrideNowggAuth } from 'nestjs-nowgg-auth/testing';
import { RunningDocument } from './run-document.js';

const guide = new RunningDocument('docs/your-own-users.md');
afterAll(() => guide[Symbol.dispose]());

let app: INestApplication | undefined;
afterEach(async () => app?.close());

async function start(root: Type): Promise<(path: string, userId: string, method?: string) => Promise<Response>> {
  const module = await overrideNowggAuth(Test.createTestingModule({ imports: [root] })).compile();
  app = module.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return (path, userId, method = 'GET') =>
    fetch(`http://127.0.0.1:${port}${path}`, { method, headers: asUser(userId, { name: 'Asha' }) });
}

describe('the guide to your own users', () => {
  it('creates the player at the first request, and a role counts at once', async () => {
    const { AppModule } = await guide.load<{ AppModule: Type }>('app.module.ts');
    const { Players } = await guide.load<{ Players: Type<{ grantRole: (...words: string[]) => Promise<void> }> }>(
      'players.ts',
    );
    const get = await start(AppModule);
    expect(await (await get('/profile', 'boss')).json()).toEqual({ id: 1, nickname: 'Asha' });
    expect(await (await get('/profile', 'player')).json()).toEqual({ id: 2, nickname: 'Asha' });
    expect((await get('/reports', 'player')).status).toBe(403);
    expect((await get('/admins/player', 'player', 'POST')).status).toBe(403);

    await app?.get(Players).grantRole('nowgg', 'new boss', 'admin');
    await app?.get(Players).grantRole('nowgg', 'boss', 'admin');
    expect((await get('/admins/player', 'boss', 'POST')).status).toBe(403); // known for another half minute
    const { NowggPlayers } = await import('nestjs-nowgg-auth');
    app?.get(NowggPlayers).invalidate({ userId: 'boss' });
    expect((await get('/admins/player', 'boss', 'POST')).status).toBe(201);
    expect((await get('/reports', 'player')).status).toBe(200);
  });

  it('decides by the abilities of CASL', async () => {
    const { Can } = await guide.load<{ Can: (action: string, subject: string) => MethodDecorator }>('abilities.ts');
    @Controller()
    class Routes {
      @Can('read', 'Report') @Get('reports') reports() {
        return '';
      }
      @Can('ban', 'Player') @Get('bans') bans() {
        return '';
      }
    }
    const roles: Readonly<Record<string, string[]>> = { boss: ['admin'], helper: ['support'] };
    const resolveUser = {
      useFactory:
        () =>
        ({ userId }: { userId: string }) => ({ roles: roles[userId] ?? [] }),
    };
    @Module({
      imports: [NowggAuthModule.forRoot({ clientId: 'game', globalGuard: true, resolveUser })],
      controllers: [Routes],
    })
    class AppModule {}
    const get = await start(AppModule);
    const statuses = async (userId: string) => [
      (await get('/reports', userId)).status,
      (await get('/bans', userId)).status,
    ];
    expect(await statuses('boss')).toEqual([200, 200]);
    expect(await statuses('helper')).toEqual([200, 403]);
    expect(await statuses('player')).toEqual([403, 403]);
  });

  it('decides about all routes in one place', async () => {
    const { authorize, Permission } = await guide.load<{
      authorize: AuthorizeWiring;
      Permission: (needed: string) => MethodDecorator;
    }>('authorize.ts');
    @Controller()
    class Routes {
      @Permission('admin') @Get('closed') closed() {
        return '';
      }
      @Get('open') open() {
        return '';
      }
    }
    const resolveUser = { useFactory: () => () => ({ roles: ['support'] }) };
    @Module({
      imports: [NowggAuthModule.forRoot({ clientId: 'game', globalGuard: true, resolveUser, authorize })],
      controllers: [Routes],
    })
    class AppModule {}
    const get = await start(AppModule);
    expect((await get('/open', 'p')).status).toBe(200);
    expect((await get('/closed', 'p')).status).toBe(403);
  });
});
