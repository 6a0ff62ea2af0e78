import { expect, it } from '@jest/globals';
import { describeConsumer } from './describe-consumer.js';

describeConsumer({ name: 'verify-only', nest: 12, modules: 'esm', typeorm: undefined }, (consumer, env) => {
  it('has no optional peer installed', () => {
    const { peerDependenciesMeta } = consumer().readJson('node_modules/nestjs-nowgg-auth/package.json') as {
      peerDependenciesMeta: Record<string, object>;
    };
    const optional = Object.keys(peerDependenciesMeta);
    expect(optional).toEqual(expect.arrayContaining(['jose', 'openid-client', 'pg', 'typeorm']));
    expect(optional.filter((name) => consumer().versionOf(name) !== undefined)).toEqual([]);
  });

  it('loads the main entry, by import and by require, without asking for an optional peer', async () => {
    const preload = ['--import', './refuse-optional-peers.mjs', '--input-type=module', '--eval'];
    const load = `
      import { createRequire } from 'node:module';
      const imported = await import('nestjs-nowgg-auth');
      const required = createRequire(import.meta.url)('nestjs-nowgg-auth');
      if (imported.NowggAuthModule !== required.NowggAuthModule) throw new Error('two copies');
      process.stdout.write(typeof imported.NowggAuthModule);`;
    expect(await consumer().run('node', [...preload, load], env)).toMatchObject({
      exitCode: 0,
      stdout: 'function',
    });
  });

  it('has one copy of each class for an ES module application, a CommonJS library in it and createRequire', async () => {
    expect(await consumer().runProgram('one-copy.mjs', env)).toEqual({
      injected: true,
      knowsErrors: true,
      required: true,
      requiredEntry: true,
      requiredEmulator: true,
      second: expect.stringMatching(/another copy of nestjs-nowgg-auth.*npm ls nestjs-nowgg-auth/),
    });
  });

  it('is told by the preload when an optional peer is asked for', async () => {
    const preload = ['--import', './refuse-optional-peers.mjs', '--input-type=module', '--eval'];
    const { exitCode, stderr } = await consumer().run(
      'node',
      [...preload, "await import('nestjs-nowgg-auth/typeorm')"],
      env,
    );
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining('an optional peer was asked for'),
    });
  });

  it('has the command for the vault, which says what has to be installed for it', async () => {
    const command = 'node_modules/.bin/nestjs-nowgg-auth';
    const { version } = consumer().readJson('node_modules/nestjs-nowgg-auth/package.json') as { version: string };
    expect(await consumer().run(command, ['--version'], env)).toEqual({
      exitCode: 0,
      stdout: `${version}\n`,
      stderr: '',
    });
    const variables = { ...env, DATABASE_URL: 'postgres://planted@127.0.0.1/x' };
    expect(await consumer().run(command, ['vault', 'status'], variables)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('npm install typeorm pg'),
    });
  });

  it('has the command of the emulator', async () => {
    const { exitCode, stdout } = await consumer().run('node_modules/.bin/nowgg-emulator', ['--help'], env);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^Usage: nowgg-emulator/) });
  });
});
