import type { INestApplication } from '@nestjs/common';
import { NowggVaultService } from 'nestjs-nowgg-auth';
import { nowggProvider, webProvider } from './auth/providers.js';
import type { Environment } from './config/environment.js';
import { reachDatabase } from './database/reach-database.js';
import { type EmbeddedServices, startEmbeddedServices } from './embedded/embedded-services.js';
import { endFormerSessions } from './embedded/former-sessions.js';
import { closeApp } from './http/close-app.js';
import { createApp } from './http/create-app.js';
import { sentenceFor } from './start-fault.js';
import { StopSignals } from './stop-signals.js';
import { printWalkThrough, walkThrough } from './walk-through.js';

const tell = (line: string) => {
  process.stdout.write(`${line}\n`);
};

/**
 * Runs until SIGINT or SIGTERM, then closes in order: HTTP, database connections, embedded database, OpenID provider,
 * emulator.
 * @returns the exit code
 */
export async function runSample(environment: Environment): Promise<number> {
  const stop = new StopSignals();
  const running: Running = { dataDirectory: undefined, services: undefined, app: undefined };
  try {
    await start(running, environment, stop);
    stop.startIsOver();
    await stop.requested;
    return 0;
  } catch (error) {
    stop.startIsOver();
    process.stderr.write(`${sentenceFor(error, running.dataDirectory)}\n`);
    return 1;
  } finally {
    if (running.app) await closeApp(running.app);
    await running.services?.close();
    tell('Stopped.');
  }
}

/** What has been started so far. */
interface Running {
  /** Undefined while it is not known, and when nothing is kept on this machine. */
  dataDirectory: string | undefined;
  services: EmbeddedServices | undefined;
  app: INestApplication | undefined;
}

/** Starts everything, or what it takes until a signal arrives. */
async function start(running: Running, environment: Environment, stop: StopSignals): Promise<void> {
  const { dataDirectory, database } = environment;
  running.dataDirectory = dataDirectory === ':memory:' ? undefined : dataDirectory;
  if (database) await reachDatabase(database.url, () => stop.isRequested);
  if (stop.isRequested) return;
  const services = await startEmbeddedServices(environment, tell);
  running.services = services;
  if (stop.isRequested) return;
  const app = await createApp(services.config, services.development);
  running.app = app;
  // With a key of the environment the database may hold sessions of real players, also when now.gg's client id is missing.
  if (environment.encryptionKeys === undefined) await signOutFormerPlayers(app, services);
  if (stop.isRequested) return;
  await services.releasePort();
  await app.listen(services.config.http.port, services.config.http.host);
  introduce(services);
}

async function signOutFormerPlayers(app: INestApplication, { emulator, webSignIn }: EmbeddedServices): Promise<void> {
  const embedded = [...(emulator ? [nowggProvider] : []), ...(webSignIn ? [webProvider] : [])];
  const ended = await endFormerSessions(app.get(NowggVaultService, { strict: false }), embedded);
  if (ended > 0) tell(`Signed out ${ended} of an earlier start: the emulator keeps its players in memory.`);
}

function introduce({ config, emulator, webSignIn, development }: EmbeddedServices): void {
  const { publicUrl, web } = config;
  if (emulator) {
    const tour = walkThrough(publicUrl, { emulator: emulator.client.baseUrl, isWebEmbedded: webSignIn !== undefined });
    tell(`\n${printWalkThrough(tour)}\n`);
  }
  tell(`now.gg:     ${emulator ? `emulator at ${emulator.client.baseUrl}` : config.nowgg.baseUrl}`);
  if (web) tell(`Web sign-in: ${webSignIn ? `embedded OpenID provider at ${web.issuer}` : web.issuer}`);
  tell(`PostgreSQL: ${config.database.shared ? 'from DATABASE_URL' : 'embedded'}`);
  tell(`Redis:      ${config.redisUrl === undefined ? 'none' : 'from REDIS_URL'}`);
  if (development) tell(`Browser:     ${publicUrl}/#development=${development.key}  (its key opens the support desk)`);
  tell(`Listening:  ${publicUrl}  (${development ? '' : 'open it in a browser; '}Ctrl-C stops it)`);
}
