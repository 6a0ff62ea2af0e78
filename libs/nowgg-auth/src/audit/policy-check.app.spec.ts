import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type ModuleMetadata,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, ModuleRef } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { NowggConfigurationError } from '../errors.js';
import { EnforcesNowggPolicy } from '../http/policy/enforcing-guards.js';
import { NowggAuthGuard } from '../http/nowgg-auth.guard.js';
import { NowggAuth, OptionalAuth, Public, RequireScopes } from '../http/policy/policy.decorators.js';
import { GuardedApp, type GuardedAppOptions, platforms } from '../testing-support/guarded-app.js';

@Injectable()
class OtherGuard implements CanActivate {
  canActivate() {
    return true;
  }
}

@Injectable()
class AskingGuard implements CanActivate {
  constructor(private readonly guard: NowggAuthGuard) {}
  canActivate(context: ExecutionContext) {
    return this.guard.canActivate(context);
  }
}

@EnforcesNowggPolicy()
@Injectable()
class MarkedGuard implements CanActivate {
  constructor(private readonly modules: ModuleRef) {}
  canActivate(context: ExecutionContext) {
    return this.modules.get(NowggAuthGuard, { strict: false }).canActivate(context);
  }
}

@Injectable()
class OwnGuard extends NowggAuthGuard {}

/** A controller with one scoped route behind these guards. */
function scopedBehind(...guards: (Type<CanActivate> | CanActivate)[]): Type {
  @Controller()
  class ScopedController {
    @UseGuards(...guards) @RequireScopes('profile') @Get('scoped') scoped() {
      return 'in';
    }
  }
  return ScopedController;
}

describe.each(platforms)('a decorator that no guard reads, on %s', (platform) => {
  let app: GuardedApp | undefined;
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });
  const start = async (controller: Type, more: Partial<GuardedAppOptions> = {}) => {
    app = await GuardedApp.start(platform, { controllers: [controller], ...more });
    return app;
  };

  it.each([
    ['no guard at all', []],
    ['a guard of the application', [OtherGuard]],
    ["Passport's AuthGuard", [AuthGuard('nowgg')]],
    ['a chain of AuthGuard', [AuthGuard(['nowgg', 'jwt'])]],
    ['an instance of AuthGuard', [new (AuthGuard('nowgg'))()]],
    ['a subclass of AuthGuard', [class PlayerGuard extends AuthGuard('nowgg') {}]],
  ])('refuses to boot and names the handler: %s', async (_, guards) => {
    const booting = start(scopedBehind(...guards));
    await expect(booting).rejects.toThrow(NowggConfigurationError);
    await expect(booting).rejects.toThrow(/ScopedController\.scoped: .*NowggAuthGuard/);
  });

  it('names every handler of a controller behind AuthGuard, the inherited ones too', async () => {
    class Base {
      @NowggAuth({ tokenType: 'id_token' }) @Get('a') kind() {}
      @OptionalAuth() @Get('b') optional() {}
      @Get('c') plain() {}
    }
    @UseGuards(AuthGuard('nowgg'))
    @Controller()
    class Inheriting extends Base {}
    const booting = start(Inheriting);
    await expect(booting).rejects.toThrow(/Inheriting\.kind: .*; Inheriting\.optional: /);
    await expect(booting).rejects.not.toThrow(/plain/);
  });

  it('refuses a @Public() that AuthGuard would not open, and takes one without any guard', async () => {
    @Controller()
    class Open {
      @Public() @Get('open') open() {
        return 'in';
      }
    }
    const everywhere: ModuleMetadata['providers'] = [{ provide: APP_GUARD, useClass: AuthGuard('nowgg') }];
    await expect(start(Open, { providers: everywhere })).rejects.toThrow(/Open\.open/);
    expect((await (await start(Open)).send('/open')).status).toBe(200);
  });

  it.each<[string, Type, Partial<GuardedAppOptions>]>([
    ['NowggAuthGuard', scopedBehind(NowggAuthGuard), {}],
    ['a subclass of it', scopedBehind(OwnGuard), { providers: [OwnGuard] }],
    ['a guard that has it injected', scopedBehind(AskingGuard), { providers: [AskingGuard] }],
    ['a guard with the mark', scopedBehind(MarkedGuard), { providers: [MarkedGuard] }],
    ['AuthGuard, and NowggAuthGuard behind it', scopedBehind(AuthGuard('nowgg'), NowggAuthGuard), {}],
    ['globalGuard', scopedBehind(), { module: { globalGuard: true } }],
    [
      'APP_GUARD with useExisting',
      scopedBehind(),
      { providers: [{ provide: APP_GUARD, useExisting: NowggAuthGuard }] },
    ],
    ['APP_GUARD with useClass', scopedBehind(), { providers: [{ provide: APP_GUARD, useClass: OwnGuard }] }],
    [
      'useGlobalGuards',
      scopedBehind(),
      { prepare: (application) => application.useGlobalGuards(application.get(NowggAuthGuard)) },
    ],
  ])('boots and is obeyed with %s', async (_, controller, more) => {
    const started = await start(controller, more);
    const { status, body } = await started.send('/scoped', 'Bearer good');
    expect([status, body]).toMatchObject([403, { errorCode: 'insufficient_scope' }]);
    expect((await started.send('/scoped')).status).toBe(401);
  });

  it('guards a controller that extends a @Public() one and bears a guard of ours', async () => {
    @Public()
    class PublicBase {
      @Get('inherited') inherited() {
        return 'in';
      }
    }
    @UseGuards(NowggAuthGuard)
    @Controller('admin')
    class AdminController extends PublicBase {
      @Get('secret') secret() {
        return 'in';
      }
    }
    const started = await start(AdminController);
    for (const path of ['/admin/secret', '/admin/inherited']) {
      expect((await started.send(path)).status).toBe(401);
      expect((await started.send(path, 'Bearer good')).status).toBe(200);
    }
  });

  it('keeps the scopes of the class where a handler says how fresh the verdict must be', async () => {
    @UseGuards(NowggAuthGuard)
    @RequireScopes('profile')
    @Controller()
    class Strict {
      @NowggAuth({ maxAgeMs: 0 }) @Get('fresh') fresh() {
        return 'in';
      }
    }
    expect((await (await start(Strict)).send('/fresh', 'Bearer good')).status).toBe(403);
  });
});
