import type { INestApplication } from '@nestjs/common';
import { EnvironmentError, readEnvironment } from './config/environment.js';
import { DataDirectoryInUseError } from './embedded/data-directory-lock.js';
import { type EmbeddedServices, startEmbeddedServices } from './embedded/embedded-services.js';
import { closeApp } from './http/close-app.js';
import { createApp } from './http/create-app.js';
import { printWalkThrough, walkThrough } from './walk-through.js';

const tell = (line: string) => {
  process.stdout.write(`${line}\n`);
};

/**
 * Runs until SIGINT or SIGTERM, then closes in order: HTTP, database connections, embedded database, OpenID provider,
 * emulator.
 * @returns the exit code
 */
export async function runSample(variables: NodeJS.ProcessEnv): Promise<number> {
  const stop = stopSignal();
  let services: EmbeddedServices | undefined;
  let app: INestApplication | undefined;
  try {
    const environment = readEnvironment(variables);
    services = await startEmbeddedServices(environment, tell);
    app = await createApp(services.config, services.development);
    await services.releasePort();
    await app.listen(services.config.http.port, services.config.http.host);
    introduce(services);
    await stop;
    return 0;
  } catch (error) {
    process.stderr.write(`${sentenceFor(error)}\n`);
    return 1;
  } finally {
    if (app) await closeApp(app);
    await services?.close();
    tell('Stopped.');
  }
}

/**
 * Resolves at the first signal. Later ones are ignored: npm also forwards the Ctrl-C that the terminal sends to this
 * process.
 */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
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

/** Describes an error of the configuration in one sentence, and any other error with its stack, for the developer. */
function sentenceFor(error: unknown): string {
  if (error instanceof EnvironmentError || error instanceof DataDirectoryInUseError) return error.message;
  const { code, port, syscall } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE')
    return `port ${port} is taken: set PORT (or NOWGG_EMULATOR_PORT, OIDC_EMBEDDED_PORT) to another one, or 0`;
  // The app connects to nothing else while it starts.
  if (syscall === 'connect') return `PostgreSQL cannot be reached (${code}): is it up, and is DATABASE_URL right?`;
  return error instanceof Error ? (error.stack ?? error.message) : 'the app could not start';
}
