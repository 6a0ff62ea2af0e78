import { randomBytes } from 'node:crypto';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import type { NowggClientConfig } from '../config/sample-config.js';

/** A local now.gg account service in this process. */
export interface EmbeddedNowgg {
  readonly client: NowggClientConfig;
  /** The emulator as an object in this process, for tests. */
  readonly emulator: NowggEmulator;
  close(): Promise<void>;
}

const usualPort = 4080;

/**
 * Starts the emulator with one registered app.
 * @param port undefined: the usual one, or any when that is taken
 */
export async function startEmbeddedNowgg(port: number | undefined): Promise<EmbeddedNowgg> {
  // Another client at each start: the emulator has forgotten the sessions of the one before.
  const clientId = `sample-game-${randomBytes(6).toString('hex')}`;
  const client = { clientId, clientSecret: randomBytes(24).toString('base64url') };
  const emulator = await startNowggEmulator({ port: port ?? usualPort, clients: [client] }).catch((error: unknown) => {
    if (port !== undefined || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return startNowggEmulator({ port: 0, clients: [client] });
  });
  return { client: { ...client, baseUrl: emulator.url }, emulator, close: () => emulator.close() };
}
