import { EventEmitter } from 'node:events';
import { afterAll, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { NowggRevocationService } from 'nestjs-nowgg-auth';
import { SocketApp } from '../e2e/websockets/support.js';
import { until } from '../redis/support.js';
import { RunningDocument } from './run-document.js';

const guide = new RunningDocument('docs/websockets.md');
afterAll(() => guide[Symbol.dispose]());

it('the recipe for connection events tells who comes, and who leaves or is banned', async () => {
  const { ConnectionEvents, CONNECTION_EMITTER } = await guide.load<{
    ConnectionEvents: Type;
    CONNECTION_EMITTER: symbol;
  }>('connection-events.ts');
  const emitter = new EventEmitter();
  const told: [string, unknown][] = [];
  for (const event of ['player.connected', 'player.disconnected'])
    emitter.on(event, (player: unknown) => told.push([event, player]));
  await using site = await SocketApp.start('socket.io', {
    gateways: [ConnectionEvents, { provide: CONNECTION_EMITTER, useValue: emitter }],
  });
  const [leaver, banned] = [site.emulator.addPlayer(), site.emulator.addPlayer()].map(({ userId }) => ({
    provider: 'nowgg',
    userId,
  }));
  const connect = (token: string) => site.io({ path: '/socket.io', auth: { token } });

  connect('made-up');
  const socket = connect(site.token(leaver?.userId));
  await until(() => told.length === 1);
  await until(() => socket.connected);
  socket.disconnect();
  await until(() => told.length === 2);
  connect(site.token(banned?.userId));
  await until(() => told.length === 3);
  await site.app.get(NowggRevocationService).revoke({ userId: banned?.userId ?? '' });
  await until(() => told.length === 4);
  expect(told).toEqual([
    ['player.connected', leaver],
    ['player.disconnected', leaver],
    ['player.connected', banned],
    ['player.disconnected', banned],
  ]);
}, 60_000);
