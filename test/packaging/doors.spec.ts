import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RedisServer } from '../support/servers/redis-server.js';
import { Consumer, type Outcome } from './consumer.js';
import { type DecisionTable, decisionsMarkdown, decisionsOf } from './doors-page.js';
import { installedNodes } from './node-versions.mjs';

const minutes = 60_000;
const page = path.resolve(import.meta.dirname, '../../docs/doors.md');

/** What every door decides about each caller: the player, an anonymous caller, or the `errorCode` of the refusal. */
const DECISIONS: ReadonlyMap<string, string> = new Map([
  ['no token', 'missing_token'],
  ['two credentials', 'invalid_request'],
  ['malformed', 'malformed_token'],
  ['good', 'player-1'],
  ['expired', 'expired_token'],
  ['revoked', 'revoked_token'],
  ['banned', 'user_banned'],
  ['foreign', 'wrong_client'],
  ['scope missing', 'insufficient_scope'],
  ['public, no token', 'anonymous'],
  ['public, foreign', 'anonymous'],
  ['optional, no token', 'anonymous'],
  ['optional, good', 'player-1'],
  ['optional, foreign', 'wrong_client'],
  ['unknown', 'identity_unavailable'],
]);

/** The entries of the package, and the optional peers that each of them may ask for. */
const ENTRIES: readonly (readonly [entry: string, ...peers: string[]])[] = [
  ['.'],
  ['./graphql'],
  ['./microservices', '@nestjs/microservices'],
  ['./oauth2', 'jose', 'openid-client'],
  ['./opentelemetry', '@opentelemetry/api'],
  ['./prometheus', 'prom-client'],
  ['./redis', 'redis'],
  ['./swagger'],
  ['./terminus', '@nestjs/terminus'],
  ['./testing'],
  ['./typeorm', 'typeorm'],
  ['./websockets', '@nestjs/websockets'],
];

const BARE_GATEWAY =
  'BareGateway: on Nest 11, global guards do not reach gateways: add @UseGuards(NowggAuthGuard) to the class';

function named(entry: string): string {
  return entry.replace('.', 'nestjs-nowgg-auth');
}

/** How applications with gateways start. */
const BOOTS = {
  11: { bare: BARE_GATEWAY, bareFirst: BARE_GATEWAY },
  12: { bare: 'guarded by NowggAuthGuard', bareFirst: 'guarded by NowggAuthGuard' },
} as const;

describe('the doors of an application with the packed libraries', () => {
  const consumers = new Map<11 | 12, Consumer>();
  const compiled = new Map<11 | 12, Outcome>();
  const tables = new Map<11 | 12, DecisionTable>();
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
    const majors = [12, 11] as const;
    const installed = majors.map(async (nest) => {
      const consumer = await Consumer.install(`doors-nest${nest}`, ['doors']);
      consumers.set(nest, consumer);
      compiled.set(nest, await consumer.compile());
    });
    await Promise.all(installed);
  }, 8 * minutes);
  afterAll(async () => {
    for (const consumer of consumers.values()) consumer.remove();
    await redis?.stop();
  }, 4 * minutes);

  describe.each([12, 11] as const)('on Nest %s', (nest) => {
    const consumer = () => consumers.get(nest) as Consumer;

    it('compiles with the declaration files of the package checked', () => {
      expect(consumer().versionOf('@nestjs/core')).toMatch(new RegExp(`^${nest}\\.`));
      // These name optional peers of their own that are not installed.
      const others = /^(node_modules\/@nestjs\/(apollo|graphql|mercurius)\/| )/;
      const lines = compiled.get(nest)?.stdout.split('\n') ?? ['not compiled'];
      expect(lines.filter((line) => line !== '' && !others.test(line))).toEqual([]);
    });

    describe.each(installedNodes())('on Node $version', ({ env }) => {
      it(
        'decides the same about a caller at every door',
        async () => {
          const program = await consumer().runProgram('dist/table.js', { ...env, REDIS_URL: redis.url });
          const { nest: used, groups } = program as { nest: string; groups: DecisionTable };
          expect(used).toBe(consumer().versionOf('@nestjs/core'));
          for (const doors of Object.values(groups)) {
            for (const [door, cells] of Object.entries(doors)) {
              const decided = Object.entries(cells).map(([name, cell]) => [
                name,
                'outcome' in cell ? cell.outcome : DECISIONS.get(name),
              ]);
              expect([door, ...decided]).toEqual([door, ...DECISIONS]);
            }
          }
          // The transport codes depend on the version of Nest, not on that of Node.
          expect(groups).toEqual(tables.get(nest) ?? groups);
          tables.set(nest, groups);
        },
        8 * minutes,
      );

      it(
        'starts with gateways that a guard reaches, and names the others',
        async () => {
          const outcomes = await consumer().runProgram('dist/boot.js', env);
          expect(outcomes).toEqual({
            ...BOOTS[nest],
            guarded: 'guarded by NowggAuthGuard',
            guardedMessage: 'guarded by NowggAuthGuard',
            public: 'guarded by nothing',
            withoutGlobalGuard: expect.stringContaining('BareGateway.move: no guard of this module runs here'),
          });
        },
        minutes,
      );

      it(
        'loads each entry without the optional peers of the others',
        async () => {
          const manifest = consumer().readJson('node_modules/nestjs-nowgg-auth/package.json') as {
            exports: object;
            peerDependenciesMeta: object;
          };
          const entries = Object.keys(manifest.exports).filter((entry) => entry !== './package.json');
          expect(ENTRIES.map(([entry]) => entry)).toEqual(entries.toSorted());
          const peers = Object.keys(manifest.peerDependenciesMeta);
          expect(peers.filter((peer) => consumer().versionOf(peer) === undefined)).toEqual([]);
          // Without its own peer, an entry that needs one does not load.
          const needy = ENTRIES.filter(([, peer]) => peer !== undefined).map(([entry]) => [entry]);
          const wanted = [...ENTRIES, ...needy].map(([entry, ...allowed]) => [named(entry), ...allowed]);
          const args = ['dist/load.js', JSON.stringify(wanted)];
          const { exitCode, stdout, stderr } = await consumer().run('node', args, env);
          expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
          const outcomes = JSON.parse(stdout) as unknown[];
          expect(outcomes).toEqual([
            ...ENTRIES.map(() => expect.arrayContaining([expect.any(String)])),
            ...needy.map(() => expect.stringContaining('an optional peer was asked for')),
          ]);
        },
        minutes,
      );
    });
  });

  it('is what the page says; npm run doors:update writes it', () => {
    const [nest12, nest11] = [tables.get(12), tables.get(11)];
    if (!nest12 || !nest11) throw new Error('a table is missing: see the failures above');
    const decisions = decisionsMarkdown(nest12, nest11, DECISIONS);
    const text = readFileSync(page, 'utf8');
    if (process.env.NOWGG_UPDATE_DOORS)
      writeFileSync(
        page,
        text.replace(decisionsOf(text), () => decisions),
      );
    expect(decisionsOf(readFileSync(page, 'utf8'))).toBe(decisions);
  });
});
