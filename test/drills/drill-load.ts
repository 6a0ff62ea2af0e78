import { setTimeout as wait } from 'node:timers/promises';
import type { NowggEmulator } from 'nowgg-emulator';
import type { Planted } from '../support/seeded-secrets/planted.js';

/** Requests a second of each kind. */
const RATES = { known: 20, newcomers: 4, signIns: 2, refreshes: 2 } as const;
/** Sessions that are refreshed in turn: each less often than the shortest time between two forced refreshes. */
const SESSIONS = 60;
const KNOWN = 40;
const TICK_MS = 100;
const PATIENCE_MS = 10_000;

interface Session {
  session: string;
  generation: number;
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Players of the drilled game: those who play, new ones, sign-ins and refreshes, at a fixed rate. */
export class DrillLoad {
  /** Answers so far, by kind of request and status. */
  readonly answers = new Map<string, number>();
  readonly #urls: readonly string[];
  readonly #emulator: NowggEmulator;
  readonly #planted: Planted;
  #sessions: Session[] = [];
  #known: string[] = [];
  #turn = 0;
  #isOver = false;
  #running: Promise<void> | undefined;

  constructor(urls: readonly string[], emulator: NowggEmulator, planted: Planted) {
    this.#urls = urls;
    this.#emulator = emulator;
    this.#planted = planted;
  }

  /** Starts it, with so many sessions that no refresh is asked for too early. */
  async start(): Promise<void> {
    while (this.#sessions.length < SESSIONS) await Promise.all([this.#signIn(), this.#signIn(), this.#signIn()]);
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** Forgets every token and session: what was issued in a fault may not be good after it. */
  forget(): void {
    this.#known = [];
    this.#sessions = [];
  }

  async #run(): Promise<void> {
    const startedAtMs = performance.now();
    const due: Record<string, number> = {};
    const pending = new Set<Promise<void>>();
    const begin = (kind: string, perSecond: number, elapsedS: number, send: () => Promise<void>) => {
      // A machine that fell behind does not catch up: the rate is what matters.
      due[kind] = Math.max(due[kind] ?? 0, Math.floor(elapsedS * perSecond) - perSecond);
      for (; (due[kind] ?? 0) < elapsedS * perSecond; due[kind] = (due[kind] ?? 0) + 1) {
        const sent: Promise<void> = send().finally(() => pending.delete(sent));
        pending.add(sent);
      }
    };
    while (!this.#isOver) {
      const elapsedS = (performance.now() - startedAtMs) / 1_000;
      begin('known', RATES.known, elapsedS, () => this.#playKnown());
      begin('newcomers', RATES.newcomers, elapsedS, () => this.#playNew());
      begin('signIns', RATES.signIns, elapsedS, () => this.#signIn());
      begin('refreshes', RATES.refreshes, elapsedS, () => this.#refresh());
      await wait(TICK_MS);
    }
    await Promise.all(pending);
  }

  async #playKnown(): Promise<void> {
    const token = this.#known[(this.#turn += 1) % Math.max(1, this.#known.length)];
    if (token === undefined) return;
    const { status } = await this.#play('known', token);
    // As a client does: it drops what is refused.
    if (status === 401) this.#known = this.#known.filter((each) => each !== token);
  }

  async #playNew(): Promise<void> {
    const { userId } = this.#emulator.addPlayer();
    await this.#play('new', this.#planted.keep(this.#emulator.issueTokens({ userId }).token));
  }

  #play(kind: string, token: string): Promise<Answer> {
    return this.#send(kind, 'GET', '/auth/me', { authorization: `Bearer ${token}` });
  }

  async #signIn(): Promise<void> {
    const { userId } = this.#emulator.addPlayer();
    const code = this.#planted.keep(this.#emulator.issueCode({ userId }));
    const { status, body } = await this.#post('sign-in', '/auth/login', { provider: 'nowgg', code });
    if (status !== 200) return;
    const { token, session, generation } = body as { token: string; session: string; generation: number };
    this.#planted.keep(token);
    this.#planted.keep(session);
    this.#known = [token, ...this.#known].slice(0, KNOWN);
    this.#sessions = [...this.#sessions, { session, generation }].slice(-SESSIONS);
  }

  async #refresh(): Promise<void> {
    const next = this.#sessions.shift();
    if (!next) return;
    const { status, body } = await this.#post('refresh', '/auth/refresh', { ...next });
    if (status === 401) return;
    if (status === 200) {
      const renewed = body as unknown as Pick<Session, 'generation'> & { token: string };
      this.#planted.keep(renewed.token);
      next.generation = renewed.generation;
    }
    this.#sessions.push(next);
  }

  #post(kind: string, route: string, body: object): Promise<Answer> {
    return this.#send(kind, 'POST', route, { 'content-type': 'application/json' }, JSON.stringify(body));
  }

  async #send(
    kind: string,
    method: string,
    route: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<Answer> {
    const url = this.#urls[(this.#turn += 1) % this.#urls.length];
    try {
      const answer = await fetch(`${url}${route}`, {
        method,
        headers,
        ...(body !== undefined && { body }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const text = await answer.text();
      this.#count(`${kind} ${answer.status}`);
      return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : {} };
    } catch {
      this.#count(`${kind} none`);
      return { status: 0, body: {} };
    }
  }

  #count(what: string): void {
    this.answers.set(what, (this.answers.get(what) ?? 0) + 1);
  }
}
