import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  ConflictException,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  Module,
  Param,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  createCallerDecorator,
  type NowggAuthModuleOptions,
  NowggAuthGuard,
  NowggAuthModule,
  type NowggCaller,
  NowggPlayer,
  NowggPlayers,
  type NowggPrincipal,
  NowggUser,
  OptionalAuth,
  Public,
} from 'nestjs-nowgg-auth';
import { asUser, overrideNowggAuth, TestClock } from 'nestjs-nowgg-auth/testing';

interface Player {
  id: number;
  roles: string[];
}

/** The studio's own users: counts its calls, and fails, hangs or waits when a test says so. */
@Injectable()
class Players {
  readonly calls: string[] = [];
  readonly roles = new Map<string, string[]>();
  answer: (principal: NowggPrincipal) => Promise<Player | undefined> | Player | undefined = ({ userId }) => ({
    id: userId.length,
    roles: this.roles.get(userId) ?? [],
  });

  find(principal: NowggPrincipal) {
    this.calls.push(`${principal.provider}/${principal.userId}`);
    return this.answer(principal);
  }
}

@Module({ providers: [Players], exports: [Players] })
class PlayersModule {}

const Roles = createCallerDecorator('Roles', ({ player }: NowggCaller<Player>, ...roles: string[]) =>
  roles.some((role) => player.roles.includes(role)),
);
const Later = createCallerDecorator('Later', async ({ principal }: NowggCaller, userId: string) => {
  await Promise.resolve();
  return principal.userId === userId;
});
const Truthy = createCallerDecorator('Truthy', () => 'yes' as unknown as boolean);

/** A guard of the application, which runs after the library's. */
@Injectable()
class SeesPlayer implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { nowgg } = context.switchToHttp().getRequest<{ nowgg?: { player: Player; principal: NowggPrincipal } }>();
    return nowgg !== undefined && nowgg.player.id > 0 && nowgg.principal.userId !== '';
  }
}

@Controller()
class GameController {
  @Get('me') me(@NowggPlayer<Player>() player: Player, @NowggPlayer<Player, 'id'>('id') id: number) {
    return { player, id };
  }
  @UseGuards(SeesPlayer) @Get('seen') seen() {
    return 'seen';
  }
  @UseGuards(NowggAuthGuard) @Get('twice') twice(@NowggPlayer<Player>() player: Player) {
    return player;
  }
  @Get('board') @OptionalAuth() board(@NowggPlayer<Player>() player: Player | undefined) {
    return { id: player?.id ?? 'anonymous' };
  }
  @Get('open') @Public() open(@NowggPlayer<Player>() player: Player | undefined) {
    return { id: player?.id ?? 'anonymous' };
  }
  @Get('admin') @Roles('admin', 'owner') admin() {
    return 'admin';
  }
  @Get('optional-admin') @OptionalAuth() @Roles('admin') optionalAdmin() {
    return 'admin';
  }
  @Get('later') @Later('p') later() {
    return 'later';
  }
  @Get('truthy') @Truthy() truthy() {
    return 'truthy';
  }
  @Get('own/:userId') own(@Param('userId') userId: string, @NowggUser('userId') caller: string) {
    return `${userId} ${caller}`;
  }
}

@Controller('staff')
@Roles('staff')
class StaffController {
  @Get() any() {
    return 'staff';
  }
  @Get('admin') @Roles('admin') admin() {
    return 'both';
  }
}

let close: () => Promise<void> = async () => undefined;
afterEach(async () => close());

async function start(options: Partial<NowggAuthModuleOptions> = {}, clock?: TestClock) {
  const auth = NowggAuthModule.forRoot({
    clientId: 'game',
    strategyName: false,
    globalGuard: true,
    resolveUser: {
      imports: [PlayersModule],
      inject: [Players],
      useFactory: (players: Players) => (principal) => players.find(principal),
    },
    ...options,
  });
  const builder = Test.createTestingModule({
    imports: [PlayersModule, auth],
    controllers: [GameController, StaffController],
  });
  const module = await overrideNowggAuth(builder, clock ? { clock } : {}).compile();
  const app = module.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  close = () => app.close();
  const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  const get = async (path: string, userId?: string, scopes: string[] = []) => {
    const answer = await fetch(`${url}${path}`, userId === undefined ? {} : { headers: asUser(userId, { scopes }) });
    const text = await answer.text();
    const body: unknown = text.startsWith('{') ? JSON.parse(text) : text;
    return { status: answer.status, body, retryAfter: answer.headers.get('retry-after') };
  };
  return { app, get, players: app.get(Players) };
}

