import { rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import type { NowggEmulator } from 'nowgg-emulator';
import { readEnvironment } from '../../../apps/sample/src/config/environment.js';
import { SampleConfig, type SampleConfigValues } from '../../../apps/sample/src/config/sample-config.js';
import { type EmbeddedServices, startEmbeddedServices } from '../../../apps/sample/src/embedded/embedded-services.js';
import { closeApp } from '../../../apps/sample/src/http/close-app.js';
import { createApp } from '../../../apps/sample/src/http/create-app.js';
import { freePort } from '../servers/free-port.js';
import { newDataDirectory } from './data-directory.js';

/** An answer of the sample: its status, headers, and its body as JSON where there is one. */
export interface SampleAnswer {
  readonly status: number;
  readonly headers: Headers;
  // The shape is what the test is about to check.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
  readonly text: string;
}

export interface SampleCall {
  readonly token?: string;
  readonly cookie?: string;
  readonly body?: unknown;
  /** Opens the development tools. */
  readonly developmentKey?: string | undefined;
  /** Sent as it is, instead of {@link body}. */
  readonly rawBody?: string;
}

/** What a sign-in at the sample gives. */
export interface SampleSession {
  readonly token: string;
  readonly tokenExpiresAt: string;
  readonly generation: number;
  readonly session: string;
  /** What the game says of the player, `GET /me`. */
  readonly user: { readonly id: string; readonly userId: string; readonly displayName: string | null };
}

/** The sample on a free port of this process. */
export class RunningSample {
  readonly app: INestApplication;
  readonly emulator: NowggEmulator;
  readonly url: string;
  /** Opens the development tools. */
  readonly developmentKey: string;

  constructor(app: INestApplication, emulator: NowggEmulator, developmentKey: string) {
    this.app = app;
    this.emulator = emulator;
    this.developmentKey = developmentKey;
    this.url = `http://127.0.0.1:${((app.getHttpServer() as Server).address() as AddressInfo).port}`;
  }

  async call(
    method: string,
    path: string,
    { token, cookie, body, rawBody, developmentKey }: SampleCall = {},
  ): Promise<SampleAnswer> {
    const content = rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(cookie !== undefined && { cookie }),
        ...(developmentKey !== undefined && { 'x-development-key': developmentKey }),
        ...(content !== undefined && { 'content-type': 'application/json' }),
      },
      ...(content !== undefined && { body: content }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
    return {
      status: response.status,
      headers: response.headers,
      body: isJson && text !== '' ? JSON.parse(text) : undefined,
      text,
    };
  }

  /** Signs a new player of the emulator in, with a code, as the game would. */
  async signIn(player: Parameters<NowggEmulator['addPlayer']>[0] = {}): Promise<SampleSession> {
    const { userId } = this.emulator.addPlayer(player);
    const answer = await this.login(this.emulator.issueCode({ userId }));
    if (answer.status !== 200) throw new Error(`the sign-in was answered with ${answer.status}`);
    const { body: user } = await this.call('GET', '/me', { token: answer.body.token });
    return { ...answer.body, user };
  }

  login(code: string): Promise<SampleAnswer> {
    return this.call('POST', '/auth/login', { body: { provider: 'nowgg', code } });
  }

  close(): Promise<void> {
    return closeApp(this.app);
  }
}

/** The emulator, and an embedded database unless `variables` name a real one. Made once for several apps. */
export async function startSampleServices(variables: Readonly<Record<string, string>> = {}): Promise<EmbeddedServices> {
  const directory = variables.DATABASE_URL === undefined ? await newDataDirectory() : undefined;
  const environment = readEnvironment({
    NOWGG_SAMPLE_DATA_DIR: directory ?? ':memory:',
    NOWGG_EMULATOR_PORT: '0',
    OIDC_EMBEDDED_PORT: '0',
    PORT: '0',
    // Jest cannot load @nestjs/throttler, which requires modules of Nest 12; a process of its own tests the limits.
    SIGN_INS_PER_MINUTE: '0',
    PROFILE_SYNC_INTERVAL_MS: '0',
    ...variables,
  });
  const services = await startEmbeddedServices(environment, () => undefined);
  const close = async () => {
    await services.close();
    if (directory !== undefined) await rm(directory, { recursive: true });
  };
  return { ...services, close };
}

type SampleParts = { readonly config: SampleConfigValues } & Pick<
  EmbeddedServices,
  'emulator' | 'development' | 'releasePort'
>;

/** One more instance of the app on these services, on an address of its own. */
export async function startSample(
  { config, emulator, development, releasePort }: SampleParts,
  platform: 'express' | 'fastify',
  changes: Partial<SampleConfigValues> = {},
): Promise<RunningSample> {
  if (!emulator) throw new Error('the sample is tested with the emulator');
  const port = changes.http?.port ?? (await freePort());
  const http = { host: '127.0.0.1', port, platform };
  const publicUrl = `http://127.0.0.1:${port}`;
  const app = await createApp(new SampleConfig({ ...config, publicUrl, ...changes, http }), development);
  if (port === config.http.port) await releasePort();
  await app.listen(port, '127.0.0.1');
  return new RunningSample(app, emulator.emulator, development?.key ?? '');
}
