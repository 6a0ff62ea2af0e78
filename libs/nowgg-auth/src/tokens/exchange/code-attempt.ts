import { IdentityUnavailableError, InvalidGrantError, NowggConfigurationError } from '../../errors.js';
import type {
  CodeExchangeRequest,
  IdentityProvider,
  TokenOutcome,
  TokenSet,
} from '../../identity/identity-provider.js';
import type { NowggAuthenticator } from '../../verification/nowgg-authenticator.js';
import type { AdmittedCode } from '../calls/code-admission.js';
import type { CompletedExchanges, ExchangedCode } from './completed-exchange.js';
import type { ExchangeClaim, ExchangeKey } from '../store/exchange-record.js';
import { firstGrant } from './first-grant.js';
import { openReply, sealReply } from './sealed-reply.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';

/** Time after which a code that was not admitted may be sent again, in seconds. */
export const NOT_ADMITTED_RETRY_S = 5;
/** Time after which a code that was refused in doubt may be tried again, in milliseconds. */
const DOUBTED_CODE_RETRY_MS = 5_000;

/** The dependencies of an attempt, in addition to its claim. */
export interface CodeAttemptContext {
  readonly parts: TokenDependencies;
  readonly authenticator: NowggAuthenticator;
  readonly completed: CompletedExchanges;
  readonly provider: IdentityProvider;
  readonly request: Omit<CodeExchangeRequest, 'signal'>;
  /** Called with the outcome of the code when it was sent; undefined when the code may not be sent. */
  readonly onSent: AdmittedCode['end'] | undefined;
}

/**
 * One attempt to exchange a code for a grant, with the claim on it: call, encrypt and store the reply at once, verify,
 * create.
 */
export class CodeAttempt {
  readonly #context: CodeAttemptContext;
  readonly #parts: TokenDependencies;
  readonly #provider: IdentityProvider;
  readonly #key: ExchangeKey;
  readonly #claim: Extract<ExchangeClaim, { outcome: 'acquired' }>;

  constructor(context: CodeAttemptContext, key: ExchangeKey, claim: Extract<ExchangeClaim, { outcome: 'acquired' }>) {
    this.#context = context;
    this.#parts = context.parts;
    this.#provider = context.provider;
    this.#key = key;
    this.#claim = claim;
  }

  /** @throws InvalidGrantError, IdentityUnavailableError, NowggConfigurationError */
  async run(): Promise<ExchangedCode> {
    const { replyCiphertext } = this.#claim.exchange;
    const tokens = replyCiphertext
      ? openReply(this.#parts.vault, this.#provider, this.#key.codeHash, replyCiphertext)
      : await this.#askIfAdmitted();
    return this.#verifyAndCreate(tokens);
  }

  async #askIfAdmitted(): Promise<TokenSet> {
    const { onSent } = this.#context;
    return onSent ? this.#ask(onSent) : this.#giveUp('now', NOT_ADMITTED_RETRY_S * 1000);
  }

  async #ask(onSent: AdmittedCode['end']): Promise<TokenSet> {
    const { calls, successes, store, unsaved, vault } = this.#parts;
    const { clientKey, name } = this.#provider;
    const closedForMs = calls.enter('code', clientKey);
    if (closedForMs > 0) return this.#giveUp('now', closedForMs);
    const { request } = this.#context;
    const { outcome } = await calls.call({
      purpose: 'code',
      provider: this.#provider,
      send: (signal) => this.#provider.exchangeCode({ ...request, signal }),
      // A code works once, and a second use may count as theft.
      replays: false,
    });
    if (outcome.status === 'tokens' || outcome.status === 'refused') {
      onSent(outcome.status === 'tokens' ? 'accepted' : 'refused');
    }
    if (outcome.status !== 'tokens') return this.#failed(outcome);
    const { tokens } = outcome;
    if (tokens.refreshToken === undefined) return this.#forget(withoutRefreshToken());
    const { codeHash } = this.#key;
    const replyCiphertext = sealReply(vault, this.#provider, codeHash, tokens);
    await unsaved.save({ provider: name, grantId: undefined }, () => store.sealExchange(codeHash, replyCiphertext));
    await successes.note(clientKey);
    return tokens;
  }

