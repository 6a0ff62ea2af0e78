import { type ExecutionContext, Controller, Get, Injectable } from '@nestjs/common';
import { describe, expect, it, jest } from '@jest/globals';
import { NowggAuthGuard, NowggPrincipal, NowggUser } from 'nestjs-nowgg-auth';
import { expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import { HandlerRuns } from '../../support/game/guarded-routes.js';
import { acceptAny } from '../../support/game/now-gg-messages.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

const disguises = [
  '/%61dmin',
  '//admin',
  '/admin/',
  '/admin//',
  '/ADMIN',
  '/./admin',
  '/open/../admin',
  '/%2e/admin',
  '/admin%2f',
  '/admin%20',
  '/admin;a=1',
  '/admin%00',
  '/admin?',
  '/admin?x=/open',
  '/admin.json',
  '/admin%3f',
  '/open%2f..%2fadmin',
  '/open;/../admin',
  '\\admin',
];

const detours = [
  ['X-Original-Url', '/open'],
  ['X-Rewrite-Url', '/open'],
  ['X-Forwarded-Uri', '/open'],
  ['X-Forwarded-Prefix', '/open'],
  ['X-HTTP-Method-Override', 'POST'],
  ['X-HTTP-Method', 'OPTIONS'],
  ['X-Method-Override', 'HEAD'],
  ['X-Forwarded-Path', '/open'],
] as const;

/** Says nothing about protection: the application has to. */
@Controller()
@Injectable()
class BareRoutes {
  constructor(private readonly runs: HandlerRuns) {}

  @Get('bare')
  bare(@NowggUser() user: NowggPrincipal | undefined) {
    this.runs.names.push('bare');
    return { user: user?.userId ?? null };
  }
}

describe.each(platforms)('routes on %s', (platform) => {
  it('never opens a guarded route to a disguised path', async () => {
    await using app = await AppUnderTest.start(platform);
    for (const path of disguises) {
      const reply = await app.send({ path });
      expect([path, [400, 401, 404].includes(reply.status)]).toEqual([path, true]);
      if (reply.status === 401) expectAnswer(reply, 'U0');
    }
    expect(app.handled).toEqual([]);
  });

  it.each(detours)('decides by the route that is reached, whatever %s says', async (name, value) => {
    await using app = await AppUnderTest.start(platform);
    expectAnswer(await app.send({ path: '/admin', headers: [[name, value]] }), 'U0');
    await app.send({ path: '/open', headers: [[name, value.replace('/open', '/admin')]] });
    expect(app.handled).toEqual(['open']);
  });

  it.each(['HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'PURGE', 'QUERY', 'M-SEARCH'])(
    'does not open a guarded route to %s',
    async (method) => {
      await using app = await AppUnderTest.start(platform);
      for (const path of ['/admin', '/guarded', '/admin?_method=GET']) {
        const reply = await app.send({ method, path });
        // Express answers OPTIONS by itself with the methods of the path; no handler and no guard is part of that.
        const list = method === 'OPTIONS' && reply.status === 200 && /^[A-Z, ]+$/.test(reply.body);
        expect([method, reply.status, list || [400, 401, 404, 405].includes(reply.status)]).toEqual([
          method,
          reply.status,
          true,
        ]);
      }
      expect(app.handled).toEqual([]);
      expect(app.peer.connectionCount).toBe(0);
    },
  );

  it('gives HEAD the same challenge as GET and no body', async () => {
    await using app = await AppUnderTest.start(platform);
    const reply = await app.send({ method: 'HEAD', path: '/guarded' });
    expect([reply.status, reply.header('WWW-Authenticate'), reply.body]).toEqual([401, 'Bearer realm="nowgg"', '']);
    expect(reply.header('Cache-Control')).toBe('no-store');
  });

  it('guards every route that says nothing when the guard is global, and leaves unknown paths to the router', async () => {
    await using app = await AppUnderTest.start(platform, { wiring: { globalGuard: true }, controllers: [BareRoutes] });
    expectAnswer(await app.fetch('/bare'), 'U0');
    expect((await app.fetch('/nowhere')).status).toBe(404);
    expect((await app.fetch('/open')).status).toBe(200);
    app.peer.alwaysAnswer(acceptAny);
    expect((await app.fetch('/bare', app.token({ userId: 'ada' }))).json()).toEqual({ user: 'ada' });
  });

  it('says 500 where the user is asked for and no guard has run', async () => {
    await using app = await AppUnderTest.start(platform, { controllers: [BareRoutes] });
    const reply = await app.fetch('/bare', app.token());
    expect(reply.status).toBe(500);
    expect(app.handled).toEqual([]);
    expect(app.peer.connectionCount).toBe(0);
  });

  it('has the global guard and the guard of the route decide once', async () => {
    await using app = await AppUnderTest.start(platform, { wiring: { globalGuard: true } });
    app.peer.alwaysAnswer(acceptAny);
    expect((await app.fetch('/fresh', app.token())).status).toBe(200);
    expect(app.peer.requests).toHaveLength(1);
  });

  it.each(['rpc', 'ws', 'graphql', 'contextual', '', 'HTTP', '__proto__', undefined])(
    'denies the context %p, which it does not know',
    async (type) => {
      await using app = await AppUnderTest.start(platform);
      const decided = (async () => app.get(NowggAuthGuard).canActivate(contextOf(type)))();
      await expect(decided).rejects.toBeInstanceOf(Error);
    },
  );

  it('denies an HTTP context without a request', async () => {
    await using app = await AppUnderTest.start(platform);
    for (const request of [undefined, null, {}, 5]) {
      const decided = (async () => app.get(NowggAuthGuard).canActivate(contextOf('http', request)))();
      await expect(decided).rejects.toBeInstanceOf(Error);
    }
  });
});

/** A context as a transport of the future might make it. */
function contextOf(
  type: string | undefined,
  request: unknown = { headers: {}, method: 'GET', url: '/' },
): ExecutionContext {
  const handler = () => undefined;
  const args = [request, {}, handler];
  const http = { getRequest: () => request, getResponse: () => ({}), getNext: () => handler };
  return {
    getType: () => type,
    getClass: () => BareRoutes,
    getHandler: () => handler,
    getArgs: () => args,
    getArgByIndex: (index: number) => args[index],
    switchToHttp: () => http,
    switchToRpc: () => ({ getData: () => request, getContext: () => ({}) }),
    switchToWs: () => ({ getData: () => request, getClient: () => ({}), getPattern: () => '' }),
  } as unknown as ExecutionContext;
}
