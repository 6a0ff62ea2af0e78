import path from 'node:path';
import type { Environment } from '../config/environment.js';
import { SampleConfig } from '../config/sample-config.js';
import { DevelopmentControls } from '../development/development-controls.js';
import { lockDataDirectory } from './data-directory-lock.js';
import { keyOfDirectory, temporaryKey } from './embedded-key.js';
import { type EmbeddedNowgg, startEmbeddedNowgg } from './embedded-nowgg.js';
import { holdsDatabase, startEmbeddedPostgres } from './embedded-postgres.js';
import { ReservedPort } from './reserved-port.js';
import { type EmbeddedWebSignIn, startEmbeddedWebSignIn } from './embedded-web-sign-in.js';

/** Replacements for the services that the environment does not name. */
export interface EmbeddedServices {
  /** The complete configuration of the app. */
  readonly config: SampleConfig;
  /** The emulator, when the environment names no now.gg app. */
  readonly emulator: EmbeddedNowgg | undefined;
  /** The OpenID provider of web players, only with the emulator and unless the environment names a real one. */
  readonly webSignIn: EmbeddedWebSignIn | undefined;
  /** Tools for the page; undefined with real players. */
  readonly development: DevelopmentControls | undefined;
  /** Releases the port that is reserved for the app. To be called right before the app listens. */
  releasePort(): Promise<void>;
  /** Closes the database, then provider and emulator, then the data directory. To be called after the app is closed. */
  close(): Promise<void>;
}

/**
 * Starts an embedded PostgreSQL if there is no `DATABASE_URL`, and the emulator if there is no `NOWGG_CLIENT_ID`. An
 * OpenID provider that accepts any name is started only with the emulator, never with real players.
 * @param tell prints a text line for the user who waits
 */
export async function startEmbeddedServices(
  environment: Environment,
  tell: (line: string) => void,
): Promise<EmbeddedServices> {
  const undo: (() => Promise<void>)[] = [];
  const close = async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step();
  };
  try {
    const directory = environment.dataDirectory === ':memory:' ? undefined : environment.dataDirectory;
    const reserved = await ReservedPort.take(environment.http.host, environment.http.port);
    const releasePort = async () => reserved.release();
    undo.push(releasePort);
    const http = { ...environment.http, port: reserved.port };
    const publicUrl = environment.publicUrl ?? `http://${hostInUrl(http.host)}:${http.port}`;
    const emulator = environment.nowgg ? undefined : await startEmbeddedNowgg(environment.emulatorPort);
    if (emulator) undo.push(() => emulator.close());
    const webSignIn =
      emulator && !environment.web ? await startEmbeddedWebSignIn(publicUrl, environment.webSignInPort) : undefined;
    if (webSignIn) undo.push(() => webSignIn.close());
    const database = environment.database ?? (await startDatabase(directory, undo, tell));
    const config = new SampleConfig({
      http,
      publicUrl,
      database,
      redisUrl: environment.redisUrl,
      nowgg: environment.nowgg ?? (emulator as EmbeddedNowgg).client,
      web: environment.web ?? webSignIn?.client,
      encryptionKeys: environment.encryptionKeys ?? [
        directory === undefined ? temporaryKey() : await keyOfDirectory(directory),
      ],
      profileSyncIntervalMs: environment.profileSyncIntervalMs,
      signInsPerMinute: environment.signInsPerMinute,
      gameServerKey: environment.gameServerKey,
      metricsKey: environment.metricsKey,
    });
    const development = emulator && new DevelopmentControls(emulator, webSignIn);
    return { config, emulator, webSignIn, development, releasePort, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startDatabase(
  directory: string | undefined,
  undo: (() => Promise<void>)[],
  tell: (line: string) => void,
): Promise<SampleConfig['database']> {
  const databaseDirectory = directory === undefined ? undefined : path.join(directory, 'postgres');
  if (directory !== undefined) undo.push(await lockDataDirectory(directory));
  if (databaseDirectory === undefined || !holdsDatabase(databaseDirectory)) {
    tell('Creating a new embedded PostgreSQL: this takes 5 to 10 seconds, once.');
  }
  const postgres = await startEmbeddedPostgres(databaseDirectory);
  undo.push(() => postgres.close());
  return postgres.config;
}

function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
