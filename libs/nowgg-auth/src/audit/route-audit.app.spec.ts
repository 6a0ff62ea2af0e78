import { createServer } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  Logger,
  Module,
  type ModuleMetadata,
  Post,
  Scope,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, ApplicationConfig, ModulesContainer, RouterModule } from '@nestjs/core';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Field, ObjectType, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { EventPattern, MessagePattern, Transport } from '@nestjs/microservices';
import { AuthGuard } from '@nestjs/passport';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { NowggAuthGuard } from '../http/nowgg-auth.guard.js';
import { NowggAuth, OptionalAuth, Public, RequireScopes } from '../http/policy/policy.decorators.js';
import { createCallerDecorator } from '../http/policy/requirement.decorators.js';
import type { NowggAuthModuleOptions } from '../module/module-options.js';
import { NowggAuthModule } from '../module/nowgg-auth.module.js';
import type { NowggCaller } from '../players/caller.js';
import { auditedFromInside } from './audited-application.js';
import { findingsOf } from './findings.js';
import { routesOf } from './posture.js';
import { auditRoutes, routesMarkdown } from './route-audit.js';

@Injectable()
class RolesGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    const { user } = context.switchToHttp().getRequest<{ user?: object }>();
    return user !== undefined;
  }
}

@Injectable({ scope: Scope.REQUEST })
class RequestRolesGuard extends RolesGuard {}

@Injectable()
class CountingGuard implements CanActivate {
  canActivate() {
    return true;
  }
}

@Controller('friends')
@RequireScopes('profile')
class FriendsController {
  @Get() list() {}
  @Get(':id|top') @OptionalAuth() read() {}
  @Post() @NowggAuth({ maxAgeMs: 0, maxAuthAgeMs: 60_000, provider: 'nowgg' }) add() {}
  @Get('count') @Public() count() {}
}

@Controller('bare')
class BareController {
  @Get() bare() {}
  @Get('open') @Public() open() {}
}

@ObjectType()
class Score {
  @Field() points!: number;
}

@Resolver(() => Score)
class ScoreResolver {
  @Query(() => Score) best() {
    return { points: 1 };
  }
  @ResolveField(() => Number) rank() {
    return 1;
  }
}

@WebSocketGateway({ path: '/lobby' })
class LobbyGateway {
  @SubscribeMessage('say') say(_text: unknown, ..._more: unknown[]): unknown {
    return undefined;
  }
}

@Controller()
class JobsController {
  @MessagePattern({ cmd: 'grant' }) grant(_grant: unknown, ..._more: unknown[]): unknown {
    return undefined;
  }
  @EventPattern('played') played(_event: unknown, ..._more: unknown[]): unknown {
    return undefined;
  }
}

const graphql = (enhancers?: ('guards' | 'filters')[]) =>
  GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    ...(enhancers && { fieldResolverEnhancers: enhancers }),
  });

