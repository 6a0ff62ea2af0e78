import { Agent, get } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

interface Players {
  /** Tokens of players who come again and again, at random. */
  readonly known: readonly string[];
  /** Token of a banned player, who comes once a second. */
  readonly banned: string;
  readonly newcomersPerSecond: number;
  /** The token of a player who comes for the first time. */
  newcomer(): string;
}

interface Answers {
  /** Number of requests of players who are not banned. */
  readonly sent: number;
  /** Number of their answers by status. */
  readonly answers: Readonly<Record<string, number>>;
  readonly bannedAnswers: Readonly<Record<string, number>>;
}

const TICK_MS = 20;
const TIMEOUT_MS = 10_000;

/** A fixed number of requests a second, whether or not earlier ones were answered. */
export class SteadyLoad {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #url: string;
  readonly #players: Players;
  #turn = 0;
  /** Number of requests before the next known player comes, while they begin. */
  #perPlayer = 0;

  constructor(url: string, players: Players) {
    this.#url = url;
    this.#players = players;
  }

  /**
   * Lets the known players come one after the other, evenly over this time: their verdicts are not renewed all at once
   * later, so that equal periods have equally many renewals.
   */
  async begin(seconds: number, rate: number): Promise<void> {
    const { known } = this.#players;
    this.#perPlayer = (seconds * rate) / known.length;
    await this.run(seconds, rate);
    this.#perPlayer = 0;
  }

  async run(seconds: number, rate: number): Promise<Answers> {
    const { newcomersPerSecond, banned } = this.#players;
    const answers: Record<string, number> = {};
    const bannedAnswers: Record<string, number> = {};
    const pending: Promise<void>[] = [];
    const send = (token: string, counts: Record<string, number>) => {
      pending.push(this.#status(token).then((status) => void (counts[status] = (counts[status] ?? 0) + 1)));
    };
    const startedAt = performance.now();
    let [sent, second] = [0, 0];
    while (sent < seconds * rate) {
      const elapsedS = (performance.now() - startedAt) / 1_000;
      const due = Math.min(Math.floor(elapsedS * rate), seconds * rate);
      for (; sent < due; sent += 1) send(this.#next(sent % Math.ceil(rate / newcomersPerSecond) === 0), answers);
      for (; second < elapsedS; second += 1) send(banned, bannedAnswers);
      await wait(TICK_MS);
    }
    await Promise.all(pending);
    return { sent, answers, bannedAnswers };
  }

  close(): void {
    this.#agent.destroy();
  }

  #next(isNewcomer: boolean): string {
    if (isNewcomer) return this.#players.newcomer();
    const { known } = this.#players;
    this.#turn += 1;
    const here = this.#perPlayer === 0 ? known.length : Math.ceil(this.#turn / this.#perPlayer);
    return known[Math.floor(Math.random() * Math.min(here, known.length))] as string;
  }

  /** @param isRepeated whether the server may have closed the connection of the request before */
  #status(token: string, isRepeated = false): Promise<string> {
    return new Promise((resolve) => {
      const request = get(
        this.#url,
        { agent: this.#agent, headers: { authorization: `Bearer ${token}` }, timeout: TIMEOUT_MS },
        (answer) => {
          answer.resume();
          answer.on('end', () => resolve(String(answer.statusCode)));
          answer.on('error', () => resolve('cut off'));
        },
      );
      request.on('timeout', () => request.destroy(new Error('no answer')));
      request.on('error', ({ code }: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && code === 'ECONNRESET' && !isRepeated;
        resolve(isStale ? this.#status(token, true) : (code ?? 'no answer'));
      });
    });
  }
}
