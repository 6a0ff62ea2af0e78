import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hasPostgresServer } from '../support/available-projects.js';
import { startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { Consumer } from './consumer.js';
import { installedNodes } from './node-versions.mjs';

const minutes = 60_000;

/** What an application of a studio is made of. */
export interface ConsumerShape {
  /** Folder below `consumers`. */
  readonly name: string;
  readonly nest: 11 | 12;
  readonly modules: 'esm' | 'commonjs';
  /** Major and minor of the TypeORM that it has, or none. */
  readonly typeorm: '0.3' | '1' | undefined;
}

/** What a suite adds: `env` chooses the version of Node.js for `consumer.run`. */
export type MoreTests = (consumer: () => Consumer, env: Record<string, string>) => void;

/** Installs the packed libraries in an application of this shape, compiles it, and runs it on each version of Node.js. */
export function describeConsumer(shape: ConsumerShape, more?: MoreTests): void {
  describe(`an application with ${shape.modules} modules, Nest ${shape.nest}, ${shape.typeorm ? `TypeORM ${shape.typeorm}` : 'no TypeORM'}`, () => {
    let consumer: Consumer;
    beforeAll(async () => {
      consumer = await Consumer.install(shape.name, shape.typeorm ? ['verify', 'store', 'kit'] : ['verify']);
    }, 8 * minutes);
    afterAll(() => consumer?.remove());

    it('has the versions that it is about', () => {
      expect(consumer.versionOf('@nestjs/core')).toMatch(new RegExp(`^${shape.nest}\\.`));
      expect(consumer.versionOf('@nestjs/common')).toMatch(new RegExp(`^${shape.nest}\\.`));
      const typeorm = consumer
        .versionOf('typeorm')
        ?.split('.')
        .slice(0, shape.typeorm === '1' ? 1 : 2)
        .join('.');
      expect(typeorm).toBe(shape.typeorm);
    });

    it(
      'compiles with every declaration file checked',
      async () => {
        expect(await consumer.compile()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
      },
      2 * minutes,
    );

    it(`is made of ${shape.modules} modules`, () => {
      const compiled = consumer.readText('dist/answers.js');
      expect(compiled.includes('require("nestjs-nowgg-auth")')).toBe(shape.modules === 'commonjs');
    });

    describe.each(installedNodes())('on Node $version', ({ version, env }) => {
      it('is run by that version', async () => {
        expect(await consumer.run('node', ['--version'], env)).toMatchObject({ stdout: `v${version}\n` });
      });

      it(
        'answers 200, 401, 403 and, while now.gg is down, 503',
        async () => {
          const answers = await consumer.runProgram('dist/answers.js', env);
          expect(answers).toEqual({
            token: answer(200, { provider: 'nowgg', userId: 'player-1', same: true, type: 'token' }),
            idToken: answer(200, { provider: 'nowgg', userId: 'player-1', same: true, type: 'id_token' }),
            bare: answer(401, expect.stringContaining('missing_token'), { challenge: 'Bearer realm="nowgg"' }),
            foreign: answer(401, expect.stringContaining('invalid_token'), {
              challenge: expect.stringContaining('error="invalid_token"'),
            }),
            scope: answer(403, expect.stringContaining('insufficient_scope'), {
              challenge: expect.stringContaining('scope="no-such-scope"'),
            }),
            public: answer(200, 'well'),
            down: answer(503, expect.stringContaining('identity_unavailable'), {
              retryAfter: expect.stringMatching(/^([1-9]|[1-5]\d|60)$/),
            }),
          });
        },
        minutes,
      );

      if (shape.typeorm) {
        it(
          'is a player in a test of its own, and replaces the guard in both ways',
          async () => {
            const found = await consumer.runProgram('dist/kit.js', env);
            expect(found).toEqual({
              signedIn: '200 player-1',
              stranger: '401',
              guardReplaced: '200 mocked',
              providerReplaced: '200 mocked',
            });
          },
          minutes,
        );
      }

      if (shape.typeorm && hasPostgresServer()) {
        it(
          'exchanges a code once, stores the grant and refreshes it, and the command counts it',
          async () => {
            const cluster = await startPostgresCluster();
            try {
              const report = await consumer.runProgram('dist/grants.js', { ...env, DATABASE_URL: cluster.url });
              expect(report).toEqual({
                userId: 'player-1',
                sameGrant: true,
                sameToken: true,
                newToken: true,
                generations: 1,
                verdict: 'valid',
                grants: 1,
              });
              const status = ['vault', 'status', '--json'];
              const command = await consumer.run('node_modules/.bin/nestjs-nowgg-auth', status, {
                ...env,
                DATABASE_URL: cluster.url,
              });
              expect(command).toMatchObject({ exitCode: 0, stderr: '' });
              expect(JSON.parse(command.stdout)).toMatchObject({ grants: 1, byState: { active: 1 } });
            } finally {
              await cluster.stop();
            }
          },
          2 * minutes,
        );
      }
      more?.(() => consumer, env);
    });
  });
}

function answer(status: number, body: unknown, headers: { challenge?: unknown; retryAfter?: unknown } = {}): object {
  const text = typeof body === 'object' && body !== null && !('asymmetricMatch' in body) ? JSON.stringify(body) : body;
  return { status, challenge: headers.challenge ?? null, retryAfter: headers.retryAfter ?? null, body: text };
}
