import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { NowggAuthModuleOptions } from '../module/module-options.js';
import { NowggAuthModule } from '../module/nowgg-auth.module.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import { FakeAuthenticator } from './fake-authenticator.js';

export const platforms = ['express', 'fastify'] as const;
export type Platform = (typeof platforms)[number];

export interface GuardedAppOptions {
  readonly controllers: Type[];
  readonly providers?: NonNullable<ModuleMetadata['providers']>;
  readonly module?: Partial<NowggAuthModuleOptions>;
  readonly prepare?: (app: INestApplication) => void;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** A real application on a free port, with an authenticator that a test can script. */
export class GuardedApp {
  readonly authenticator = new FakeAuthenticator();

  private constructor(readonly app: INestApplication) {}

  static async start(platform: Platform, options: GuardedAppOptions): Promise<GuardedApp> {
    const authenticator = new FakeAuthenticator();
    const testing = await Test.createTestingModule({
      imports: [NowggAuthModule.forRoot({ clientId: 'game', ...options.module })],
      controllers: options.controllers,
      providers: options.providers ?? [],
    })
      .overrideProvider(NowggAuthenticator)
      .useValue(authenticator)
      .compile();
    const adapter: AbstractHttpAdapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
    const app: INestApplication = testing.createNestApplication(adapter, { logger: false });
    options.prepare?.(app);
    await app.listen(0, '127.0.0.1');
    return Object.assign(new GuardedApp(app), { authenticator });
  }

  /** Sends exactly these headers: names as written, an array as several lines. */
  async send(path: string, authorization?: string | string[], method = 'GET'): Promise<Answer> {
    const { port } = this.app.getHttpServer().address() as AddressInfo;
    // Node takes several lines of any header; its types know that of some only.
    const headers = (authorization === undefined ? {} : { authorization }) as OutgoingHttpHeaders;
    const answer = await new Promise<Answer>((resolve, reject) => {
      const outgoing = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const isJson = incoming.headers['content-type']?.includes('json') ?? false;
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: isJson && text !== '' ? (JSON.parse(text) as unknown) : text,
          });
        });
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
    return answer;
  }

  async close(): Promise<void> {
    await this.app.close();
  }
}
