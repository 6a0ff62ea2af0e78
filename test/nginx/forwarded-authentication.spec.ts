import { createServer, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, type INestApplication, Module, UseFilters, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  memoryRevocationStore,
  NowggAuth,
  NowggAuthExceptionFilter,
  NowggAuthGuard,
  NowggAuthModule,
  type NowggAuthModuleOptions,
  type NowggPrincipal,
  NowggRevocationService,
  NowggUser,
  OptionalAuth,
  RequireScopes,
} from 'nestjs-nowgg-auth';
import { type AuthgearForwarding, authgear, authgearUser } from 'nestjs-nowgg-auth/oauth2';
import { codeBlocks, root } from '../docs/markdown.js';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { captureSecurityEvents } from '../../libs/nowgg-auth/src/testing-support/security-events.js';
import { call, type RawReply } from '../support/raw-http/raw-client.js';
import { freePort } from '../support/servers/free-port.js';
import { type Nginx, startNginx } from '../support/servers/nginx.js';

jest.setTimeout(60_000);

const SECRET = 'the-text-of-PROXY_SECRET-32-or-more';
const NOW_S = Math.floor(Date.now() / 1000);

type Headers = ReadonlyArray<readonly [string, string]>;
type Answer = Record<string, string | string[]>;

const valid = (userId = 'player-1', extra: Answer = {}): Answer => ({
  'x-authgear-session-valid': 'true',
  'x-authgear-user-id': userId,
  'x-authgear-user-anonymous': 'false',
  'x-authgear-user-verified': 'true',
  'x-authgear-user-can-reauthenticate': 'true',
  'x-authgear-user-roles': 'moderator,beta tester',
  'x-authgear-session-amr': 'pwd otp',
  'x-authgear-session-authenticated-at': String(NOW_S - 60),
  ...extra,
});

/** Authgear's resolver as its pages describe it: always 200, and headers that name the session, if there is one. */
class Resolver {
  readonly server: Server = createServer((request, response) => {
    this.requests.push(request);
    const key = /session=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? request.headers.authorization ?? '';
    response.writeHead(200, this.sessions.get(key) ?? {}).end();
  });
  readonly requests: IncomingMessage[] = [];
  readonly sessions = new Map<string, Answer>();

