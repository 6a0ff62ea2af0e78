import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { asUser, overrideNowggAuth } from 'nestjs-nowgg-auth/testing';
import { startNowggEmulator } from 'nowgg-emulator';
import { appModule } from '../src/app.module';

let app: INestApplication;
afterEach(() => app.close());

async function get(path: string, headers: Record<string, string> = {}) {
  const reply = await fetch(`${await app.getUrl()}${path}`, { headers });
  return `${reply.status} ${reply.ok ? await reply.text() : ''}`;
}

it('signs a player in without an identity system', async () => {
  const module = Test.createTestingModule({ imports: [appModule({ clientId: 'game' })] });
  app = (await overrideNowggAuth(module).compile()).createNestApplication();
  await app.listen(0, '127.0.0.1');
  expect(await get('/me', asUser('player-1'))).toBe('200 {"userId":"player-1"}');
  expect(await get('/me')).toBe('401 ');
});

it('has the emulator in the process of the test, with its page', async () => {
  const emulator = await startNowggEmulator({ players: [{ userId: 'player-1' }] });
  const options = { clientId: 'demo-client', clientSecret: 'demo-secret', baseUrl: emulator.url };
  app = (await Test.createTestingModule({ imports: [appModule(options)] }).compile()).createNestApplication();
  await app.listen(0, '127.0.0.1');
  const authorization = `Bearer ${emulator.issueTokens().token}`;
  expect(await get('/me', { authorization })).toBe('200 {"userId":"player-1"}');
  expect(await (await fetch(emulator.url)).text()).toContain('<html');
  await emulator.close();
});
