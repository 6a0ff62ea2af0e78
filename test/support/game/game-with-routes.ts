import { Controller, Get, HttpCode, type INestApplication, Module, Post } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { memoryTokenStore, NowggAuthModule, type NowggAuthModuleOptions, NowggUser } from 'nestjs-nowgg-auth';
import type { NowggEmulator } from 'nowgg-emulator';
import { strongKey } from '../../../libs/nowgg-auth/src/testing-support/strong-key.js';
import { closeApp } from '../../../apps/sample/src/http/close-app.js';

export const EMULATED_CLIENT = { clientId: 'game', clientSecret: 'secret' };

/** The answer of a sign-in. */
export interface SignedIn {
  readonly token: string;
  readonly session: string;
  readonly generation: number;
  readonly user: { readonly userId: string };
}

@Controller()
class GameController {
  @Get('game')
  game(@NowggUser('userId') userId: string) {
    return { userId };
  }

  @Post('game')
  @HttpCode(200)
  play(@NowggUser('userId') userId: string) {
    return { userId };
  }
}

/** A game backend with the ready-made routes under `auth`, everything else guarded, before an emulated now.gg. */
export class GameWithRoutes {
  readonly app: INestApplication;
  readonly url: string;
  readonly #emulator: NowggEmulator;
  readonly #path: string;

  private constructor(app: INestApplication, url: string, emulator: NowggEmulator, path: string) {
    this.app = app;
    this.url = url;
    this.#emulator = emulator;
    this.#path = path;
  }

  static async start(
    emulator: NowggEmulator,
    options: Partial<NowggAuthModuleOptions> = {},
    platform = 'express',
  ): Promise<GameWithRoutes> {
    @Module({
      imports: [
        NowggAuthModule.forRoot({
          ...EMULATED_CLIENT,
          baseUrl: emulator.url,
          tokens: { encryptionKeys: [{ id: 'k1', key: strongKey(1) }] },
          tokenStore: memoryTokenStore(),
          strategyName: false,
          globalGuard: true,
          routes: true,
          ...options,
        }),
      ],
      controllers: [GameController],
    })
    class GameModule {}
    const testing = await Test.createTestingModule({ imports: [GameModule] }).compile();
    const app =
      platform === 'fastify' ? testing.createNestApplication(new FastifyAdapter()) : testing.createNestApplication();
    await app.listen(0, '127.0.0.1');
    const { routes } = options;
    return new GameWithRoutes(app, await app.getUrl(), emulator, (typeof routes === 'object' && routes.path) || 'auth');
  }

  post(route: string, body: unknown): Promise<Response> {
    return fetch(`${this.url}/${this.#path}/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  get(path: string, token?: string): Promise<Response> {
    return fetch(`${this.url}/${path}`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  }

  async signIn(): Promise<SignedIn> {
    const { userId } = this.#emulator.addPlayer();
    const response = await this.post('login', { code: this.#emulator.issueCode({ userId }) });
    return (await response.json()) as SignedIn;
  }

  async close(): Promise<void> {
    await closeApp(this.app);
  }
}
