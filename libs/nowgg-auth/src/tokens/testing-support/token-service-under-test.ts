import { setImmediate } from 'node:timers/promises';
import { IdentityProviders } from '../../identity/identity-providers.js';
import type {
  EncryptionKey,
  ResolvedSessionsOptions,
  ResolvedShutdownOptions,
  ResolvedTokensOptions,
  SessionsOptions,
  TokensOptions,
} from '../../options/options.js';
import type { TokenRevocations } from '../../revocation/issued-tokens.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { strongKey } from '../../testing-support/strong-key.js';
import type { VerdictPriming } from '../../verification/verdict-priming.js';
import { MemoryTokenStore } from '../store/memory/memory-token-store.js';
import { NowggTokenService } from '../nowgg-token-service.js';
import type { TokenStore } from '../store/token-store.js';
import { authenticatorOf, ScriptedProvider } from './scripted-provider.js';

export const KEY_1: EncryptionKey = { id: 'k1', key: strongKey(1) };
export const KEY_2: EncryptionKey = { id: 'k2', key: strongKey(2) };

/** The documented defaults, with one key. */
export const DEFAULT_OPTIONS: ResolvedTokensOptions = {
  encryptionKeys: [KEY_1],
  refreshMarginMs: 60_000,
  softDeadlineMs: 4_000,
  leaseMs: 8_000,
  lateReplyMs: 60_000,
  exchangeReplayMs: 30_000,
  openFirstVersion: true,
  forcedRefreshMs: 10_000,
  maxExchangesInFlight: 64,
  maxRefreshesInFlight: 256,
  refusedCodesPerMinute: 30,
  keepAlive: { isScheduled: false, idleMs: {}, perSecond: 2, everyMs: 3_600_000 },
  sessions: {
    idleMs: 2_592_000_000,
    absoluteMs: 15_552_000_000,
    endGrant: false,
    rotation: true,
    whenFull: 'end_oldest',
    per: 'client',
    devices: true,
    binding: 'off',
    publicUrls: [],
  },
};

interface ProcessSettings {
  readonly revocations?: TokenRevocations;
  readonly provider?: ScriptedProvider;
  readonly shutdown?: ResolvedShutdownOptions;
  readonly priming?: VerdictPriming;
}

/** One store, one identity provider, and as many services on them as the test asks for: each stands for a process. */
export class TokenServiceUnderTest {
  readonly clock = new ManualClock();
  readonly provider: ScriptedProvider;
  readonly authenticator = authenticatorOf('player-1');
  readonly store: TokenStore;
  readonly service: NowggTokenService;

  constructor(
    options: Partial<Omit<TokensOptions, 'keepAlive'>> = {},
    wrap: (store: TokenStore) => TokenStore = (store) => store,
  ) {
    this.provider = new ScriptedProvider(this.clock);
    this.store = wrap(new MemoryTokenStore(this.clock));
    this.service = this.anotherProcess(options);
  }

  anotherProcess(
    { sessions, ...options }: Partial<Omit<TokensOptions, 'keepAlive'>> = {},
    { revocations, provider = this.provider, shutdown, priming }: ProcessSettings = {},
  ): NowggTokenService {
    return new NowggTokenService({
      store: this.store,
      identityProviders: new IdentityProviders([provider]),
      authenticator: this.authenticator,
      clock: this.clock,
      options: { ...DEFAULT_OPTIONS, ...options, sessions: resolved(sessions) },
      revocations,
      shutdown,
      priming,
    });
  }

  /** A grant whose access token is fresh for an hour. */
  async signIn(code = 'code-1') {
    return this.service.exchangeCode(code);
  }

  /** Lets time pass, step by step, with everything that becomes due in between. */
  async pass(ms: number, stepMs = ms): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      await settled();
      this.clock.advance(Math.min(stepMs, left));
    }
    await settled();
  }
}

function resolved({ publicUrl, ...sessions }: SessionsOptions = {}): ResolvedSessionsOptions {
  return { ...DEFAULT_OPTIONS.sessions, ...sessions, publicUrls: [publicUrl ?? []].flat() };
}

/** Waits until everything that can happen without time passing has happened. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
}

/** A promise and the handle to fulfil it. */
export function deferred<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

/** The error of a promise, listened to from now on; undefined when it succeeds. */
export async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error;
  }
}
