import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  HttpException,
  Inject,
  Injectable,
  type ModuleMetadata,
  Module,
  Scope,
  SetMetadata,
} from '@nestjs/common';
import {
  APP_GUARD,
  type ContextId,
  ContextIdFactory,
  createContextId,
  type HostComponentInfo,
  NestFactory,
  Reflector,
  REQUEST,
} from '@nestjs/core';
import { NowggAuthModule } from './nowgg-auth.module.js';
import { NowggPrincipal } from '../principal.js';
import { GuardedApp, platforms } from '../testing-support/guarded-app.js';
import { NowggUser } from '../http/nowgg-user.decorator.js';
import { Public } from '../http/policy/policy.decorators.js';

type PlayerRequest = { user?: NowggPrincipal; headers: Record<string, string> };

@Injectable()
class RolesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext) {
    const role = this.reflector.get<string | undefined>('role', context.getHandler());
    const { user } = context.switchToHttp().getRequest<PlayerRequest>();
    return role === undefined || user?.scopes.includes(role) === true;
  }
}

/** Three requests per player. */
@Injectable()
class PlayerThrottler implements CanActivate {
  readonly #counts = new Map<string, number>();

  canActivate(context: ExecutionContext) {
    const { user } = context.switchToHttp().getRequest<PlayerRequest>();
    const tracker = user?.userId ?? 'anonymous';
    const count = (this.#counts.get(tracker) ?? 0) + 1;
    this.#counts.set(tracker, count);
    if (count > 3) throw new HttpException('Too many requests', 429);
    return true;
  }
}

/** One instance per request. */
@Injectable({ scope: Scope.REQUEST })
class Inventory {
  constructor(@Inject(REQUEST) readonly request: PlayerRequest) {}
}

/** One instance per tenant. */
@Injectable({ scope: Scope.REQUEST, durable: true })
class TenantSettings {
  readonly key = Symbol('settings');
}

let settings: TenantSettings | undefined;
const isSame = (given: TenantSettings) => (settings ??= given) === given;

@Controller()
class GameController {
  constructor(
    private readonly inventory: Inventory,
    private readonly settings: TenantSettings,
  ) {}

  @Get('inventory') @SetMetadata('role', 'email') list(@NowggUser('userId') userId: string) {
    return { userId, scoped: this.inventory.request.user?.userId, tenant: isSame(this.settings) };
  }
  @Get('ban') @SetMetadata('role', 'admin') ban() {
    return 'banned';
  }
  @Get('open') @Public() open() {
    return 'open';
  }
}

const tenants = new Map<string, ContextId>();
ContextIdFactory.apply({
  attach(contextId: ContextId, request: PlayerRequest) {
    const tenant = tenants.get('studio') ?? createContextId();
    tenants.set('studio', tenant);
    return {
      resolve: (info: HostComponentInfo) => (info.isTreeDurable ? tenant : contextId),
      payload: request,
    };
  },
});

const providers: NonNullable<ModuleMetadata['providers']> = [
  Inventory,
  TenantSettings,
  { provide: APP_GUARD, useClass: RolesGuard },
  { provide: APP_GUARD, useClass: PlayerThrottler },
];

describe.each(platforms)(
  "globalGuard: 'first' beside a guard for roles and a throttler per player, on %s",
  (platform) => {
    let app: GuardedApp | undefined;
    afterEach(async () => {
      await app?.close();
      app = undefined;
      settings = undefined;
      tenants.clear();
    });
    const start = async (globalGuard: true | 'first') =>
      (app = await GuardedApp.start(platform, {
        controllers: [GameController],
        providers,
        module: { globalGuard, onUnprotected: 'ignore' },
      }));

    it('lets the guards of the root module see the user, and scoped providers as well', async () => {
      const started = await start('first');
      const first = await started.send('/inventory', 'Bearer good');
      expect(first).toMatchObject({ status: 200, body: { userId: 'u1', scoped: 'u1', tenant: true } });
      expect(await started.send('/inventory', 'Bearer good')).toMatchObject({ status: 200, body: first.body });
      expect((await started.send('/ban', 'Bearer good')).status).toBe(403);
      expect((await started.send('/open')).status).toBe(200);
    });

    it('answers a caller without a good token before any other guard runs or counts', async () => {
      const started = await start('first');
      for (let n = 0; n < 6; n += 1) {
        const { status, body } = await started.send('/inventory');
        expect([status, body]).toMatchObject([401, { errorCode: 'missing_token' }]);
      }
      for (let n = 0; n < 3; n += 1) expect((await started.send('/inventory', 'Bearer good')).status).toBe(200);
      expect((await started.send('/inventory', 'Bearer good')).status).toBe(429);
    });

    it('stays behind them with true, as it always was', async () => {
      const started = await start(true);
      const { status, body } = await started.send('/inventory', 'Bearer good');
      expect([status, body]).toMatchObject([403, { message: 'Forbidden resource' }]);
    });
  },
);

describe("globalGuard: 'first' without a TestingModule", () => {
  it('runs first in an application of NestFactory', async () => {
    const seen: (string | undefined)[] = [];
    @Injectable()
    class SeeingGuard implements CanActivate {
      canActivate(context: ExecutionContext) {
        seen.push(context.switchToHttp().getRequest<PlayerRequest>().user?.userId);
        return true;
      }
    }
    @Module({
      imports: [NowggAuthModule.forRoot({ clientId: 'game', globalGuard: 'first', strategyName: false })],
      controllers: [GameController],
      providers: [Inventory, TenantSettings, { provide: APP_GUARD, useClass: SeeingGuard }],
    })
    class RootModule {}
    const app = await NestFactory.create(RootModule, { logger: false });
    try {
      await app.listen(0, '127.0.0.1');
      expect((await fetch(`${await app.getUrl()}/inventory`)).status).toBe(401);
      expect((await fetch(`${await app.getUrl()}/open`)).status).toBe(200);
      expect(seen).toEqual([undefined]);
    } finally {
      await app.close();
    }
  });
});
