import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

interface Tree {
  read(file: string): Buffer | null;
  exists(file: string): boolean;
  create(file: string, text: string): void;
  overwrite(file: string, text: string): void;
}
type Rule = (tree: Tree, context: { logger: { info(text: string): void } }) => unknown;

const folder = path.resolve(import.meta.dirname, '../../libs/nowgg-auth/schematics');
const { nestAdd } = createRequire(import.meta.url)(path.join(folder, 'nest-add.js')) as {
  nestAdd: (options: { sourceRoot?: string }) => Rule;
};

const appModule = `import { Module } from '@nestjs/common';
import { AppController } from './app.controller';

@Module({
  imports: [],
  controllers: [AppController],
})
export class AppModule {}
`;
const manifest = (nest: number, more: object = {}) =>
  JSON.stringify({ dependencies: { '@nestjs/core': `^${nest}.0.1`, rxjs: '^7.8.1' }, devDependencies: {}, ...more });

/** Runs the schematic on these files, with the refusals of a tree of the Nest CLI. */
function run(files: Record<string, string>, options: { sourceRoot?: string } = { sourceRoot: 'src' }) {
  const held = new Map(Object.entries(files));
  const changed: string[] = [];
  const said: string[] = [];
  const write = (mustExist: boolean) => (file: string, text: string) => {
    if (held.has(file) !== mustExist) throw new Error(`${file} ${mustExist ? 'does not exist' : 'exists'}`);
    changed.push(file);
    held.set(file, text);
  };
  const read = (file: string) => {
    const text = held.get(file);
    return text === undefined ? null : Buffer.from(text);
  };
  const tree = { read, exists: (file: string) => held.has(file), create: write(false), overwrite: write(true) };
  nestAdd(options)(tree, { logger: { info: (text) => said.push(text) } });
  const packageJson = JSON.parse(held.get('package.json') ?? '{}') as Record<string, Record<string, string>>;
  return { files: Object.fromEntries(held), changed, said: said.join('\n'), packageJson };
}

const moduleWith = (decorator: string) =>
  `import { Module } from '@nestjs/common';\n\n@Module(${decorator})\nexport class AppModule {}\n`;

