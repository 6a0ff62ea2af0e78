import { describe, expect, it } from '@jest/globals';
import { parseEncryptionKeys } from '../options/encryption-keys.js';
import { runInTerminal as run } from '../testing-support/run-command.js';
import { strongKey } from '../testing-support/strong-key.js';

const KEYS = `k1:${strongKey(1)}`;

describe('the command line', () => {
  it('tells its usage and its version', async () => {
    expect(await run(['--help'])).toMatchObject({ exitCode: 0, printed: expect.stringMatching(/^Usage: nestjs-/) });
    expect(await run(['vault', 'forget', '--help'])).toMatchObject({ exitCode: 0, complained: '' });
    expect(await run(['--version'])).toMatchObject({
      exitCode: 0,
      printed: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  it('shows each command once in its usage, and examples of nothing else', async () => {
    const { printed } = await run(['--help']);
    const usage = printed.slice(0, printed.indexOf('\n\n')).split('\n');
    const called = usage.map(
      (line) => /^(?:Usage:| {6}) nestjs-nowgg-auth ([a-z]+(?: list| prune)?) ?/.exec(line)?.[1],
    );
    expect(called).toEqual(['doctor', 'vault', 'explain', 'audit list', 'audit prune', 'routes', 'key']);
    const [, examples = ''] = printed.split('\nExamples:\n');
    const shown = [...examples.matchAll(/nestjs-nowgg-auth ([a-z]+(?: list| prune)?)/g)].map(([, name]) => name);
    expect(called).toEqual(expect.arrayContaining([...new Set(shown)]));
  });

  it('makes an encryption key, a new one each time, that the ring takes', async () => {
    const made = [await run(['key']), await run(['key', 'season-2'])];
    const keys = made.map(({ printed }) => parseEncryptionKeys(printed));
    expect(keys.map(([key]) => key?.id)).toEqual(['k1', 'season-2']);
    expect(keys[0]?.[0]?.key).not.toBe(keys[1]?.[0]?.key);
    expect(made.every(({ exitCode, complained }) => exitCode === 0 && complained === '')).toBe(true);
  });

  it.each([
    ['', 'the command must be one of'],
    ['key planted-value/', 'key takes one id'],
    ['key k1 planted-value', 'key takes one id'],
    ['key --yes', 'key has no option --yes'],
    ['vault', 'the command must be one of'],
    ['vault planted-value', 'the command must be one of'],
    ['vault constructor', 'the command must be one of'],
    ['status', 'the command must be one of'],
    ['vault status planted-value', 'takes no arguments'],
    ['vault forget', 'takes one user id'],
    ['vault forget planted-value planted-value', 'takes one user id'],
    [`vault forget planted-${'x'.repeat(255)}`, 'a user id has 1 to 255 characters'],
    ['vault forget --provider planted-value/ player', 'the name of an identity provider'],
    ['vault status --planted=planted-value', 'unknown option --planted'],
    ['vault status -planted-value', 'unknown option -p'],
    ['vault status --yes', 'vault status has no option --yes'],
    ['vault sweep --encryption-keys-env planted-value', 'vault sweep has no option --encryption-keys-env'],
    ['vault status --database-url-env postgres://u:planted-password@db/x', 'the name of an environment variable'],
    ['vault status --schema planted-value"x', 'the name of a schema'],
    ['vault adopt', '--from is missing'],
    ['vault adopt --from planted-value --to x', '--from takes the key of a client'],
    [`vault adopt --from ${'a'.repeat(43)} --to ${'a'.repeat(43)}`, 'the same client'],
    [`vault adopt --from ${'a'.repeat(43)} --to ${'b'.repeat(43)} --yes`, 'vault adopt has no option --yes'],
    ['vault end --yes', '--client is missing'],
    ['vault end planted-value', 'takes no arguments'],
    ['vault sweep --ended planted-value', '--ended takes a whole number'],
    ['vault sweep --ended 1.5', '--ended takes a whole number'],
    ['vault sweep --codes 0', '--codes takes a whole number from 1'],
    ['vault rotate --batch-size 5001', '--batch-size takes a whole number'],
    ['vault rotate --dry-run=planted-value', '--dry-run cannot be read'],
    ['vault sweep --ended', '--ended cannot be read'],
    ['vault sweep --ended --dry-run', '--ended cannot be read'],
    ['audit', 'the command must be one of'],
    ['audit planted-value', 'the command must be one of'],
    ['vault audit', 'the command must be one of'],
    ['audit list planted-value planted-value', 'audit list takes one user id at most'],
    ['audit list --by planted-value', 'audit list has no option --by'],
    ['audit list --limit 501', '--limit takes a whole number from 1 to 500'],
    ['audit prune planted-value', 'audit prune takes no arguments'],
    ['audit prune --older-than 0', '--older-than takes a whole number from 1'],
    [`audit prune --note planted-${'x'.repeat(500)}`, '--by takes 1 to 255 characters'],
    ['vault forget --by planted-\u0007 player', '--by takes 1 to 255 characters'],
    ['vault sweep --by planted-value', 'vault sweep has no option --by'],
    ['explain', 'explain takes one user id, or --token-env'],
    ['explain planted-value planted-value', 'explain takes one user id, or --token-env'],
    ['explain planted-value --token-env NAME', 'explain takes one user id, or --token-env'],
    ['explain --token-env planted-token.value', '--token-env takes the name of an environment variable'],
    [`explain planted-${'x'.repeat(255)}`, 'a user id has 1 to 255 characters'],
    ['explain planted-value --yes', 'explain has no option --yes'],
    ['vault keep-alive', '--app takes the compiled file'],
    ['vault keep-alive planted-value --app a.js#A', 'vault keep-alive takes no arguments'],
    ['vault keep-alive --app a.js#A --schema planted', 'vault keep-alive has no option --schema'],
    ['vault explain', 'the command must be one of'],
    ['routes', '--app takes the compiled file'],
    ['routes --app planted-value.js', '--app takes the compiled file'],
    ['routes --app planted-value.js#', '--app takes the compiled file'],
    ['routes --app planted-value.js#planted-value', '--app takes the compiled file'],
    ['routes planted-value --app a.js#A', 'routes takes no arguments'],
    ['routes --app a.js#A --schema planted-value', 'routes has no option --schema'],
    ['vault status --app planted-value', 'vault status has no option --app'],
  ])('answers %j with exit code 2 and quotes no value', async (args, problem) => {
    const { exitCode, printed, complained } = await run(args.split(' '));
    expect({ exitCode, printed }).toEqual({ exitCode: 2, printed: '' });
    expect(complained).toContain(problem);
    expect(complained).toContain('--help');
    expect(complained).not.toContain('planted-');
  });

  it.each([
    ['vault status', {}, 2, 'DATABASE_URL must hold'],
    ['vault status', { DATABASE_URL: ' ' }, 2, 'DATABASE_URL must hold'],
    ['vault status --database-url-env GAME_DB', {}, 2, 'GAME_DB must hold'],
    ['vault status', { DATABASE_URL: 'mysql://planted:planted@db' }, 2, 'begin with postgres://'],
    ['vault status', { DATABASE_URL: 'postgres://planted:planted@127.0.0.1:1/x' }, 1, 'no server listens'],
    ['vault status', { DATABASE_URL: 'postgres://planted:%planted@[/x' }, 1, 'cannot be opened'],
    ['vault rotate', { DATABASE_URL: 'postgres://u@db/x', NOWGG_ENCRYPTION_KEYS: 'k1:planted' }, 2, 'cannot be read'],
    ['vault rotate --encryption-keys-env K', { DATABASE_URL: 'postgres://u@db/x', K: `${KEYS},` }, 2, 'K cannot be'],
  ])('answers %s in the wrong environment %# and quotes no value', async (args, variables, exitCode, problem) => {
    const answer = await run([...args.split(' '), '--json'], variables);
    expect(answer).toMatchObject({ exitCode, printed: '' });
    expect(JSON.parse(answer.complained)).toEqual({ error: expect.stringContaining(problem) });
    expect(answer.complained).not.toContain('planted');
  });
});
