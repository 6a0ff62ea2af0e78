import type { NowggClock } from '../../clock.js';
import type { IdentityProvider, IdentityVerdict } from '../../identity/identity-provider.js';
import type { TokenFacts } from '../../principal.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import type { AskedToken } from '../decision/verification-result.js';
import { Canaries, type Canary } from './canaries.js';
import { type CanaryAnswer, RefusalEvidence, type Ruling, type Sent } from './refusal-evidence.js';

interface ClientEvidenceOptions {
  /** Time limit for one request, in milliseconds. A canary has half of it, because a caller waits for both. */
  readonly timeoutMs: number;
  /** Whether every refusal is believed at once. */
  readonly refusalsAreDefinite: boolean;
}

/** Counts the calls of each provider against its rate. */
export interface CallCounters {
  of(provider: string): { charge(): void } | undefined;
}

interface AskedCanary {
  readonly atMs: number;
  readonly order: number;
  readonly answer: Promise<CanaryAnswer>;
}

/** Minimum time between two canaries, in milliseconds; meanwhile the last answer decides. */
const CANARY_EVERY_MS = 1_000;

/**
 * Knowledge of this process about its client secret at one identity provider; judges what a refusal there proves. Asks
 * about canaries when {@link RefusalEvidence} needs one.
 */
export class ClientEvidence {
  readonly #provider: IdentityProvider;
  readonly #clock: NowggClock;
  readonly #options: ClientEvidenceOptions;
  readonly #countCall: () => void;
  readonly #evidence = new RefusalEvidence();
  readonly #canaries: Canaries;
  #lastCanary: AskedCanary | undefined;
  #hasDoubt = false;
  #doubtEndedAtMs = Number.NEGATIVE_INFINITY;
  /** Whether refusals are not believed because nothing was accepted recently, or ever. */
  #isStarved = false;

  /** @param countCall called for each canary: it is asked about even if the rate of calls is used up */
  constructor(
    provider: IdentityProvider,
    clock: NowggClock,
    options: ClientEvidenceOptions,
    countCall: () => void = () => undefined,
  ) {
    this.#provider = provider;
    this.#clock = clock;
    this.#options = options;
    this.#countCall = countCall;
    this.#canaries = new Canaries(clock);
  }

  /** Whether no refusal is believed until a token is accepted. */
  get hasDoubt(): boolean {
    return this.#hasDoubt;
  }