describe('the audit of the routes', () => {
  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const app of opened.splice(0)) await app.close();
    jest.restoreAllMocks();
  });

  const boot = async (
    metadata: ModuleMetadata,
    options: Partial<NowggAuthModuleOptions> = {},
    prepare: (app: Awaited<ReturnType<typeof created>>) => void = () => undefined,
  ) => {
    const app = await created(metadata, options);
    app.useWebSocketAdapter(new WsAdapter(app));
    prepare(app);
    opened.push(app);
    return await app.init();
  };
  const created = async (metadata: ModuleMetadata, options: Partial<NowggAuthModuleOptions>) => {
    const auth = NowggAuthModule.forRoot({ clientId: 'game', ...options });
    const builder = Test.createTestingModule({ ...metadata, imports: [auth, ...(metadata.imports ?? [])] });
    return (await builder.compile()).createNestApplication({ logger: false });
  };
  const holesOf = (app: Parameters<typeof auditRoutes>[0]) =>
    auditRoutes(app).findings.map(({ kind, subject }) => `${kind} ${subject}`);

  it('lists what every handler demands, in the order of the addresses', async () => {
    @Module({ controllers: [FriendsController] })
    class FriendsModule {}
    const routed = RouterModule.register([{ path: 'v1', module: FriendsModule }]);
    const app = await boot(
      { imports: [FriendsModule, routed], controllers: [BareController] },
      { globalGuard: true },
      (created) => created.setGlobalPrefix('api'),
    );
    const { routes, findings } = auditRoutes(app);
    expect(findings).toEqual([]);
    expect(routes.map(({ address, access }) => [address, access])).toEqual([
      ['GET /api/bare', 'required'],
      ['GET /api/bare/open', 'open'],
      ['GET /api/v1/friends', 'required'],
      ['GET /api/v1/friends/:id|top', 'optional'],
      ['GET /api/v1/friends/count', 'open'],
      ['POST /api/v1/friends', 'required'],
    ]);
    expect(routes.at(-1)).toEqual({
      kind: 'http',
      address: 'POST /api/v1/friends',
      handler: 'FriendsController.add',
      access: 'required',
      guardedBy: 'NowggAuthGuard',
      scopes: ['profile'],
      rules: [],
      provider: 'nowgg',
      tokenType: null,
      maxAgeMs: 0,
      maxAuthAgeMs: 60_000,
      guards: ['NowggAuthGuard (global)'],
    });
    expect(JSON.parse(JSON.stringify(routes))).toEqual(routes);
    const markdown = routesMarkdown({ routes, findings });
    expect(markdown).toContain(
      '| http | GET /api/v1/friends/:id\\|top | FriendsController.read | optional | profile |  |  |  | NowggAuthGuard (global) |',
    );
    expect(markdown).toContain('verdict 0 ms, sign-in 60000 ms');
    expect(markdown).toContain('No findings.');
  });

  it('lists the rules of the application, those of the controller first', async () => {
    const Roles = createCallerDecorator('Roles', (_caller: NowggCaller, ..._roles: string[]) => true);
    const Since = createCallerDecorator('Since', (_caller: NowggCaller, _season: object, _days: number) => true);
    @Controller('seasons')
    @Roles('admin')
    class SeasonsController {
      @Get() list() {}
      @Get('old') @Since({ secret: 'x' }, 3) @Roles('a|b', 'c') old() {}
      @Get('open') @Public() open() {}
    }
    const audit = auditRoutes(await boot({ controllers: [SeasonsController] }, { globalGuard: true }));
    expect(audit.routes.map(({ rules }) => rules)).toEqual([
      ['@Roles("admin")'],
      ['@Roles("admin")', '@Roles("a|b", "c")', '@Since(…, 3)'],
      [],
    ]);
    expect(routesMarkdown(audit)).toContain('| @Roles("admin") @Roles("a\\|b", "c") @Since(…, 3) |');
  });

  it('finds an unguarded handler at each door among two hundred handlers, and fail names them all', async () => {
    const many = Array.from({ length: 20 }, (_, index) => {
      @UseGuards(NowggAuthGuard)
      @Controller(`many-${index}`)
      class ManyController {}
      for (let n = 0; n < 10; n += 1) {
        const descriptor = { value() {}, configurable: true, writable: true };
        Object.defineProperty(ManyController.prototype, `read${n}`, descriptor);
        Get(String(n))(ManyController.prototype, `read${n}`, descriptor);
      }
      return ManyController;
    });
    const holes: ModuleMetadata = {
      imports: [graphql()],
      controllers: [...many, BareController, JobsController],
      providers: [ScoreResolver, LobbyGateway],
    };
    const app = await boot(holes);
    expect(auditRoutes(app).routes).toHaveLength(207);
    const expected = ['BareController.bare', 'JobsController.grant', 'JobsController.played', 'LobbyGateway.say'];
    expect(holesOf(app).toSorted()).toEqual(
      [...expected, 'ScoreResolver.best'].map((name) => `unguarded ${name}`).toSorted(),
    );
    const failing = boot(holes, { onUnprotected: 'fail', strategyName: false });
    await expect(failing).rejects.toThrow(/BareController\.bare: .*JobsController\.grant: .*ScoreResolver\.best: /s);
    await expect(failing).rejects.toThrow(/LobbyGateway\.say: no guard of this module runs here: add @UseGuards/);
  });

  it('says nothing by default without a guard for all routes, and warns in one line with one', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    await boot({ controllers: [BareController, JobsController] });
    expect(warn).not.toHaveBeenCalled();
    const app = await boot(
      { controllers: [BareController, JobsController] },
      { globalGuard: true, strategyName: false },
    );
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^routes: JobsController\.grant: .*JobsController\.played/)],
    ]);
    await boot({ controllers: [JobsController] }, { globalGuard: true, onUnprotected: 'ignore', strategyName: false });
    expect(warn).toHaveBeenCalledTimes(1);
    expect(holesOf(app)).toHaveLength(2);
  });

  it('knows with the application whether its microservices inherit the guards', async () => {
    const port = await freePort();
    const microservice = { transport: Transport.TCP, options: { host: '127.0.0.1', port } } as const;
    const own = await boot({ controllers: [JobsController] }, { globalGuard: true }, (app) => {
      app.connectMicroservice(microservice);
    });
    expect(auditRoutes(own).findings[0]?.message).toMatch(/inheritAppConfig: true }\)/);
    const inheriting = await boot(
      { controllers: [JobsController] },
      { globalGuard: true, strategyName: false },
      (app) => void app.connectMicroservice(microservice, { inheritAppConfig: true }),
    );
    expect(holesOf(inheriting)).toEqual([]);
  });

  it('sees that a field is guarded only where guards run for fields', async () => {
    @Resolver(() => Score)
    class GuardedField {
      @Query(() => Score) @Public() best() {
        return { points: 1 };
      }
      @UseGuards(NowggAuthGuard) @ResolveField(() => Number) rank() {
        return 1;
      }
    }
    const idle = await boot({ imports: [graphql(['filters'])], providers: [GuardedField] });
    expect(holesOf(idle)).toEqual(['idle_guard GuardedField.rank']);
    expect(auditRoutes(idle).routes).toMatchObject([{ kind: 'field', access: 'parent', guards: [] }, {}]);
    const running = await boot({ imports: [graphql(['guards'])], providers: [GuardedField] }, { strategyName: false });
    expect(holesOf(running)).toEqual([]);
    expect(auditRoutes(running).routes).toMatchObject([{ access: 'required', guards: ['NowggAuthGuard'] }, {}]);
  });

  it('refuses to boot where a field has a policy and no guard runs for fields', async () => {
    @Resolver(() => Score)
    class ScopedField {
      @Query(() => Score) @UseGuards(NowggAuthGuard) best() {
        return { points: 1 };
      }
      @RequireScopes('profile') @ResolveField(() => Number) rank() {
        return 1;
      }
    }
    const metadata = { imports: [graphql()], providers: [ScopedField] };
    await expect(boot(metadata, { globalGuard: true })).rejects.toThrow(
      /ScopedField\.rank: .*fieldResolverEnhancers: \['guards'\]/,
    );
  });

  it('refuses to boot where a route loosens the options', async () => {
    @UseGuards(NowggAuthGuard)
    @Controller()
    class LooseController {
      @Get('a') @NowggAuth({ maxAgeMs: 3_600_000 }) loose() {}
    }
    const booting = boot({ controllers: [LooseController] });
    await expect(booting).rejects.toThrow(/LooseController\.loose: .*a route may only tighten it/);
  });

  it('finds a route for players of a provider that the module does not have', async () => {
    @UseGuards(NowggAuthGuard)
    @Controller()
    class ForeignController {
      @Get() @NowggAuth({ provider: 'other' }) foreign() {}
    }
    expect(holesOf(await boot({ controllers: [ForeignController] }))).toEqual([
      'unknown_provider ForeignController.foreign',
    ]);
  });

  it('takes a route that fits one of two modules', async () => {
    @UseGuards(NowggAuthGuard)
    @Controller()
    class PatientController {
      @Get() @NowggAuth({ maxAgeMs: 90_000 }) patient() {}
    }
    const second = NowggAuthModule.forRoot({ clientId: 'b', strategyName: false, verification: { maxAgeMs: 90_000 } });
    expect(holesOf(await boot({ imports: [second], controllers: [PatientController] }))).toEqual([]);
  });

  it.each([
    ['provided by the root module', { providers: [{ provide: APP_GUARD, useClass: RolesGuard }] }, 'RolesGuard'],
    ['with the scope of a request', { providers: [{ provide: APP_GUARD, useClass: RequestRolesGuard }] }, undefined],
    ['that reads no user', { providers: [{ provide: APP_GUARD, useClass: CountingGuard }] }, undefined],
  ])('finds a guard of the application that needs the user and runs first: %s', async (_, metadata, found) => {
    const app = await boot({ ...metadata, controllers: [FriendsController] }, { globalGuard: true });
    expect(holesOf(app)).toEqual(found === undefined ? [] : [`guard_runs_first ${found}`]);
    const first = await boot(
      { ...metadata, controllers: [FriendsController] },
      { globalGuard: 'first', strategyName: false },
    );
    expect(holesOf(first)).toEqual([]);
    expect(auditRoutes(first).routes[0]?.guards[0]).toBe('NowggAuthGuard (global)');
  });

  it('finds a guard that is named before ours on a route', async () => {
    @Controller()
    class Reversed {
      @UseGuards(RolesGuard, NowggAuthGuard) @Get('a') wrong() {}
      @UseGuards(NowggAuthGuard, RolesGuard) @Get('b') right() {}
      @UseGuards(AuthGuard('nowgg'), RolesGuard) @Get('c') passport() {}
    }
    expect(holesOf(await boot({ controllers: [Reversed] }))).toEqual(['guard_runs_first Reversed.wrong']);
  });

  it('knows that guards of the whole application reach no gateway before Nest 12', async () => {
    const app = await boot({ providers: [LobbyGateway] }, { globalGuard: true });
    expect(holesOf(app)).toEqual([]);
    const config = app.get(ApplicationConfig);
    // An ApplicationConfig of Nest 11: without the methods that Nest 12 added.
    const older = Object.create(null, {
      getGlobalGuards: { value: () => config.getGlobalGuards() },
      getGlobalPrefix: { value: () => '' },
    }) as ApplicationConfig;
    const application = auditedFromInside(app.get(ModulesContainer), older, undefined);
    const findings = findingsOf(routesOf(application), application.options);
    expect(findings).toMatchObject([
      { kind: 'unguarded', subject: 'LobbyGateway.say', message: expect.stringContaining('before Nest 12') },
    ]);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
