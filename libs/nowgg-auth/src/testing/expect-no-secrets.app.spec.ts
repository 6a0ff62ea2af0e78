import { channel } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { NOWGG_SECURITY_CHANNEL } from 'nestjs-nowgg-auth';
import { asUser, expectNoSecrets, testCode, testToken } from 'nestjs-nowgg-auth/testing';

/** The message of the failure, or undefined. */
const failureOf = async (run: Parameters<typeof expectNoSecrets>[0]) =>
  expectNoSecrets(run).then(
    () => undefined,
    (error: Error) => error.message,
  );

describe('expectNoSecrets', () => {
  // What the tests let out goes nowhere.
  beforeEach(() => {
    jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    jest.spyOn(console, 'info').mockReturnValue(undefined);
    jest.spyOn(console, 'log').mockReturnValue(undefined);
  });
  afterEach(() => void jest.restoreAllMocks());

  it('returns what the function returns', async () => {
    expect(await expectNoSecrets(() => 7)).toBe(7);
  });

  it.each([
    ['stdout', (text: string) => process.stdout.write(`${text}\n`)],
    ['stderr', (text: string) => process.stderr.write(`${text}\n`)],
    ['console', (text: string) => console.info('seen', { deep: { er: { text } } })],
    ['event on nestjs-nowgg-auth:security', (text: string) => channel(NOWGG_SECURITY_CHANNEL).publish({ text })],
  ])('finds a token that comes out on %s and does not show it', async (place, tell) => {
    const token = testToken('player-1');
    const message = await failureOf(() => {
      const leaked = testToken('player-1');
      tell(`a line with ${leaked} in it`);
    });
    expect(message).toContain(`${place}: `);
    expect(message).toContain('[secret]');
    expect(message).not.toContain(token.split('.')[1]);
  });

  it('finds codes, headers, parts of tokens, watched values and texts of other destinations', async () => {
    expect(await failureOf(() => console.log(testCode('p')))).toContain('console');
    expect(await failureOf(() => console.log(asUser('p')))).toContain('console');
    expect(await failureOf(() => console.log(testToken('p').split('.')[2]))).toContain('console');
    expect(await failureOf(({ watch }) => (watch('client-secret'), console.log('client-secret')))).toContain('console');
    expect(await failureOf(({ watch, write }) => (watch('client-secret'), write('client-secret')))).toContain('text');
  });

  it('passes where nothing comes out, and stops listening', async () => {
    expect(await failureOf(() => console.log('all well'))).toBeUndefined();
    await expectNoSecrets(() => undefined);
    console.log(testToken('p').slice(0, 20));
  });

  it('passes on an error of the function, and refuses a second search at the same time', async () => {
    await expect(expectNoSecrets(() => Promise.reject(new Error('own')))).rejects.toThrow('own');
    await expect(expectNoSecrets(() => expectNoSecrets(() => undefined))).rejects.toThrow('another search runs');
    expect(await expectNoSecrets(() => 1)).toBe(1);
  });
});
