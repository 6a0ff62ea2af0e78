import { createRequire } from 'node:module';
import { type DynamicModule, type INestApplicationContext, UseGuards } from '@nestjs/common';
import {
  NowggAuthGuard,
  NowggAuthModule,
  type NowggAuthModuleOptions,
  NowggRevocationService,
} from 'nestjs-nowgg-auth';
import { TestClock } from 'nestjs-nowgg-auth/testing';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import type { Case, Credential } from './cases.js';

const { version } = createRequire(import.meta.url)('@nestjs/core/package.json') as { version: string };
export const nest = version;
export const isNest11 = version.startsWith('11.');

/** Global guards reach gateways from Nest 12 on; before it, each gateway bears the guard. */
export const GuardedGateway = (): ClassDecorator => (isNest11 ? UseGuards(NowggAuthGuard) : () => undefined);

const CLIENT = { clientId: 'demo-client', clientSecret: 'demo-secret' };
const OTHER_GAME = { clientId: 'other-game', clientSecret: 'other-secret' };
const DAY_MS = 86_400_000;
const PLAYERS = [{ userId: 'player-1' }, { userId: 'signed-out' }, { userId: 'banned' }];

/** The identity system of one door, that of another game, and the clock of the application. */
export class World {
  readonly #clock = new TestClock();
  readonly #applications: INestApplicationContext[] = [];

  private constructor(
    readonly emulator: NowggEmulator,
    readonly elsewhere: NowggEmulator,
  ) {}

  static async start(): Promise<World> {
    const options = { players: PLAYERS, tokenLifetimeSeconds: 600 };
    return new World(
      await startNowggEmulator({ ...options, clients: [CLIENT] }),
      await startNowggEmulator({ ...options, clients: [OTHER_GAME] }),
    );
  }

  auth(options: Partial<NowggAuthModuleOptions> = {}): DynamicModule {
    const own = { ...CLIENT, baseUrl: this.emulator.url, clock: this.#clock, strategyName: false as const };
    return NowggAuthModule.forRoot({ ...own, globalGuard: true, onUnprotected: 'fail', ...options });
  }

  /** Bans are told to this application. */
  add<App extends INestApplicationContext>(app: App): App {
    this.#applications.push(app);
    return app;
  }

  async credentialOf({ sent }: Case): Promise<Credential> {
    switch (sent) {
      case 'nothing':
        return {};
      case 'malformed':
        return { isMalformed: true };
      case 'two':
        return { token: this.#token(), second: this.#token() };
      case 'good':
        return { token: this.#token() };
      case 'foreign':
        return { token: this.elsewhere.issueTokens({ userId: 'player-1', clientId: OTHER_GAME.clientId }).token };
      case 'expired': {
        const token = this.#token();
        this.#clock.advance(700_000);
        this.emulator.advanceClock(700_000);
        return { token };
      }
      case 'revoked': {
        const token = this.#token('signed-out');
        for (const app of this.#applications) await app.get(NowggRevocationService).revoke({ userId: 'signed-out' });
        return { token };
      }
      case 'banned': {
        const token = this.#token('banned');
        const reason = { code: 'cheating', text: 'Cheating' };
        const until = new Date(this.#clock.now() + DAY_MS);
        for (const app of this.#applications)
          await app.get(NowggRevocationService).revoke({ userId: 'banned' }, { until, reason });
        return { token };
      }
      case 'silence': {
        const token = this.#token();
        await this.emulator.close();
        return { token };
      }
    }
  }

  async close(): Promise<void> {
    await this.elsewhere.close();
    await this.emulator.close();
  }

  #token(userId = 'player-1'): string {
    return this.emulator.issueTokens({ userId }).token;
  }
}
