import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { serve } from '../support/child-process.js';
import { createApp } from './benched-app.js';
import type { Identity } from './identity-process.js';
import { type Platform, type VariantName, variants } from './variants.js';

/** Starts the applications and returns their ports, one for each variant. All of them run in this one process. */
async function start({ platform, identity }: { platform: Platform; identity: Identity }) {
  const ports: Partial<Record<VariantName, number>> = {};
  for (const { name } of variants) {
    const app = await createApp(platform, name, identity);
    const server = app.getHttpServer() as Server;
    // The driver's connections wait while the other variants run.
    server.keepAliveTimeout = 0;
    await app.listen(0, '127.0.0.1');
    ports[name] = (server.address() as AddressInfo).port;
  }
  return ports as Record<VariantName, number>;
}

const operations = {
  start,
  /** Processor time of this process so far, all threads, user and system, in microseconds. */
  cpuMicroseconds: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
};

export type ServerOperations = typeof operations;

serve(operations);
