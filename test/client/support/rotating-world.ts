import { configure, type SessionClient, type SessionClock, type SessionStorageAdapter } from 'nowgg-auth-client';
import type { NowggAuthError } from 'nestjs-nowgg-auth';
import { captureSecurityEvents } from '../../../libs/nowgg-auth/src/testing-support/security-events.js';
import { TokenServiceUnderTest } from '../../../libs/nowgg-auth/src/tokens/testing-support/token-service-under-test.js';

/** What befalls one request of a client. */
export type RequestFate = 'answered' | 'request lost' | 'reply lost';

interface RefreshBody {
  readonly session: string;
  readonly generation?: number;
  readonly reread?: boolean;
}

const LIFE_MS = 3_600_000;

/** A player's session in several tabs of one storage: real clients before the real token service, in one process. */
export class RotatingWorld {
  readonly under = new TokenServiceUnderTest();
  readonly tabs: SessionClient[] = [];
  readonly #events = captureSecurityEvents();
  /** Requests that may come once more, as those do that a network has held back. */
  readonly sent: RefreshBody[] = [];
  fate: RequestFate = 'answered';
  /** What the next advance of the handle meets at the database. */
  commit: 'stored' | 'lost' | 'refused' = 'stored';
  /** The tab whose writes fail. */
  fullFor: number | undefined;
  readonly #texts: string[] = [];
  #newest = '';

  private constructor(tabs: number) {
    const { store } = this.under;
    const advance = store.advanceHandle.bind(store);
    store.advanceHandle = async (use) => {
      const { commit } = this;
      this.commit = 'stored';
      if (commit === 'refused') throw new Error('the database is down');
      if (commit === 'stored') await advance(use);
    };
    for (let tab = 0; tab < tabs; tab += 1) this.tabs.push(this.#open(tab));
  }

  static async signedIn(tabs: number): Promise<RotatingWorld> {
    const world = new RotatingWorld(tabs);
    const { accessToken, session, grant } = await world.under.signIn();
    const { token, expiresAt, generation } = accessToken;
    world.#newest = session;
    await world.tab(0).adopt({ token, generation, session, tokenExpiresAt: `${expiresAt?.toISOString()}` });
    world.grantId = grant.id;
    for (let tab = 1; tab < tabs; tab += 1) world.reload(tab);
    return world;
  }

  grantId = '';

  get events(): string[] {
    return this.#events.seen.map(({ type }) => type);
  }

  tab(index: number): SessionClient {
    return this.tabs[index] as SessionClient;
  }

  /** The handle that the storage has. */
  get handle(): string {
    return (JSON.parse(this.#texts.at(-1) ?? '{}') as { session: string }).session;
  }

  /** Uses a handle as a front end of another make does. @returns the status and the handle to use from now on */
  async use(body: RefreshBody): Promise<{ status: number; session?: string; errorCode?: string }> {
    try {
      const { service } = this.under;
      const { grant, session } = await service.openSession(body.session, { reread: body.reread });
      const { token, expiresAt, generation } = await service.getAccessToken(grant.id, { minLifeShare: 0.2 });
      this.#newest = session;
      const tokenExpiresAt = expiresAt?.toISOString();
      const view = { token, tokenExpiresAt, generation };
      return { status: 200, session, ...view };
    } catch (error) {
      const { errorCode } = error as NowggAuthError;
      return { status: (error as NowggAuthError).getStatus(), errorCode };
    }
  }

  /** A token of a tab that is due. @returns the error, if any */
  async refresh(tab: number, fate: RequestFate = 'answered'): Promise<unknown> {
    this.under.clock.advance(LIFE_MS);
    this.fate = fate;
    const failed = this.tab(tab)
      .refreshAccessTokenIfNeeded()
      .then(() => undefined)
      .catch((error: unknown) => error);
    return failed;
  }

  /** All tabs want a token at the same time. */
  async refreshAll(): Promise<void> {
    this.under.clock.advance(LIFE_MS);
    this.fate = 'answered';
    await Promise.all(this.tabs.map(async (tab) => tab.refreshAccessTokenIfNeeded().catch(() => undefined)));
  }

  /** The page of a tab is loaded again: what it had in memory is gone. */
  reload(tab: number): void {
    this.tab(tab).close();
    this.tabs[tab] = this.#open(tab);
  }

  /** The browser dies before its last write is on the disk. @returns false where that was not the newest handle */
  stepBack(): boolean {
    if (this.#texts.length < 2 || this.handle !== this.#newest) return false;
    this.#texts.pop();
    for (let tab = 0; tab < this.tabs.length; tab += 1) this.reload(tab);
    return true;
  }

  async state(): Promise<string | undefined> {
    return (await this.under.store.findGrant(this.grantId))?.state;
  }

  close(): void {
    for (const tab of this.tabs) tab.close();
    this.#events[Symbol.dispose]();
  }

  #open(tab: number): SessionClient {
    const { clock } = this.under;
    const session: SessionClock = {
      now: () => clock.now(),
      // Short waits end at once, the limit of a request never.
      after: (ms, callback) => {
        const timer = ms < 500 ? setImmediate(callback) : undefined;
        return () => clearImmediate(timer);
      },
    };
    return configure({
      baseUrl: 'https://game.example',
      storage: this.#storageOf(tab),
      clock: session,
      fetch: async (_address, init) => this.#answer(JSON.parse(init?.body as string) as RefreshBody),
    });
  }

  async #answer(body: RefreshBody): Promise<Response> {
    const { fate } = this;
    this.fate = 'answered';
    if (body.reread === undefined) this.sent.push(body);
    if (fate === 'request lost') throw new TypeError('the network is gone');
    const { status, ...answer } = await this.use(body);
    if (fate === 'reply lost') throw new TypeError('the network is gone');
    return Response.json(answer, { status });
  }

  /** The lease of the tabs is kept beside the session, as in `localStorage`. */
  #storageOf(tab: number): SessionStorageAdapter {
    return {
      getItem: (key) => (key.endsWith('lease') ? (this.#lease ?? null) : (this.#texts.at(-1) ?? null)),
      setItem: (key, text) => {
        if (key.endsWith('lease')) this.#lease = text;
        else if (this.fullFor === tab) throw new Error('the storage is full');
        else if (text !== this.#texts.at(-1)) this.#texts.push(text);
      },
      removeItem: (key) => {
        if (key.endsWith('lease')) this.#lease = undefined;
        else this.#texts.length = 0;
      },
    };
  }

  #lease: string | undefined;
}
