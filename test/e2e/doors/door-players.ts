import { NowggRevocationService } from 'nestjs-nowgg-auth';
import type { INestApplicationContext } from '@nestjs/common';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { OffsetClock } from '../../../libs/nowgg-auth/src/testing-support/offset-clock.js';

/** Each kind of caller, and what every door answers: undefined where the call is admitted. */
export const CALLERS = {
  'no token': 'missing_token',
  malformed: 'malformed_token',
  good: undefined,
  expired: 'expired_token',
  revoked: 'revoked_token',
  foreign: 'invalid_token',
} as const;
export type Caller = keyof typeof CALLERS;

/** An emulated now.gg with callers of each kind, and the clock of the application that they call. */
export class DoorPlayers implements AsyncDisposable {
  readonly clock = new OffsetClock();
  readonly #emulator: NowggEmulator;

  private constructor(emulator: NowggEmulator) {
    this.#emulator = emulator;
  }

  static async start(): Promise<DoorPlayers> {
    const players = [{ userId: 'player-1' }, { userId: 'banned' }];
    return new DoorPlayers(await startNowggEmulator({ players, tokenLifetimeSeconds: 600 }));
  }

  /** Options of the module for an application that asks this now.gg. */
  get options() {
    const { clock } = this;
    return { clientId: 'demo-client', clientSecret: 'demo-secret', baseUrl: this.#emulator.url, clock };
  }

  token(userId = 'player-1'): string {
    return this.#emulator.issueTokens({ userId }).token;
  }

  /** A one-time code, to sign a player in with. */
  code(userId = 'player-1'): string {
    return this.#emulator.issueCode({ userId });
  }

  /** The value of the Authorization header of a caller; undefined for one without. */
  async authorization(caller: Caller, app: INestApplicationContext): Promise<string | undefined> {
    switch (caller) {
      case 'no token':
        return undefined;
      case 'malformed':
        return 'Bearer two words';
      case 'foreign':
        return 'Bearer not-a-token';
      case 'good':
        return `Bearer ${this.token()}`;
      case 'expired': {
        const token = this.token();
        this.advance(700_000);
        return `Bearer ${token}`;
      }
      case 'revoked': {
        const token = this.token('banned');
        await this.ban(app);
        return `Bearer ${token}`;
      }
    }
  }

  async ban(app: INestApplicationContext, userId = 'banned'): Promise<void> {
    await app.get(NowggRevocationService).revoke({ userId });
  }

  /** Moves the clocks of the application and of now.gg. */
  advance(ms: number): void {
    this.clock.advance(ms);
    this.#emulator.advanceClock(ms);
  }

  /** Now.gg answers no request from now on. */
  async silence(): Promise<void> {
    await this.#emulator.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#emulator.close();
  }
}