describe('resolveUser', () => {
  it("gives handlers and later guards the application's own user", async () => {
    const { get } = await start();
    expect((await get('/me', 'abc')).body).toEqual({ player: { id: 3, roles: [] }, id: 3 });
    expect((await get('/seen', 'abc')).body).toBe('seen');
  });

  it('asks once for several requests, tokens and guards of one user, and once for each user', async () => {
    const { get, players } = await start();
    await Promise.all([...Array(20).keys()].map((n) => get(n % 2 ? '/me' : '/twice', 'p', [`s${n}`])));
    expect(players.calls).toEqual(['nowgg/p']);
    await get('/me', 'q');
    expect(players.calls).toEqual(['nowgg/p', 'nowgg/q']);
  });

  it('asks again after maxAgeMs, and for every request with 0', async () => {
    const clock = new TestClock();
    const { get, players } = await start({}, clock);
    await get('/me', 'p');
    clock.advance(29_000);
    await get('/me', 'p');
    expect(players.calls).toHaveLength(1);
    clock.advance(2_000);
    await get('/me', 'p');
    expect(players.calls).toHaveLength(2);
  });

  it('is not asked for anonymous callers and public routes', async () => {
    const { get, players } = await start();
    expect((await get('/board')).body).toEqual({ id: 'anonymous' });
    expect((await get('/open', 'p')).body).toEqual({ id: 'anonymous' });
    expect((await get('/me')).status).toBe(401);
    expect(players.calls).toEqual([]);
    expect((await get('/board', 'p')).body).toEqual({ id: 1 });
  });

  it('makes a failure a 503 and never an anonymous caller, and recovers', async () => {
    const { get, players } = await start();
    const { answer } = players;
    players.answer = () => Promise.reject(new Error('password of the database'));
    const failed = await get('/board', 'p');
    expect(failed).toMatchObject({ status: 503, retryAfter: '1', body: { errorCode: 'store_unavailable' } });
    expect(JSON.stringify(failed)).not.toContain('password');
    players.answer = () => {
      throw new TypeError('sync');
    };
    expect((await get('/me', 'p')).status).toBe(503);
    players.answer = answer;
    expect((await get('/me', 'p')).status).toBe(200);
  });

  it('passes on an HttpException of its own', async () => {
    const { get, players } = await start();
    players.answer = () => Promise.reject(new ConflictException('choose a nickname first'));
    expect(await get('/me', 'p')).toMatchObject({ status: 409, body: { message: 'choose a nickname first' } });
  });

  it('makes an answer that takes too long a 503, and asks anew afterwards', async () => {
    const clock = new TestClock();
    const { get, players } = await start({}, clock);
    const { answer } = players;
    const asked = new Promise<void>((resolve) => {
      players.answer = () => {
        resolve();
        return new Promise(() => undefined);
      };
    });
    const waiting = get('/me', 'p');
    await asked;
    clock.advance(3_000);
    expect((await waiting).status).toBe(503);
    players.answer = answer;
    expect((await get('/me', 'p')).status).toBe(200);
  });

  it('refuses to take no user for an answer', async () => {
    const { get, players } = await start();
    players.answer = () => undefined;
    expect(await get('/me', 'p')).toMatchObject({
      status: 500,
      body: { message: expect.stringContaining('resolveUser') },
    });
  });

  it('sees a change at once after NowggPlayers.invalidate, also while it is being asked', async () => {
    const { app, get, players } = await start();
    await get('/me', 'p');
    players.roles.set('p', ['admin']);
    expect((await get('/admin', 'p')).status).toBe(403);
    app.get(NowggPlayers).invalidate({ userId: 'p' });
    expect((await get('/admin', 'p')).status).toBe(200);

    app.get(NowggPlayers).invalidate({ userId: 'p' });
    const { answer } = players;
    let release: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      players.answer = (principal) => {
        const stale = answer(principal);
        resolve();
        return new Promise((settle) => (release = () => settle(stale)));
      };
    });
    const waiting = get('/admin', 'p');
    await asked;
    players.roles.set('p', []);
    app.get(NowggPlayers).invalidate({ userId: 'p' });
    players.answer = answer;
    release();
    expect((await waiting).status).toBe(403);
  });

  it('names the missing option where @NowggPlayer() has no user, and where NowggPlayers is injected', async () => {
    const { app, get } = await start({ resolveUser: undefined } as never);
    expect(await get('/me', 'p')).toMatchObject({
      status: 500,
      body: { message: expect.stringContaining('resolveUser') },
    });
    await expect(app.resolve(NowggPlayers)).rejects.toThrow('resolveUser');
  });

  it('is checked with the other options at startup', async () => {
    const bad = { resolveUser: { maxAgeMs: -1, other: 1 }, authorize: { useFactory: 1 } } as never;
    await expect(start(bad)).rejects.toThrow(
      /unknown option resolveUser\.other; resolveUser\.useFactory must be .*resolveUser\.maxAgeMs must be .*authorize\.useFactory/,
    );
  });
});