describe('nest add nestjs-nowgg-auth', () => {
  it('changes app.module.ts, package.json and .env only, and adds a route and its test', () => {
    const { files, changed } = run({ 'package.json': manifest(11), 'src/app.module.ts': appModule });
    expect(changed.toSorted()).toEqual(
      [
        '.env',
        'package.json',
        'src/app.module.ts',
        'src/player/player.controller.ts',
        'test/player.e2e-spec.ts',
      ].toSorted(),
    );
    expect(files['src/app.module.ts']).toBe(`import { ConfigModule, ConfigService } from '@nestjs/config';
import { NowggAuthModule } from 'nestjs-nowgg-auth';
import { PlayerController } from './player/player.controller';
import { Module } from '@nestjs/common';
import { AppController } from './app.controller';

@Module({
  imports: [
    ConfigModule.forRoot(),
    NowggAuthModule.forRootAsync({
      globalGuard: true, // every route needs a player; @Public() opens one
      imports: [ConfigModule],
      inject: [ConfigService],
      useFactory: (config: ConfigService) => ({
        clientId: config.getOrThrow<string>('NOWGG_CLIENT_ID'),
        clientSecret: config.getOrThrow<string>('NOWGG_CLIENT_SECRET'),
        baseUrl: config.get<string>('NOWGG_BASE_URL'), // absent: the real now.gg
      }),
    }),
  ],
  controllers: [PlayerController, AppController],
})
export class AppModule {}
`);
  });

  it('pins the companions of Nest 11, whose later versions its Jest cannot load', () => {
    const { packageJson } = run({ 'package.json': manifest(11), 'src/app.module.ts': appModule });
    expect(packageJson.dependencies).toMatchObject({ '@nestjs/axios': '^4.0.0', '@nestjs/passport': '^11.0.0' });
  });

  it('writes file names with an ending, and a test for Vitest, into an application of ES modules', () => {
    const more = { type: 'module', devDependencies: { vitest: '^4.1.2' } };
    const { files, packageJson } = run({ 'package.json': manifest(12, more), 'src/app.module.ts': appModule });
    expect(packageJson.dependencies).toMatchObject({ '@nestjs/axios': '^12.0.0', '@nestjs/passport': '^12.0.0' });
    expect(files['src/app.module.ts']).toContain("from './player/player.controller.js'");
    expect(files['test/player.e2e-spec.ts']).toContain("from '../src/app.module.js'");
    expect(files['test/player.e2e-spec.ts']).toContain("from 'vitest'");
  });

  it('writes the test for the platform that is installed: Fastify where Express is not', () => {
    const testOf = (...platforms: string[]) => {
      const ranges = Object.fromEntries(['core', ...platforms].map((name) => [`@nestjs/${name}`, '^12.0.0']));
      const { files } = run({
        'package.json': JSON.stringify({ dependencies: ranges }),
        'src/app.module.ts': appModule,
      });
      return files['test/player.e2e-spec.ts'] ?? '';
    };
    const fastify = testOf('platform-fastify');
    expect(fastify).toContain("import { FastifyAdapter } from '@nestjs/platform-fastify';");
    expect(fastify).toContain('createNestApplication(new FastifyAdapter())');
    for (const text of [testOf('platform-express'), testOf('platform-express', 'platform-fastify')]) {
      expect(text).not.toContain('Fastify');
      expect(text).toContain('createNestApplication()');
    }
  });

  it('finds the module and the tests of an application in a monorepo', () => {
    const before = { 'package.json': manifest(12), 'apps/game/src/app.module.ts': appModule };
    const { files } = run(before, { sourceRoot: 'apps/game/src' });
    expect(files['apps/game/src/app.module.ts']).toContain('NowggAuthModule');
    expect(files['apps/game/test/player.e2e-spec.ts']).toContain("from '../src/app.module'");
  });

  it('changes nothing when it runs again', () => {
    const { files } = run({ 'package.json': manifest(11), 'src/app.module.ts': appModule });
    expect(run(files).changed).toEqual([]);
  });

  it('keeps values, versions and files that are there', () => {
    const own = { dependencies: { '@nestjs/core': '^11.1.0', axios: '1.7.9', 'nestjs-nowgg-auth': 'file:a.tgz' } };
    const before = {
      'package.json': manifest(11, own),
      'src/app.module.ts': appModule,
      'src/player/player.controller.ts': 'mine',
      '.env': 'export NOWGG_CLIENT_ID=real\nPORT=1',
    };
    const { files, packageJson } = run(before);
    expect(packageJson.dependencies).toMatchObject({ axios: '1.7.9', 'nestjs-nowgg-auth': 'file:a.tgz' });
    expect(files['src/player/player.controller.ts']).toBe('mine');
    expect(files['.env']).toBe(
      'export NOWGG_CLIENT_ID=real\nPORT=1\nNOWGG_CLIENT_SECRET=demo-secret\nNOWGG_BASE_URL=http://127.0.0.1:4000\n',
    );
  });

  it.each([
    [
      '{\n  imports: [DatabaseModule.forRoot({ imports: [Other], text: "}]" })],\n}',
      /imports: \[\s*ConfigModule\.forRoot\(\),\s*NowggAuth/,
    ],
    [
      '{\n  // imports: [\n  providers: [],\n}',
      /^ {2}controllers: \[\n {4}PlayerController,\n {2}\],\n {2}imports: \[\n {4}ConfigModule/m,
    ],
    [
      "{\n  imports: [\n    // controllers: [it's]\n    Other,\n  ],\n  controllers: [],\n}",
      /NowggAuthModule[\s\S]*Other,\n {2}\],\n {2}controllers: \[PlayerController\],/,
    ],
  ])('finds the arrays of the decorator and no others: %#', (decorator, expected) => {
    const { files } = run({ 'package.json': manifest(11), 'src/app.module.ts': moduleWith(decorator) });
    expect(files['src/app.module.ts']).toMatch(expected);
    expect(files['src/app.module.ts']?.match(/NowggAuthModule\.forRootAsync/g)).toHaveLength(1);
  });

  it.each([
    ['a list that another file makes', moduleWith('{ imports: modules }')],
    ['metadata that another file makes', moduleWith('metadata')],
    ['two modules', `${appModule}${moduleWith('{}')}`],
    ['no end', "import { Module } from '@nestjs/common';\n@Module({ imports: ['"],
  ])('prints the lines and leaves the file alone that has %s', (_form, text) => {
    const { files, said } = run({ 'package.json': manifest(11), 'src/app.module.ts': text });
    expect(files['src/app.module.ts']).toBe(text);
    expect(said).toContain("import { NowggAuthModule } from 'nestjs-nowgg-auth';");
    expect(said).toContain('inject: [ConfigService]');
  });

  it('prints the lines where there is no app.module.ts', () => {
    expect(run({ 'package.json': manifest(11) }).said).toContain('NowggAuthModule.forRootAsync');
  });

  it('refuses another version of Nest with a sentence', () => {
    expect(() => run({ 'package.json': manifest(10) })).toThrow(/must be of version 11 or 12; package.json says '\^10/);
  });

  it('needs no package of the Nest CLI', () => {
    for (const file of ['nest-add.js', 'module-file.js']) {
      const names = [...readFileSync(path.join(folder, file), 'utf8').matchAll(/require\('([^']+)'\)/g)].map(
        ([, name]) => name,
      );
      expect(names.filter((name) => !name?.startsWith('.') && !name?.startsWith('node:'))).toEqual([]);
    }
  });
});
