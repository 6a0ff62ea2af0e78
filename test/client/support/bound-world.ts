import {
  configure,
  NoSessionError,
  type SessionClient,
  type SessionClock,
  SessionUnavailableError,
} from 'nowgg-auth-client';
import { keyBinding } from 'nowgg-auth-client/binding';
import type { NowggAuthError, NowggTokenService } from 'nestjs-nowgg-auth';
import { captureSecurityEvents } from '../../../libs/nowgg-auth/src/testing-support/security-events.js';
import { TokenServiceUnderTest } from '../../../libs/nowgg-auth/src/tokens/testing-support/token-service-under-test.js';
import type { KeyDatabaseUnderTest } from './key-database.js';
import { sharedStorage } from './world.js';

/**
 * What befalls one request of a client. `twice`: the browser sends it again, because the first answer was lost.
 * `misrouted`: it and its repetition come by an address for which no proof is good.
 */
export type BoundFate = 'answered' | 'request lost' | 'reply lost' | 'twice' | 'misrouted';

interface Sent {
  readonly path: string;
  readonly dpop: string | undefined;
  readonly body: { readonly code?: string; readonly attemptId?: string; readonly session: string };
}

const ORIGIN = 'https://game.example';
const LIFE_MS = 3_600_000;
const sessions = { binding: 'offered', publicUrl: ORIGIN } as const;

/** Tabs of one browser, with a storage and an IndexedDB, before the real token service in two processes. */
export class BoundWorld {
  readonly under = new TokenServiceUnderTest({ sessions });
  readonly #processes: readonly NowggTokenService[] = [this.under.service, this.under.anotherProcess({ sessions })];
  readonly #events = captureSecurityEvents();
  readonly #database: KeyDatabaseUnderTest;
  readonly #storage = sharedStorage();
  readonly #skewMs: number;
  readonly tabs: SessionClient[] = [];
  /** Every request that arrived, in its order. */
  readonly sent: Sent[] = [];
  #fate: BoundFate = 'answered';
  #codes = 0;
  #requests = 0;
  /** Whether the key of the session is gone. */
  isCleared = false;
  /** Number of sessions that ended with their key. */
  ended = 0;
  /** Grant of the last sign-in. */
  #grantId = '';

