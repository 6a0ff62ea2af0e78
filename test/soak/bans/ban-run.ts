import {
  InvalidGrantError,
  ReauthenticationRequiredError,
  UserBannedError,
} from '../../../libs/nowgg-auth/src/errors.js';
import { SeededRandom } from '../random.js';
import type { ModelNode, ModelNodes } from './model-nodes.js';
import { type Call, inTurns, Turns } from './turns.js';

/** When an operation began and ended, as numbers in the order of events. */
interface Span {
  begun: number;
  ended: number;
}

interface SignIn extends Span {
  /** When the code was claimed. */
  claimed: number;
  grantId?: string;
  session?: string;
  loggedOut: boolean;
  readonly tokens: string[];
}

const NEVER = Number.POSITIVE_INFINITY;
const AN_HOUR_MS = 3_600_000;

/**
 * One player who signs in, refreshes, signs out, and is banned and let back in, at two nodes at the same time, in an
 * order that the seed decides.
 */
export class BanRun {
  readonly #nodes: ModelNodes['nodes'];
  readonly #random: SeededRandom;
  readonly #turns: Turns;
  readonly #userId: string;
  readonly #signIns: SignIn[] = [];
  readonly #signOuts: Span[] = [];
  #ban: Span | undefined;
  #restore: Span | undefined;
  #events = 0;
  #codes = 0;

  private constructor({ nodes }: ModelNodes, seed: number) {
    this.#nodes = nodes;
    this.#random = new SeededRandom(seed, 11);
    this.#turns = new Turns(this.#random);
    this.#userId = `player-${seed}-${Math.random().toString(36).slice(2)}`;
  }