  async #failed(outcome: Exclude<TokenOutcome, { status: 'tokens' }>): Promise<TokenSet> {
    switch (outcome.status) {
      case 'refused':
        return this.#refused(outcome.isFinal);
      case 'in_doubt':
        return this.#giveUp('when_lapsed', this.#parts.timing.leaseMs);
      case 'busy':
        return this.#giveUp('now', outcome.retryAfterMs ?? 0);
      default:
        return this.#giveUp('now', 0);
    }
  }

  /**
   * Handles a refusal of the code. An earlier holder of the claim may have used the code and may still store the reply;
   * until then a refusal proves nothing.
   */
  async #refused(isFinal: boolean): Promise<TokenSet> {
    const { evidence, store, timing, vault } = this.#parts;
    const { exchange, predecessorInDoubt } = this.#claim;
    const { codeHash } = this.#key;
    const mayStillCome = predecessorInDoubt && exchange.readAtMs - exchange.createdAtMs < timing.lateReplyMs;
    // An identity system refuses a wrong client secret in the same way as a wrong code.
    const isInDoubt = !mayStillCome && !isFinal && !(await evidence.of(this.#provider.name).believesCode(codeHash));
    if (isInDoubt) return this.#giveUp('now', DOUBTED_CODE_RETRY_MS);
    if (!mayStillCome && (await store.removeExchange({ ...this.#key, unlessSealed: true }))) {
      throw new InvalidGrantError();
    }
    const current = await store.findExchange(codeHash);
    if (current?.replyCiphertext) return openReply(vault, this.#provider, codeHash, current.replyCiphertext);
    // The claim lapses with its owner still set, so that the next holder knows of the doubt too.
    throw new IdentityUnavailableError(timing.leaseMs / 1000);
  }

  async #verifyAndCreate(tokens: TokenSet): Promise<ExchangedCode> {
    const { authenticator, completed } = this.#context;
    const { issuedTokens, store, unsaved, vault } = this.#parts;
    const { name } = this.#provider;
    const policy = { provider: name, tokenType: 'token' } as const;
    const verdict = await issuedTokens.during(
      name,
      this.#provider.credentialIdOf(tokens.accessToken),
      this.#claim.exchange.createdAtMs,
      () => authenticator.authenticate(tokens.accessToken, policy),
    );
    if (verdict.status === 'unknown') return this.#giveUp('now', verdict.retryAfterSeconds * 1000);
    if (verdict.status === 'invalid' || verdict.principal.provider !== name) {
      return this.#forget(new InvalidGrantError());
    }
    const { principal } = verdict;
    // The id_token and the access token belong to two users: one of them was replaced on the way.
    if (tokens.subject !== undefined && tokens.subject !== principal.subject) {
      return this.#forget(new InvalidGrantError());
    }
    const { codeHash } = this.#key;
    const grant = firstGrant(vault, this.#provider, principal, tokens, codeHash);
    const owner = { provider: name, grantId: grant.id };
    const created = await unsaved.save(owner, () => store.completeExchange(codeHash, grant));
    if (created) return { grant: await completed.unrevoked(created), principal };
    const finished = await store.findExchange(codeHash);
    if (finished?.grantId === undefined) throw new IdentityUnavailableError();
    return completed.replay(finished);
  }

  async #giveUp(next: 'now' | 'when_lapsed', retryInMs: number): Promise<never> {
    await this.#parts.store.releaseExchange({ ...this.#key, next });
    throw new IdentityUnavailableError(retryInMs / 1000);
  }

  async #forget(error: Error): Promise<never> {
    await this.#parts.store.removeExchange({ ...this.#key, unlessSealed: false });
    throw error;
  }
}

/**
 * Error for a reply without a refresh token. A standard system issues one only for certain scopes or clients: another
 * attempt would not help.
 */
function withoutRefreshToken(): NowggConfigurationError {
  return new NowggConfigurationError(
    'the identity system issued no refresh token: ask for the scope that makes it do so, such as offline_access',
  );
}
