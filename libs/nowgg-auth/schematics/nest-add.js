// The schematic behind `nest add nestjs-nowgg-auth`. It uses only the tree that it is given, so that it needs no package
// of the Nest CLI: a dry run and the list of changed files are those of the tree.
const path = require('node:path').posix;
const { addToModule } = require('./module-file.js');

const emulator = 'http://127.0.0.1:4000';

/** Versions by the major of Nest: npm would give Nest 11 those of Nest 12, which Jest cannot load there. */
const companions = {
  11: { '@nestjs/axios': '^4.0.0', '@nestjs/config': '^4.0.0', '@nestjs/passport': '^11.0.0' },
  12: { '@nestjs/axios': '^12.0.0', '@nestjs/config': '^12.0.0', '@nestjs/passport': '^12.0.0' },
};
const dependencies = {
  axios: '^1.7.0',
  'class-transformer': '^0.5.1',
  'class-validator': '^0.15.0',
  passport: '^0.7.0',
};

const environment = [
  ['NOWGG_CLIENT_ID', 'demo-client'],
  ['NOWGG_CLIENT_SECRET', 'demo-secret'],
  ['NOWGG_BASE_URL', emulator],
];

const moduleEntry = `NowggAuthModule.forRootAsync({
  globalGuard: true, // every route needs a player; @Public() opens one
  imports: [ConfigModule],
  inject: [ConfigService],
  useFactory: (config: ConfigService) => ({
    clientId: config.getOrThrow<string>('NOWGG_CLIENT_ID'),
    clientSecret: config.getOrThrow<string>('NOWGG_CLIENT_SECRET'),
    baseUrl: config.get<string>('NOWGG_BASE_URL'), // absent: the real now.gg
  }),
})`;

const controller = `import { Controller, Get } from '@nestjs/common';
import { NowggUser } from 'nestjs-nowgg-auth';

@Controller('me')
export class PlayerController {
  @Get()
  me(@NowggUser('userId') userId: string) {
    return { userId };
  }
}
`;

const test = ({ imports, adapter, moduleFile }) => `${imports}import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { asUser, overrideNowggAuth } from 'nestjs-nowgg-auth/testing';
import { AppModule } from '${moduleFile}';

describe('PlayerController (e2e)', () => {
  let app: INestApplication;

  beforeAll(async () => {
    const builder = Test.createTestingModule({ imports: [AppModule] });
    app = (await overrideNowggAuth(builder).compile()).createNestApplication(${adapter});
    await app.listen(0, '127.0.0.1');
  });
  afterAll(() => app.close());

  it('/me (GET) knows the player', async () => {
    const headers = asUser('player-1');
    const reply = await fetch(\`\${await app.getUrl()}/me\`, { headers });
    expect(await reply.json()).toEqual({ userId: 'player-1' });
  });

  it('/me (GET) is closed to others', async () => {
    expect((await fetch(\`\${await app.getUrl()}/me\`)).status).toBe(401);
  });
});
`;

/**
 * @param {{ sourceRoot?: string }} options what the Nest CLI passes
 * @returns a rule: a function of the tree and the context of the run
 */
exports.nestAdd = (options) => (tree, context) => {
  const sourceRoot = options.sourceRoot || 'src';
  const say = (text) => context.logger.info(text);
  const manifest = readManifest(tree);
  const nest = majorOfNest(manifest);
  const suffix = manifest.type === 'module' ? '.js' : '';

  addDependencies(tree, manifest, companions[nest]);
  addEnvironment(tree);
  addModule(tree, `${sourceRoot}/app.module.ts`, suffix, say);
  createOnce(tree, `${sourceRoot}/player/player.controller.ts`, controller);
  const testFolder = path.join(path.dirname(sourceRoot), 'test');
  const toSource = path.relative(testFolder, sourceRoot);
  const onFastify = declares(manifest, '@nestjs/platform-fastify') && !declares(manifest, '@nestjs/platform-express');
  const imports = [
    ...(declares(manifest, 'vitest') ? ["import { afterAll, beforeAll, describe, expect, it } from 'vitest';\n"] : []),
    ...(onFastify ? ["import { FastifyAdapter } from '@nestjs/platform-fastify';\n"] : []),
  ].join('');
  const adapter = onFastify ? 'new FastifyAdapter()' : '';
  const text = test({ imports, adapter, moduleFile: `${toSource}/app.module${suffix}` });
  createOnce(tree, path.join(testFolder, 'player.e2e-spec.ts'), text);

  say('Next: npm install, then npm run test:e2e -- player.');
  say('Every route needs a player now. @Public() opens one, for example AppController.');
  say(`.env names the emulator's client: npx nowgg-emulator starts a local now.gg at ${emulator}.`);
  return tree;
};