  /** @returns what breaks a promise; empty when nothing does */
  static async of(nodes: ModelNodes, seed: number): Promise<string[]> {
    const run = new BanRun(nodes, seed);
    await run.#turns.drive(run.#plan());
    await run.#settle();
    return (await run.#findings()).map((finding) => `seed ${seed}: ${finding}`);
  }

  #plan(): (() => Promise<unknown>)[] {
    const operations: (() => Promise<unknown>)[] = [];
    const repeat = (times: number, operation: () => Promise<unknown>) => {
      for (let index = 0; index < times; index += 1) operations.push(operation);
    };
    repeat(this.#random.between(2, 4), () => this.#signIn());
    repeat(this.#random.between(1, 3), () => this.#refresh());
    repeat(this.#random.between(0, 2), () => this.#node().poll());
    repeat(this.#random.between(0, 1), () => this.#logout());
    repeat(this.#random.between(0, 1), () => this.#signOutEverywhere());
    if (this.#random.next() < 0.7) {
      repeat(1, () => this.#banned());
      if (this.#random.next() < 0.6) repeat(1, () => this.#restored());
    }
    return this.#shuffled(operations);
  }

  async #signIn(): Promise<void> {
    this.#codes += 1;
    const signIn: SignIn = { begun: this.#tick(), claimed: NEVER, ended: NEVER, loggedOut: false, tokens: [] };
    this.#signIns.push(signIn);
    const onClaimed = () => {
      signIn.claimed = Math.min(signIn.claimed, this.#tick());
    };
    const code = `${this.#userId}.${this.#codes}`;
    try {
      const { grant, accessToken, session } = await this.#at((node) => node.tokens.exchangeCode(code), { onClaimed });
      Object.assign(signIn, { grantId: grant.id, session });
      signIn.tokens.push(accessToken.token);
    } catch (error) {
      if (!(error instanceof InvalidGrantError || error instanceof UserBannedError)) throw error;
    }
    signIn.ended = this.#tick();
  }

  async #refresh(): Promise<void> {
    const signIn = this.#anySignedIn();
    if (!signIn) return;
    try {
      const { token } = await this.#at((node) => node.tokens.refresh(signIn.grantId as string));
      signIn.tokens.push(token);
    } catch (error) {
      if (!(error instanceof ReauthenticationRequiredError || error instanceof UserBannedError)) throw error;
    }
  }

  async #logout(): Promise<void> {
    const signIn = this.#anySignedIn();
    if (!signIn) return;
    signIn.loggedOut = true;
    await this.#at((node) => node.tokens.revokeSession(signIn.session as string));
  }

  async #signOutEverywhere(): Promise<void> {
    const span = { begun: this.#tick(), ended: NEVER };
    this.#signOuts.push(span);
    await this.#at((node) => node.tokens.revokeUser(this.#userId));
    span.ended = this.#tick();
  }

  async #banned(): Promise<void> {
    const span = { begun: this.#tick(), ended: NEVER };
    this.#ban = span;
    const until = new Date(Date.now() + AN_HOUR_MS);
    await this.#at((node) => node.revocations.revoke({ userId: this.#userId }, { until }));
    span.ended = this.#tick();
  }

  /** Only a ban that is complete can be lifted. */
  async #restored(): Promise<void> {
    if (!this.#ban || this.#ban.ended === NEVER) return;
    const span = { begun: this.#tick(), ended: NEVER };
    this.#restore = span;
    await this.#at((node) => node.revocations.restore({ userId: this.#userId }));
    span.ended = this.#tick();
  }

  async #settle(): Promise<void> {
    for (const node of this.#nodes) await node.poll();
  }

  async #findings(): Promise<string[]> {
    const grants = await this.#nodes[0].tokens.listGrants(this.#userId);
    const live = new Set(grants.filter(({ state }) => state !== 'revoked').map(({ id }) => id));
    const known = new Set(this.#signIns.map(({ grantId }) => grantId));
    const findings: string[] = [];
    const isBanned = this.#ban !== undefined && this.#restore === undefined;
    if (isBanned && live.size > 0) findings.push('a grant lives during a ban');
    if ([...live].some((id) => !known.has(id))) findings.push('a grant lives whose sign-in was refused');
    if (!isBanned) findings.push(...(await this.#newcomerFindings()));
    for (const signIn of this.#signIns) findings.push(...(await this.#findingsOf(signIn, live)));
    return findings;
  }

  /** A player who is not banned can sign in anew at each node. */
  async #newcomerFindings(): Promise<string[]> {
    const findings: string[] = [];
    for (const { tokens } of this.#nodes) {
      this.#codes += 1;
      const exchange = tokens.exchangeCode(`${this.#userId}.${this.#codes}`);
      const { accessToken } = await exchange.catch(() => ({ accessToken: undefined }));
      const accepted = await Promise.all(
        this.#nodes.map(async (node) => accessToken !== undefined && node.accepts(accessToken.token)),
      );
      if (accepted.includes(false)) findings.push('a player who is not banned cannot sign in');
    }
    return findings;
  }

  async #findingsOf(signIn: SignIn, live: ReadonlySet<string>): Promise<string[]> {
    const { grantId, tokens } = signIn;
    const lives = grantId !== undefined && live.has(grantId);
    const findings: string[] = [];
    if (lives && this.#mustBeOver(signIn)) findings.push('a grant lives that a ban or sign-out has ended');
    if (!lives && this.#mustLive(signIn)) findings.push('a sign-in after a mere sign-out or a lifted ban was ended');
    const accepted = await Promise.all(
      this.#nodes.flatMap((node) => tokens.map(async (token) => ((await node.accepts(token)) ? 1 : 0))),
    );
    const count = accepted.reduce<number>((sum, one) => sum + one, 0);
    if (!lives && count > 0) findings.push('a token of a grant that has ended is accepted');
    if (lives && count < accepted.length) findings.push('a token of a grant that lives is refused');
    return findings;
  }

  /** It had claimed its code before something began that ends all of the player's grants. */
  #mustBeOver({ claimed, loggedOut }: SignIn): boolean {
    return loggedOut || [...this.#signOuts, ...(this.#ban ? [this.#ban] : [])].some(({ begun }) => claimed < begun);
  }

  /** It began when all that ends grants, and the ban, was over; a node may not have heard yet that a ban was lifted. */
  #mustLive({ begun, grantId, loggedOut }: SignIn): boolean {
    const isLifted = this.#restore !== undefined && this.#restore.ended < begun && grantId !== undefined;
    const isAfterBan = !this.#ban || isLifted;
    return !loggedOut && isAfterBan && this.#signOuts.every(({ ended }) => ended < begun);
  }

  #anySignedIn(): SignIn | undefined {
    const signedIn = this.#signIns.filter(({ grantId }) => grantId !== undefined);
    return signedIn[Math.floor(this.#random.next() * signedIn.length)];
  }

  #at<T>(work: (node: ModelNode) => Promise<T>, beside: Partial<Call> = {}): Promise<T> {
    const node = this.#node();
    return inTurns({ turns: this.#turns, ...beside }, () => work(node));
  }

  #node(): ModelNode {
    return this.#random.next() < 0.5 ? this.#nodes[0] : this.#nodes[1];
  }

  #tick(): number {
    this.#events += 1;
    return this.#events;
  }

  #shuffled<T>(items: T[]): T[] {
    const keyed = items.map((item) => ({ item, key: this.#random.next() }));
    return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item);
  }
}
