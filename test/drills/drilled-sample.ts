import 'reflect-metadata';
import { readEnvironment } from '../../apps/sample/src/config/environment.js';
import { startEmbeddedServices } from '../../apps/sample/src/embedded/embedded-services.js';
import { createApp } from '../../apps/sample/src/http/create-app.js';

/** The first message to this process: the environment of the sample. The answer is {@link DrilledReady}. */
export interface DrilledStart {
  readonly variables: Readonly<Record<string, string>>;
}

export interface DrilledReady {
  readonly url: string;
}

process.once('message', (start: DrilledStart) => void run(start));
process.on('disconnect', () => process.exit());

async function run({ variables }: DrilledStart): Promise<void> {
  const services = await startEmbeddedServices(readEnvironment(variables), () => undefined);
  const app = await createApp(services.config);
  await services.releasePort();
  await app.listen(services.config.http.port, '127.0.0.1');
  process.send?.({ url: await app.getUrl() } satisfies DrilledReady);
}