function readManifest(tree) {
  const text = tree.read('package.json')?.toString('utf8');
  if (text === undefined) throw new Error('nestjs-nowgg-auth: package.json was not found; run this in the root folder');
  return JSON.parse(text);
}

const declares = (manifest, name) => [manifest.dependencies, manifest.devDependencies].some((list) => list?.[name]);

function majorOfNest(manifest) {
  const range = manifest.dependencies?.['@nestjs/core'] ?? '';
  const major = /\d+/.exec(range)?.[0];
  if (major in companions) return major;
  throw new Error(`nestjs-nowgg-auth: @nestjs/core must be of version 11 or 12; package.json says '${range}'`);
}

/** Adds what is not declared yet. */
function addDependencies(tree, manifest, ofNest) {
  const before = JSON.stringify(manifest);
  const [production, development] = [{ ...manifest.dependencies }, { ...manifest.devDependencies }];
  for (const [name, range] of Object.entries({ ...dependencies, ...ofNest }))
    if (!declares(manifest, name)) production[name] = range;
  if (!declares(manifest, 'nestjs-nowgg-auth')) production['nestjs-nowgg-auth'] = ownRange;
  if (!declares(manifest, 'nowgg-emulator')) development['nowgg-emulator'] = ownRange;
  const next = { ...manifest, dependencies: sorted(production), devDependencies: sorted(development) };
  if (JSON.stringify(next) !== before) tree.overwrite('package.json', `${JSON.stringify(next, null, 2)}\n`);
}

const ownRange = `^${require('../package.json').version}`;
const sorted = (list) => Object.fromEntries(Object.entries(list).toSorted(([a], [b]) => (a < b ? -1 : 1)));

function addEnvironment(tree) {
  const text = tree.read('.env')?.toString('utf8') ?? '';
  const present = text.split('\n').map((line) => line.split('=')[0].replace('export ', '').trim());
  const missing = environment.filter(([name]) => !present.includes(name));
  if (missing.length === 0) return;
  const lines = missing.map(([name, value]) => `${name}=${value}\n`).join('');
  const next = `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${lines}`;
  if (tree.exists('.env')) tree.overwrite('.env', next);
  else tree.create('.env', next);
}

function addModule(tree, file, suffix, say) {
  const text = tree.read(file)?.toString('utf8');
  if (text?.includes('nestjs-nowgg-auth')) return;
  const imports = [
    { from: '@nestjs/config', names: ['ConfigModule', 'ConfigService'] },
    { from: 'nestjs-nowgg-auth', names: ['NowggAuthModule'] },
    { from: `./player/player.controller${suffix}`, names: ['PlayerController'] },
  ];
  const config = text?.includes('ConfigModule.forRoot') ? [] : ['ConfigModule.forRoot()'];
  const entries = { imports: [...config, moduleEntry], controllers: ['PlayerController'] };
  const next = text === undefined ? undefined : addToModule(text, imports, entries);
  if (next !== undefined) {
    tree.overwrite(file, next);
    return;
  }
  say(`${file} has a form that is not recognised. Add these lines to your module:`);
  for (const { from, names } of imports) say(`import { ${names.join(', ')} } from '${from}';`);
  for (const [property, values] of Object.entries(entries)) say(`${property}: [\n${values.join(',\n')},\n]`);
}

function createOnce(tree, file, text) {
  if (!tree.exists(file)) tree.create(file, text);
}