describe('createCallerDecorator', () => {
  it('admits by true alone, sync or async, and answers 403 otherwise', async () => {
    const { get, players } = await start();
    players.roles.set('boss', ['owner']);
    expect(await get('/admin', 'p')).toMatchObject({ status: 403, body: { errorCode: 'forbidden', statusCode: 403 } });
    expect((await get('/admin', 'boss')).status).toBe(200);
    expect((await get('/later', 'p')).status).toBe(200);
    expect((await get('/later', 'q')).status).toBe(403);
    expect((await get('/truthy', 'p')).status).toBe(403);
  });

  it('adds the rules of controller and handler up', async () => {
    const { get, players } = await start();
    players.roles.set('s', ['staff']).set('a', ['admin']).set('both', ['staff', 'admin']);
    expect((await get('/staff', 's')).status).toBe(200);
    expect((await get('/staff', 'a')).status).toBe(403);
    expect((await get('/staff/admin', 's')).status).toBe(403);
    expect((await get('/staff/admin', 'a')).status).toBe(403);
    expect((await get('/staff/admin', 'both')).status).toBe(200);
  });

  it('refuses an anonymous caller, even on a route with @OptionalAuth', async () => {
    const { get } = await start();
    expect((await get('/admin')).status).toBe(401);
    expect((await get('/optional-admin')).status).toBe(401);
  });

  it('contradicts @Public, and needs a guard that obeys it', async () => {
    expect(() => {
      class Wrong {
        @Public() @Roles('admin') open() {
          return '';
        }
      }
      return Wrong;
    }).toThrow('@Public contradicts');
    await expect(start({ globalGuard: false })).rejects.toThrow("no guard reads this module's decorators");
  });

  it('needs no resolveUser for a rule about the principal alone', async () => {
    const { get } = await start({ resolveUser: undefined } as never);
    expect((await get('/later', 'p')).status).toBe(200);
    expect((await get('/later', 'q')).status).toBe(403);
    // The rule reads a player that does not exist: it fails, and admits no caller.
    expect((await get('/admin', 'p')).status).toBe(503);
  });
});

describe('authorize', () => {
  it('decides about every authenticated caller with player, principal and call', async () => {
    const seen: string[] = [];
    const { get } = await start({
      authorize: {
        imports: [PlayersModule],
        inject: [Players],
        useFactory:
          (players: Players) =>
          ({ player, principal, context }: NowggCaller<Player>) => {
            seen.push(`${context.getHandler().name} ${player.id} ${players.calls.length}`);
            return principal.userId !== 'refused';
          },
      },
    });
    expect((await get('/me', 'p')).status).toBe(200);
    expect(await get('/me', 'refused')).toMatchObject({ status: 403, body: { errorCode: 'forbidden' } });
    expect((await get('/open')).status).toBe(200);
    expect((await get('/board')).status).toBe(200);
    expect(seen).toEqual(['me 1 1', 'me 7 2']);
  });

  it('passes on its own exception, and makes any other failure a 503', async () => {
    const failures = [new ConflictException('not now'), new Error('secret')];
    const { get } = await start({ authorize: { useFactory: () => () => Promise.reject(failures.shift()) } });
    expect((await get('/me', 'p')).status).toBe(409);
    expect((await get('/me', 'p')).status).toBe(503);
  });
});

describe('A guard of the application as APP_GUARD', () => {
  it("sees the player with globalGuard: 'first'", async () => {
    @Module({
      imports: [
        NowggAuthModule.forRoot({
          clientId: 'game',
          strategyName: false,
          globalGuard: 'first',
          resolveUser: { useFactory: () => () => ({ id: 1, roles: [] }) },
        }),
      ],
      controllers: [GameController],
      providers: [{ provide: APP_GUARD, useClass: SeesPlayer }],
    })
    class AppModule {}
    const module = await overrideNowggAuth(Test.createTestingModule({ imports: [AppModule] })).compile();
    const app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    close = () => app.close();
    const { port } = app.getHttpServer().address() as AddressInfo;
    expect((await fetch(`http://127.0.0.1:${port}/later`, { headers: asUser('p') })).status).toBe(200);
  });
});
