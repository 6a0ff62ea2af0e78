import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Param, type PipeTransform, UseGuards, ValidationPipe } from '@nestjs/common';
import { NowggPrincipal } from '../principal.js';
import { NowggAuthGuard } from './nowgg-auth.guard.js';
import { NowggUser } from './nowgg-user.decorator.js';
import { OptionalAuth } from './policy/policy.decorators.js';
import { GuardedApp, platforms } from '../testing-support/guarded-app.js';

class Player {
  constructor(readonly label: string) {}
}

@Injectable()
class LoadPlayer implements PipeTransform<NowggPrincipal, Promise<Player>> {
  async transform(principal: NowggPrincipal) {
    return new Player(`player ${principal.userId}`);
  }
}

@Controller()
class UserController {
  @UseGuards(NowggAuthGuard) @Get('fields/:id') fields(
    @Param('id') id: string,
    @NowggUser('userId') userId: string,
    @NowggUser('email') email?: string,
    @NowggUser('scopes') scopes?: readonly string[],
  ) {
    return { id, userId, email: email ?? 'none', scopes };
  }
  @UseGuards(NowggAuthGuard) @Get('piped') piped(
    @NowggUser(LoadPlayer) player: Player,
    @NowggUser('userId', { transform: (value: string) => value.length }) length: number,
  ) {
    return { label: player.label, length };
  }
  @UseGuards(NowggAuthGuard) @OptionalAuth() @Get('anonymous') anonymous(
    @NowggUser() user: NowggPrincipal | undefined,
    @NowggUser('email') email: string | undefined,
  ) {
    return { user: user === undefined ? 'undefined' : typeof user, email: email === undefined ? 'undefined' : email };
  }
  @UseGuards(NowggAuthGuard) @Get('class') class(@NowggUser() user: NowggPrincipal) {
    return { isPrincipal: user instanceof NowggPrincipal, userId: user.userId, scopes: user.scopes };
  }
  @Get('unguarded') unguarded(@NowggUser() user: NowggPrincipal) {
    return user;
  }
}

describe.each(platforms)('@NowggUser on %s', (platform) => {
  let guarded: GuardedApp;
  const start = async (pipe?: ValidationPipe) => {
    guarded = await GuardedApp.start(platform, {
      controllers: [UserController],
      providers: [LoadPlayer],
      prepare: (app) => pipe && app.useGlobalPipes(pipe),
    });
  };
  afterEach(async () => guarded.close());

  it('gives single fields, an absent one as undefined', async () => {
    await start();
    const { body } = await guarded.send('/fields/7', 'Bearer good');
    expect(body).toEqual({ id: '7', userId: 'u1', email: 'none', scopes: ['email'] });
    expect((await guarded.send('/fields/7', 'Bearer later-good')).body).toMatchObject({ email: 'a@b.example' });
  });

  it('passes the principal or a field through pipes', async () => {
    await start();
    expect((await guarded.send('/piped', 'Bearer good')).body).toEqual({ label: 'player u1', length: 2 });
  });

  it('is undefined, never null, for an anonymous caller', async () => {
    await start();
    expect((await guarded.send('/anonymous')).body).toEqual({ user: 'undefined', email: 'undefined' });
  });

  it('answers 500 and says why where no guard ran', async () => {
    await start();
    const { status, body } = await guarded.send('/unguarded', 'Bearer good');
    expect(status).toBe(500);
    expect(body).toEqual({
      statusCode: 500,
      message: expect.stringMatching(
        /^@NowggUser\(\): no guard of this module ran on this route, add NowggAuthGuard\. .*fakePrincipal.*asUser/,
      ),
      errorCode: 'configuration',
    });
  });

  it('survives a strict validating pipe that looks at custom decorators', async () => {
    await start(
      new ValidationPipe({
        transform: true,
        whitelist: true,
        forbidNonWhitelisted: true,
        forbidUnknownValues: true,
        validateCustomDecorators: true,
      }),
    );
    const { status, body } = await guarded.send('/class', 'Bearer good');
    expect([status, body]).toEqual([200, { isPrincipal: true, userId: 'u1', scopes: ['email'] }]);
  });
});
