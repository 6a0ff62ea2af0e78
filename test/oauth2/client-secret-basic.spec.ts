import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sami, wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { REDIRECT_URI } from './support/identity-system.js';
import { ScriptedSystem } from './support/scripted-system.js';
import { WebGame } from './support/web-game.js';

const run = promisify(execFile);
const UUID = '0b1c9f3e-6a1d-4f0e-9d55-3f6a1c2b7e88';

describe('the Basic header of a real request', () => {
  let system: ScriptedSystem;

  beforeEach(async () => {
    system = await ScriptedSystem.start();
    system.reply = { body: { access_token: 'token', token_type: 'bearer', expires_in: 60 } };
  });
  afterEach(async () => system[Symbol.asyncDispose]());

  it.each([
    [UUID, 'a-secret_with.each~unreserved-character'],
    ['9628eef2a00d43d89b757b8d34373588', 'Gg0ZBr1KXXtDRbnfVdmIw'],
  ])('of the client %s is the one of curl -u, byte by byte', async (clientId, clientSecret) => {
    const client = { baseUrl: system.url, clientId, clientSecret, redirectUri: REDIRECT_URI };
    const game = await WebGame.start([wgtwo(client), sami({ ...client, tokenInfoUrl: `${system.url}/tokenInfo` })]);
    await game.applicationTokens.getApplicationToken('wgtwo');
    await game.applicationTokens.getApplicationToken('sami');
    await game[Symbol.asyncDispose]();
    await run('curl', ['--silent', '-u', `${clientId}:${clientSecret}`, `${system.url}/by-curl`]);
    const [first, second, byCurl] = system.seen.map(({ authorization }) => authorization);
    expect(byCurl).toBe(`Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`);
    expect([first, second]).toEqual([byCurl, byCurl]);
  });
});