  static async start(): Promise<Resolver> {
    const resolver = new Resolver();
    resolver.server.listen(0, '127.0.0.1');
    await once(resolver.server, 'listening');
    return resolver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const described = (user: NowggPrincipal | undefined) =>
  user ? { userId: user.userId, provider: user.provider, ...authgearUser(user), amr: user.claims.amr } : {};

@Controller()
@UseFilters(NowggAuthExceptionFilter)
class Routes {
  @Get('me')
  @UseGuards(NowggAuthGuard)
  me(@NowggUser() user: NowggPrincipal) {
    return described(user);
  }

  @Get('optional')
  @OptionalAuth()
  @UseGuards(NowggAuthGuard)
  optional(@NowggUser() user: NowggPrincipal | undefined) {
    return described(user);
  }

  @Get('scoped')
  @RequireScopes('read')
  @UseGuards(NowggAuthGuard)
  scoped(@NowggUser() user: NowggPrincipal) {
    return described(user);
  }

  @Get('recent')
  @NowggAuth({ maxAuthAgeMs: 30_000, maxAgeMs: 0 })
  @UseGuards(NowggAuthGuard)
  recent(@NowggUser() user: NowggPrincipal) {
    return described(user);
  }

  @Get('other')
  @NowggAuth({ provider: 'other' })
  @UseGuards(NowggAuthGuard)
  other(@NowggUser() user: NowggPrincipal) {
    return described(user);
  }

  @Get('passport')
  @UseGuards(AuthGuard('nowgg'))
  passport(@NowggUser() user: NowggPrincipal) {
    return described(user);
  }
}

const documented = codeBlocks({
  file: 'docs/oauth2/authgear.md',
  text: readFileSync(path.join(root, 'docs/oauth2/authgear.md'), 'utf8'),
}).find(({ language }) => language === 'nginx')?.code as string;

describe.each(['express', 'fastify'] as const)('forwarded authentication behind nginx on %s', (platform) => {
  let resolver: Resolver;
  let app: INestApplication;
  let nginx: Nginx;
  let appPort: number;
  let port: number;
  let clock: OffsetClock;
  /** The options of what runs. */
  let running: string | undefined;

  const stop = async () => {
    if (running === undefined) return;
    running = undefined;
    await nginx.stop();
    await app.close();
  };

  let events: ReturnType<typeof captureSecurityEvents>;

  /** Starts the application and its proxy, unless those of the test before are alike. */
  const start = async (forwarded: Partial<AuthgearForwarding> = {}, names: readonly string[] = []) => {
    const wanted = JSON.stringify([forwarded, names]);
    if (wanted === running) return;
    await stop();
    running = wanted;
    clock = new OffsetClock();
    const provider = (name: string, more: object = {}) =>
      authgear({ name, endpoint: resolver.url, clientId: 'game', verification: 'resolver', ...more });
    const options: NowggAuthModuleOptions = {
      identityProviders: [
        provider('authgear', { forwarded: { peers: ['127.0.0.1'], secret: SECRET, ...forwarded } }),
        ...names.map((name) => provider(name)),
      ],
      revocationStore: memoryRevocationStore(),
      clock,
    };
    @Module({ imports: [NowggAuthModule.forRoot(options)], controllers: [Routes] })
    class App {}
    app = await NestFactory.create<NestExpressApplication>(
      App,
      platform === 'express' ? new ExpressAdapter() : new FastifyAdapter({ trustProxy: true }),
      { logger: false, abortOnError: false },
    );
    if (platform === 'express') (app as NestExpressApplication).set('trust proxy', true);
    await app.listen(0, '127.0.0.1');
    appPort = (app.getHttpServer().address() as AddressInfo).port;
    port = await freePort();
    const servers = documented
      .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
      .replace('https://myapp.authgear.cloud', resolver.url)
      .replace('http://127.0.0.1:3000', `http://127.0.0.1:${appPort}`);
    nginx = await startNginx(servers, port);
  };

  beforeAll(async () => {
    resolver = await Resolver.start();
  });
  afterAll(async () => {
    await stop();
    await resolver.stop();
  });
  beforeEach(() => {
    resolver.requests.length = 0;
    resolver.sessions.clear();
    resolver.sessions.set('one', valid()).set('ended', { 'x-authgear-session-valid': 'false' });
    events = captureSecurityEvents();
  });
  afterEach(() => events[Symbol.dispose]());

  const get = async (route: string, headers: Headers, to = port): Promise<RawReply> =>
    call(to, { path: `/${route}`, headers });
  const withSession = (session: string, more: Headers = []): Headers => [['Cookie', `session=${session}`], ...more];
  const refusals = () => events.seen.filter(({ type }) => type === 'forwarded_identity_refused').map((e) => e.detail);
  const spoofed = Object.entries(valid('admin')) as Array<[string, string]>;

  it('makes a cookie session the credential, in every kind of route', async () => {
    await start({}, ['other']);
    const reply = await get('me', withSession('one'));
    expect([reply.status, reply.json()]).toEqual([
      200,
      {
        userId: 'player-1',
        provider: 'authgear',
        isAnonymous: false,
        isVerified: true,
        canReauthenticate: true,
        roles: ['moderator', 'beta tester'],
        amr: ['pwd', 'otp'],
      },
    ]);
    const statuses = ['optional', 'passport', 'scoped', 'recent', 'other'].map(
      async (route) => (await get(route, withSession('one'))).status,
    );
    expect(await Promise.all(statuses)).toEqual([200, 200, 403, 401, 401]);
    // One question of the proxy for each request, none of ours.
    const questions = resolver.requests.filter(({ url }) => url === '/_resolver/resolve');
    expect([questions.length, events.seen]).toEqual([6, []]);
  });

  it('lets the bearer token decide without a session, and ignores it beside one', async () => {
    resolver.sessions.set('Bearer token-2', valid('player-2'));
    await start();
    const bearer = [['Authorization', 'Bearer token-2']] as const;
    const seen = [
      await get('me', bearer),
      await get('me', withSession('one', bearer)),
      await get('me', withSession('ended')),
      await get('me', [['Authorization', 'Bearer nobody']]),
      await get('me', []),
      await get('optional', []),
    ].map((reply) => [reply.status, reply.json().userId]);
    expect(seen).toEqual([
      [200, 'player-2'],
      [200, 'player-1'],
      [401, undefined],
      [401, undefined],
      [401, undefined],
      [200, undefined],
    ]);
  });

  it.each<[string, Headers]>([
    ['as they are', spoofed],
    ['in another case', spoofed.map(([name, value]) => [name.toUpperCase(), value])],
    ['with underscores', spoofed.map(([name, value]) => [name.replaceAll('-', '_'), value])],
    ['twice', [...spoofed, ...spoofed]],
    ['with the secret', [...spoofed, ['X-Nowgg-Proxy-Secret', SECRET]]],
    ['for a spoofed address', [...spoofed, ['X-Forwarded-For', '127.0.0.1'], ['Forwarded', 'for=127.0.0.1']]],
    ['named by the connection', [...spoofed, ['Connection', 'x-authgear-session-valid']]],
    ['and no value', spoofed.map(([name]) => [name, ''])],
  ])('does not pass on headers that the client sends %s', async (_how, headers) => {
    await start();
    expect((await get('me', headers)).status).toBe(401);
    expect((await get('me', withSession('ended', headers))).status).toBe(401);
    const reply = await get('me', withSession('one', headers));
    expect([reply.status, reply.json().userId]).toEqual([200, 'player-1']);
  });

  it.each<[string, Headers, number, readonly string[]]>([
    ['without the secret', spoofed, 401, ['secret']],
    ['with a wrong secret', [...spoofed, ['X-Nowgg-Proxy-Secret', `${SECRET.slice(0, -1)}x`]], 401, ['secret']],
    ['with the secret twice', [...spoofed, ...secretLines(SECRET, SECRET)], 401, ['secret']],
    ['with two secrets in one header', [...spoofed, ...secretLines(`${SECRET}, ${SECRET}`)], 401, ['secret']],
    ['doubled', [...spoofed, ['X-AUTHGEAR-USER-ID', 'player-1'], ...secretLines(SECRET)], 400, ['form']],
    ['doubled with the same value', [...spoofed, ...spoofed, ...secretLines(SECRET)], 400, ['form']],
    ['with two users in one header', [...changed({ 'user-id': 'a,b' }), ...secretLines(SECRET)], 400, ['form']],
    ['without a user', [...changed({ 'user-id': '' }), ...secretLines(SECRET)], 400, ['form']],
    [
      'with a user that is far too long',
      [...changed({ 'user-id': 'a'.repeat(256) }), ...secretLines(SECRET)],
      400,
      ['form'],
    ],
    [
      'with roles without end',
      [...changed({ 'user-roles': 'a,'.repeat(2_500) }), ...secretLines(SECRET)],
      400,
      ['form'],
    ],
    ['with another spelling of true', [...changed({ 'session-valid': 'TRUE' }), ...secretLines(SECRET)], 400, ['form']],
    ['true and false at once', [...changed({ 'session-valid': 'true, false' }), ...secretLines(SECRET)], 400, ['form']],
    ['with a flag that is none', [...changed({ 'user-verified': 'yes' }), ...secretLines(SECRET)], 400, ['form']],
    [
      'with a time that is none',
      [...changed({ 'session-authenticated-at': '1e9' }), ...secretLines(SECRET)],
      400,
      ['form'],
    ],
    ['beyond ASCII', [...changed({ 'user-id': 'spieler-ä' }), ...secretLines(SECRET)], 400, ['form']],
    ['with an empty statement', [...changed({ 'session-valid': '' }), ...secretLines(SECRET)], 401, []],
  ])(
    'gives no identity to a request that reaches the application with headers %s',
    async (_how, headers, status, details) => {
      await start();
      const reply = await get('me', headers, appPort);
      expect([reply.status, refusals()]).toEqual([status, details]);
      expect(reply.wire).not.toContain('admin');
      expect(JSON.stringify(events.seen)).not.toMatch(/admin|PROXY_SECRET/);
    },
  );

  it('believes no other peer, whatever it sends, and judges its bearer token as ever', async () => {
    await start({ peers: ['127.0.0.9'] });
    resolver.sessions.set('Bearer token-2', valid('player-2'));
    const headers = [...spoofed, ...secretLines(SECRET), ['X-Forwarded-For', '127.0.0.9']] as Headers;
    expect((await get('me', headers, appPort)).status).toBe(401);
    const reply = await get('me', [...headers, ['Authorization', 'Bearer token-2']], appPort);
    expect([reply.status, reply.json().userId]).toEqual([200, 'player-2']);
    expect(refusals()).toEqual(['peer', 'peer']);
    const viaProxy = await get('me', withSession('one'));
    expect(viaProxy.status).toBe(401);
  });

  it('applies bans at once, and sign-outs to sessions that were authenticated before', async () => {
    await start({ sessionLifeMs: 3_600_000 });
    const revocations = app.get(NowggRevocationService, { strict: false });
    const status = async (session: string) => (await get('me', withSession(session))).status;
    resolver.sessions.set('timeless', valid('player-1', { 'x-authgear-session-authenticated-at': '' }));
    expect([await status('one'), await status('timeless')]).toEqual([200, 200]);
    await revocations.revoke({ provider: 'authgear', userId: 'player-1' });
    clock.advance(120_000);
    resolver.sessions.set('later', valid('player-1', { 'x-authgear-session-authenticated-at': String(NOW_S + 110) }));
    expect([await status('one'), await status('timeless'), await status('later')]).toEqual([401, 401, 200]);
    await revocations.revoke({ provider: 'authgear', userId: 'player-1' }, { until: new Date((NOW_S + 3_600) * 1000) });
    expect(await status('later')).toBe(403);
  });

  it('refuses a session that is older than any may be, and one from the future', async () => {
    await start({ sessionLifeMs: 60_000 });
    resolver.sessions.set('old', valid('player-1', { 'x-authgear-session-authenticated-at': String(NOW_S - 3_600) }));
    resolver.sessions.set('new', valid('player-1', { 'x-authgear-session-authenticated-at': String(NOW_S - 1) }));
    resolver.sessions.set('ahead', valid('player-1', { 'x-authgear-session-authenticated-at': String(NOW_S + 100) }));
    resolver.sessions.set('far', valid('player-1', { 'x-authgear-session-authenticated-at': String(NOW_S + 9_999) }));
    const statuses = ['old', 'new', 'ahead', 'far'].map(async (name) => (await get('me', withSession(name))).status);
    expect(await Promise.all(statuses)).toEqual([401, 200, 503, 401]);
  });
});

function secretLines(...secrets: readonly string[]): Headers {
  return secrets.map((secret) => ['X-Nowgg-Proxy-Secret', secret] as const);
}

/** The headers of an administrator, with some of them changed. */
function changed(change: Readonly<Record<string, string>>): Headers {
  const prefixed = Object.fromEntries(Object.entries(change).map(([name, value]) => [`x-authgear-${name}`, value]));
  return Object.entries({ ...valid('admin'), ...prefixed }) as Array<[string, string]>;
}
