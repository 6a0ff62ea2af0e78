import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { runSource } from '../support/processes/source-process.js';
import { ScriptedBackend } from './support/scripted-backend.js';
import { World } from './support/world.js';

let backend: ScriptedBackend;
let world: World;

beforeAll(async () => {
  backend = await ScriptedBackend.start();
});

afterAll(async () => backend[Symbol.asyncDispose]());

beforeEach(async () => {
  world = new World(backend.url, backend.url);
  await world.reset();
});

describe('a request whose body is a stream', () => {
  it.each([
    ['of the web', () => Readable.toWeb(Readable.from(['move 7']))],
    ['of Node.js', () => Readable.from(['move 7'])],
  ])('%s is not sent twice, and the next one has a new token', async (_what, makeBody) => {
    const client = await world.signedIn();
    await world.backend.refuseTokens();
    const init = { method: 'POST', body: makeBody(), duplex: 'half' } as unknown as RequestInit;
    expect((await client.fetch('/guarded', init)).status).toBe(401);
    expect(await world.backend.requests('/guarded')).toHaveLength(1);
    expect((await client.fetch('/guarded')).status).toBe(200);
    expect(await world.refreshCount()).toBe(1);
  });
});

describe('a fetch of the caller', () => {
  it('is used for everything, and one that followed a redirect is found out', async () => {
    const sent: string[] = [];
    const own: typeof fetch = async (input, init) => {
      if (typeof input === 'string') sent.push(new URL(input).pathname);
      return fetch(input, { ...init, redirect: 'follow' });
    };
    const client = await world.signedIn({ fetch: own });
    await client.fetch('/guarded');
    const followed = client.fetch(`/redirect?status=302&to=${encodeURIComponent(`${world.url}/public`)}`);
    await expect(followed).rejects.toMatchObject({ name: 'RedirectRefusedError' });
    expect(sent).toEqual(['/auth/login', '/guarded', '/redirect']);
  });
});

describe('a process', () => {
  it('ends by itself with a client that was not closed', async () => {
    const { stdout } = await runSource('test/client/support/unclosed-client.ts', { args: [world.url] });
    expect(stdout.trim()).toBe('AUTHENTICATED');
  });
});
