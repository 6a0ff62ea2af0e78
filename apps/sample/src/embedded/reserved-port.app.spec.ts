import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from '@jest/globals';
import { ReservedPort } from './reserved-port.js';

it('keeps a port from other programs until it is released', async () => {
  const reserved = await ReservedPort.take('127.0.0.1');
  const taken = createServer().listen(reserved.port, '127.0.0.1');
  const [error] = (await once(taken, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('EADDRINUSE');
  await reserved.release();
  await reserved.release();
  const app = createServer().listen(reserved.port, '127.0.0.1');
  await once(app, 'listening');
  app.close();
  await once(app, 'close');
});
