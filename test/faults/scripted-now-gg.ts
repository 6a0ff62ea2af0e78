import { type Fault, type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { CLIENT_ID, jws, tokenClaims } from '../support/game/now-gg-messages.js';

/** How the identity system is today. `flapping` fails every second call, `limiting` answers 429. */
export type Mood = 'well' | 'hanging' | 'failing' | 'flapping' | 'limiting';

const MONTH_S = 30 * 86_400;
const BUSY: Fault = { kind: 'status', status: 503, body: '{"error":"busy"}' };
const FAULTS: Readonly<Record<Exclude<Mood, 'well'>, Fault>> = {
  hanging: { kind: 'hang' },
  failing: BUSY,
  flapping: { ...BUSY, every: 2 },
  limiting: { kind: 'rate-limit', retryAfter: 7 },
};

export const client = { clientId: CLIENT_ID, clientSecret: 'secret-of-the-test' };

/** The emulator of now.gg, whose mood can be changed under load. */
export class MoodyNowGg implements AsyncDisposable {
  readonly #emulator: NowggEmulator;

  private constructor(emulator: NowggEmulator) {
    this.#emulator = emulator;
  }

  static async start(): Promise<MoodyNowGg> {
    return new MoodyNowGg(await startNowggEmulator({ clients: [client], requestLogSize: 1e6 }));
  }

  set mood(mood: Mood) {
    this.#emulator.clearFaults();
    if (mood !== 'well') this.#emulator.setFault(FAULTS[mood]);
  }

  get port(): number {
    return this.#emulator.port;
  }

  /** The players for whom it ever said yes. */
  get accepted(): ReadonlySet<string | undefined> {
    const yes = this.#emulator.requests.filter(({ code }) => code === 'VERIFICATION_SUCCESS');
    return new Set(yes.map(({ userId }) => userId));
  }

  /** A token that it knows, of a new player unless one is named. */
  goodToken(userId = this.#emulator.addPlayer().userId): string {
    if (!this.#emulator.players.some((player) => player.userId === userId)) this.#emulator.addPlayer({ userId });
    return this.#emulator.issueTokens({ userId, lifetimeSeconds: MONTH_S }).token;
  }

  /** The player whose token it is. */
  playerOf(token: string): string {
    return this.#emulator.ownerOf(token) ?? 'nobody';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#emulator.close();
  }
}

/** A token that looks as good and that now.gg does not know. */
export function badToken(): string {
  return jws(tokenClaims({ exp: Math.floor(Date.now() / 1000) + MONTH_S }), 'bad');
}