  /**
   * Whether a refusal that was not believed still stands at this monotonic time of its request: not once the doubt is
   * over. While it stands, a canary is asked about: the callers who wait ask nothing.
   */
  standsAt(askedAtMs: number): boolean {
    if (askedAtMs < this.#doubtEndedAtMs) return false;
    if (this.#hasDoubt) void this.askCanary();
    return true;
  }

  /** Whether a refusal of this token waits for a second one. */
  isDoubted(digest: string): boolean {
    return this.#evidence.isDoubted(digest);
  }

  /** Records that a request is sent; call it at that moment. */
  sent(): Sent {
    return this.#evidence.sent(this.#clock.monotonicNow());
  }

  /** Records that the token endpoint issued tokens to our client. */
  tokensIssued(sent: Sent): void {
    this.#noteYes(sent);
  }

  /** Records that the identity system accepted a token. */
  accepted(asked: AskedToken, facts: TokenFacts, sent: Sent, wasKnown: boolean): void {
    if (!this.#provider.sendsSecretFor(asked.tokenType)) return;
    this.#evidence.acceptedToken(asked.digest, this.#clock.monotonicNow(), wasKnown);
    this.keepCanary(asked, facts);
    this.#noteYes(sent);
  }

  /** Keeps an accepted token, so that a later refusal of another can be compared with the answer about it. */
  keepCanary({ digest, token, tokenType }: AskedToken, facts: TokenFacts): void {
    if (this.#options.refusalsAreDefinite || !this.#provider.sendsSecretFor(tokenType)) return;
    this.#canaries.keep({ player: facts.userId, digest, token }, facts.expiresAtMs);
  }

  /**
   * Judges what the refusal of a token proves.
   *
   * @param player the user for whom the token was accepted before; undefined for a stranger
   */
  async judge(asked: AskedToken, player: string | undefined, sent: Sent): Promise<Exclude<Ruling, 'ask_canary'>> {
    if (this.#options.refusalsAreDefinite || !this.#provider.sendsSecretFor(asked.tokenType)) return 'believed';
    const ruling =
      player === undefined ? await this.#judgeStranger(asked) : await this.#judgeKnown(asked, player, sent);
    if (ruling === 'believed' || (ruling === 'once' && !this.#hasDoubt)) this.#canaries.refused(asked.digest);
    return this.#ruled(ruling);
  }

  /** Whether a refused authorization code may be reported as refused. */
  async believesCode(codeHash: string): Promise<boolean> {
    if (this.#options.refusalsAreDefinite) return true;
    const ruling = this.#evidence.refusedCode(codeHash);
    const decided = ruling === 'ask_canary' ? this.#evidence.codeAfterCanary(await this.askCanary()) : ruling;
    return this.#ruled(decided) === 'believed';
  }

  /**
   * Asks about a canary, at most one per second: meanwhile the last answer applies.
   *
   * @param after the order of a reply: the answer must be to a request that was sent after it arrived
   */
  async askCanary(about: { readonly after?: number; readonly exceptPlayer?: string } = {}): Promise<CanaryAnswer> {
    const now = this.#clock.monotonicNow();
    const last = this.#lastCanary;
    if (last && now - last.atMs < CANARY_EVERY_MS) {
      return about.after === undefined || last.order > about.after ? last.answer : 'undecided';
    }
    const canary = this.#canaries.take(this.#clock.now(), about.exceptPlayer);
    if (!canary) return 'none';
    const sent = this.sent();
    const answer = this.#ask(canary, sent);
    this.#lastCanary = { atMs: now, order: sent.order, answer };
    return answer;
  }

  async #judgeStranger({ digest, isPlausible }: AskedToken): Promise<Ruling> {
    const ruling = this.#evidence.refusedStranger(digest, isPlausible);
    if (ruling !== 'ask_canary') return ruling;
    const answer = await this.askCanary();
    const left = answer === 'refused' && !this.#canaries.has(this.#clock.now()) ? 'none' : answer;
    return this.#evidence.strangerAfterCanary(left, this.#clock.monotonicNow());
  }

  async #judgeKnown({ digest }: AskedToken, player: string, sent: Sent): Promise<Ruling> {
    const nowMs = this.#clock.monotonicNow();
    const ruling = this.#evidence.refusedKnown({ key: digest, player, sent, nowMs });
    if (ruling !== 'ask_canary') return ruling;
    const after = this.#evidence.firstRefusalOf(digest);
    const about = { exceptPlayer: player, ...(after !== undefined && { after }) };
    const answer = await this.askCanary(about);
    return this.#evidence.knownAfterCanary(digest, answer, this.#clock.monotonicNow());
  }

  async #ask(canary: Canary, sent: Sent): Promise<CanaryAnswer> {
    this.#countCall();
    const verdict = await this.#verify(canary.token);
    const { digest, player } = canary;
    const nowMs = this.#clock.monotonicNow();
    if (verdict.status === 'valid') {
      this.#evidence.acceptedToken(digest, nowMs, true);
      this.#noteYes(sent);
      return 'accepted';
    }
    if (verdict.status === 'invalid' && verdict.reason === 'invalid_token' && !verdict.isOwnFinding) {
      // While the secret is in doubt a refusal says nothing about the canary either.
      if (this.#hasDoubt) this.#canaries.putBack(canary);
      else this.#canaries.refused(digest);
      this.#evidence.refusedKnown({ key: digest, player, sent, nowMs });
      this.#announce();
      return 'refused';
    }
    if (verdict.status === 'invalid') this.#canaries.drop(canary);
    else this.#canaries.putBack(canary);
    return verdict.status === 'invalid' ? 'expired' : 'undecided';
  }

  async #verify(token: string): Promise<IdentityVerdict> {
    try {
      return await this.#provider.verifyAccepted(token, 'token', AbortSignal.timeout(this.#options.timeoutMs / 2));
    } catch {
      return { status: 'unknown', reason: 'invalid_response' };
    }
  }

  #noteYes(sent: Sent): void {
    this.#evidence.accepted(sent);
    this.#isStarved = false;
    this.#announce();
  }

  #ruled(ruling: Ruling): Exclude<Ruling, 'ask_canary'> {
    if (ruling === 'suspect') {
      this.#isStarved ||= !this.#evidence.isSuspect && !this.#canaries.has(this.#clock.now());
      // Only an acceptance ends the doubt: a canary may bring one sooner than the next player.
      void this.askCanary();
    }
    this.#announce();
    return ruling === 'ask_canary' ? 'suspect' : ruling;
  }

  /** Publishes one event when doubt begins and one when it ends. */
  #announce(): void {
    const hasDoubt = this.#evidence.isSuspect || this.#isStarved;
    if (hasDoubt === this.#hasDoubt) return;
    this.#hasDoubt = hasDoubt;
    if (hasDoubt) {
      this.#provider.doubtSecret();
      // Tokens refused before may have been refused because of the secret.
      this.#canaries.pardon();
    } else this.#doubtEndedAtMs = this.#clock.monotonicNow();
    const starved = this.#isStarved && !this.#evidence.isSuspect;
    const detail = hasDoubt ? (starved ? 'no token was accepted in the last ten minutes' : undefined) : 'over';
    publishSecurityEvent({
      type: 'own_credentials_suspect',
      provider: this.#provider.name,
      ...(detail !== undefined && { detail }),
    });
  }
}

/** The {@link ClientEvidence} of every identity provider of a module. */
export class ClientEvidences {
  readonly #byName: ReadonlyMap<string, ClientEvidence>;

  constructor(
    providers: Iterable<IdentityProvider>,
    clock: NowggClock,
    options: ClientEvidenceOptions,
    counters?: CallCounters,
  ) {
    const evidenceOf = (provider: IdentityProvider) =>
      new ClientEvidence(provider, clock, options, () => counters?.of(provider.name)?.charge());
    this.#byName = new Map([...providers].map((provider) => [provider.name, evidenceOf(provider)]));
  }

  of(provider: string): ClientEvidence {
    return this.#byName.get(provider) as ClientEvidence;
  }
}