  constructor(tabs: number, skewMs: number, database: KeyDatabaseUnderTest) {
    this.#skewMs = skewMs;
    this.#database = database;
    for (let tab = 0; tab < tabs; tab += 1) this.tabs.push(this.#open());
  }

  get events(): string[] {
    return this.#events.seen.map(({ type, detail }) => `${type} ${detail}`);
  }

  get isBound(): boolean {
    return [...this.#storage.items.values()].some((text) => text.includes('#'));
  }

  tab(index: number): SessionClient {
    return this.tabs[index] as SessionClient;
  }

  /** Signs in as a player does who presses the button once more when nothing happens. */
  async signIn(tab: number, fate: BoundFate = 'answered', isDenied = false): Promise<void> {
    const code = `code-${(this.#codes += 1)}`;
    this.#fate = fate;
    const login = async () => this.tab(tab).login(code);
    const first = async () => {
      await login().catch((error: unknown) => {
        if (!(error instanceof SessionUnavailableError)) throw error;
      });
    };
    await (isDenied ? this.#database.without('denied', first) : first());
    if (this.tab(tab).sessionState !== 'AUTHENTICATED' || fate !== 'answered') await login();
    this.isCleared = false;
  }

  /**
   * A token of a tab that is due.
   * @returns the error, if any; the end of a session whose key is gone is followed by a sign-in
   */
  async refresh(tab: number, fate: BoundFate = 'answered'): Promise<unknown> {
    this.under.clock.advance(LIFE_MS);
    this.#fate = fate;
    const failed = await this.tab(tab)
      .refreshAccessTokenIfNeeded()
      .then(() => undefined)
      .catch((error: unknown) => error);
    const isOver = this.isCleared && (failed === undefined || failed instanceof NoSessionError);
    if (!isOver || this.tab(tab).sessionState !== 'NO_SESSION') return failed;
    this.ended += 1;
    await this.signIn(tab);
    return undefined;
  }

  async refreshDenied(tab: number): Promise<unknown> {
    let failed: unknown;
    await this.#database.without('denied', async () => {
      failed = await this.refresh(tab);
    });
    return failed;
  }

  /** All tabs want a token at the same time. */
  async refreshAll(): Promise<void> {
    this.under.clock.advance(LIFE_MS);
    this.#fate = 'answered';
    await Promise.all(this.tabs.map(async (tab) => tab.refreshAccessTokenIfNeeded().catch(() => undefined)));
  }

  /** The page of a tab is loaded again: what it had in memory is gone. */
  reload(tab: number): void {
    this.tab(tab).close();
    this.tabs[tab] = this.#open();
  }

  async clearKeys(): Promise<void> {
    this.isCleared ||= this.isBound;
    await this.#database.clear();
  }

  /** Answers a request as the routes do. */
  async answer({ path, dpop, body }: Sent): Promise<Response> {
    const service = this.#processes[(this.#requests += 1) % 2] as NowggTokenService;
    const proof = service.proofOf({ method: 'POST', url: path, headers: { dpop } });
    try {
      if (body.code !== undefined) {
        const { attemptId } = body;
        const { grant, session, accessToken } = await service.exchangeCode(body.code, { attemptId, proof });
        if (body.code === `code-${this.#codes}`) this.#grantId = grant.id;
        return Response.json({ ...viewOf(accessToken), session, user: {}, ...(grant.bound && { bound: true }) });
      }
      const { grant, session } = await service.openSession(body.session, { ...body, proof });
      const accessToken = await service.getAccessToken(grant.id, { minLifeShare: 0.2 });
      return Response.json({ ...viewOf(accessToken), ...(session !== body.session && { session }) });
    } catch (error) {
      const refused = error as NowggAuthError;
      return Response.json(refused.getResponse(), { status: refused.getStatus() });
    }
  }

  async state(): Promise<string | undefined> {
    return (await this.under.store.findGrant(this.#grantId))?.state;
  }

  close(): void {
    for (const tab of this.tabs) tab.close();
    this.#events[Symbol.dispose]();
  }

  async #deliver(sent: Sent): Promise<Response> {
    const fate = this.#fate;
    if (fate === 'misrouted') return this.answer({ ...sent, path: `/v2${sent.path}` });
    this.#fate = 'answered';
    if (fate === 'request lost') throw new TypeError('the network is gone');
    this.sent.push(sent);
    const answer = await this.answer(sent);
    if (fate === 'reply lost') throw new TypeError('the network is gone');
    return fate === 'twice' ? this.answer(sent) : answer;
  }

  #open(): SessionClient {
    const { clock } = this.under;
    const session: SessionClock = {
      now: () => clock.now() + this.#skewMs,
      // Short waits end at once, the limit of a request never.
      after: (ms, callback) => {
        const timer = ms < 500 ? setImmediate(callback) : undefined;
        return () => clearImmediate(timer);
      },
    };
    return configure({
      baseUrl: ORIGIN,
      storage: this.#storage,
      binding: keyBinding(),
      clock: session,
      fetch: async (address, { headers, body } = {}) =>
        this.#deliver({
          path: new URL(address).pathname,
          dpop: new Headers(headers).get('dpop') ?? undefined,
          body: JSON.parse(body as string) as Sent['body'],
        }),
    });
  }
}

interface Token {
  readonly token: string;
  readonly expiresAt?: Date | undefined;
  readonly generation: number;
}

const viewOf = ({ token, expiresAt, generation }: Token) => ({
  token,
  generation,
  tokenExpiresAt: expiresAt?.toISOString(),
});
