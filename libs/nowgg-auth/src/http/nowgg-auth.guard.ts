import { type CanActivate, type ExecutionContext, Inject, Injectable, Optional } from '@nestjs/common';
import {
  errorOfRefusal,
  errorOfUnknown,
  InvalidRequestError,
  InvalidTokenError,
  NowggAuthError,
  NowggConfigurationError,
} from '../errors.js';
import { HeldConnections } from '../connections/held-connections.js';
import { type OpenResponse, RequestCaller } from '../connections/request-caller.js';
import { CallerHooks } from '../players/caller-hooks.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import type { NowggPrincipal } from '../principal.js';
import { publishSecurityEvent } from '../events/security-events.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import type { Verdict } from '../verification/decision/verdict.js';
import { HeldToken } from '../verification/held-token.js';
import type { BoundCallers } from '../verification/possession/bound-callers.js';
import type { ForwardedCallers } from '../verification/forwarded-callers.js';
import { type Authentication, findAuthentication, isOfCaller, recordAuthentication } from './authentication.js';
import { anyMemoryOf, findDecision, findDecisionOf, recordDecision } from './call-decisions.js';
import { errorHeaders, type HeaderTarget, offerDpop, setResponseHeaders } from './challenge.js';
import { type Credential, readBoundToken, readCredential, requestSource } from './credential.js';
import { FeatureBans } from '../revocation/feature-bans.js';
import { EnforcesNowggPolicy } from './policy/enforcing-guards.js';
import { RequestContext } from './request-context.js';
import { findPolicyMismatch } from './policy/policy-faults.js';
import { type RoutePolicy, routePolicyOf } from './policy/policy.js';
import { scopeFaultOf } from './policy/scope-fault.js';
import { type GuardedRequest, type NowggCall, Transports } from './transport.js';

/**
 * Admits a request when its bearer token meets the route's policy, and puts the principal on `request.user`. Responses
 * follow RFC 6750, headers included, on Express and on Fastify. Other kinds of execution context need a transport, see
 * the option `transports` of the module; without one, they are denied. `@Public()` opens a handler of any kind.
 *
 * A cached verdict is decided without a promise. Override the protected methods to adapt single steps.
 *
 * @example
 * ```ts
 * import { Controller, Get, UseGuards } from '@nestjs/common';
 * import { NowggAuthGuard, NowggUser } from 'nestjs-nowgg-auth';
 *
 * @Controller('inventory')
 * @UseGuards(NowggAuthGuard)
 * export class InventoryController {
 *   @Get()
 *   list(@NowggUser('userId') userId: string) {
 *     return { userId };
 *   }
 * }
 * ```
 */
@EnforcesNowggPolicy()
@Injectable()
export class NowggAuthGuard implements CanActivate {
  readonly #checked = new WeakSet<RoutePolicy>();
  readonly #hold = (request: GuardedRequest): HeldToken | undefined =>
    held(this.getCredential(request)) ?? this.#heldBound(request);
  readonly #sourceOf: ((request: GuardedRequest) => string | undefined) | undefined;
  readonly #forwardedCallers: ForwardedCallers | undefined;
  readonly #boundCallers: BoundCallers | undefined;
  /** Injected into the property, so that the constructors of subclasses need not pass it on. */
  @Optional()
  @Inject(Transports)
  protected readonly transports: Transports = new Transports();
  /** Injected like {@link transports}. */
  @Optional()
  @Inject(CallerHooks)
  protected readonly callerHooks: CallerHooks = new CallerHooks();
  /** Injected like {@link transports}. */
  @Optional()
  @Inject(FeatureBans)
  private readonly featureBans: FeatureBans | undefined;
  /** Injected like {@link transports}. */
  @Optional()
  @Inject(HeldConnections)
  private readonly connections: HeldConnections | undefined;

  constructor(
    protected readonly authenticator: NowggAuthenticator,
    @Inject(RESOLVED_OPTIONS) protected readonly options: ResolvedNowggAuthOptions,
  ) {
    const isOverridden = this.getSource !== NowggAuthGuard.prototype.getSource;
    const knowsSources = isOverridden || options.verification?.sourceOf !== undefined;
    this.#sourceOf = knowsSources ? (request) => this.getSource(request) : undefined;
    this.#forwardedCallers = authenticator.forwardedCallers;
    this.#boundCallers = authenticator.boundCallers;
  }

  /**
   * @throws InvalidTokenError 401, InvalidRequestError 400, InsufficientScopeError 403, IdentityUnavailableError 503,
   * NowggConfigurationError 500
   */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    try {
      const admitted = this.decide(context);
      return admitted === true ? true : admitted.catch((error: unknown) => this.refuse(context, error));
    } catch (error) {
      return this.refuse(context, error);
    }
  }

  /** The request of an HTTP context. Not called for a kind of context that has a transport; denies all others. */
  protected getRequest(context: ExecutionContext): GuardedRequest {
    const kind = context.getType();
    if (kind !== 'http') throw this.transports.unknownKind(kind);
    return context.getArgByIndex<GuardedRequest>(0);
  }

  /** The requirements of the route. */
  protected getPolicy(context: ExecutionContext): RoutePolicy {
    const policy = routePolicyOf(context.getHandler(), context.getClass());
    if (policy.authentication !== undefined && !this.#checked.has(policy)) {
      const mismatch = findPolicyMismatch(policy.authentication, this.options);
      if (mismatch) throw new NowggConfigurationError(`@NowggAuth: ${mismatch}`);
      this.#checked.add(policy);
    }
    return policy;
  }

  protected getCredential(request: GuardedRequest): Credential {
    return readCredential(request, this.options.credentials?.extract);
  }

  /**
   * Names the request's source, for budgets and for limits per source: the result of `verification.sourceOf`. Called
   * only when the identity system must be asked.
   */
  protected getSource(request: GuardedRequest): string | undefined {
    return requestSource(request, this.options.verification);
  }

  /** Decides about a caller that presents no usable token. */
  protected withoutToken(
    request: GuardedRequest,
    policy: RoutePolicy,
    outcome: Exclude<Credential['outcome'], 'token'>,
  ): true {
    if (outcome === 'ambiguous') {
      publishSecurityEvent({ type: 'two_credentials' });
      throw new InvalidRequestError();
    }
    if (outcome === 'none') {
      if (policy.access === 'optional') return this.admitAnonymous(request, policy);
      throw new InvalidTokenError('missing_token');
    }
    return this.onVerdict(request, policy, { status: 'invalid', reason: 'malformed_token' });
  }

  /** Decides by the verdict about the token. Called on every request, also for a cached verdict. */
  protected onVerdict(request: GuardedRequest, policy: RoutePolicy, verdict: Verdict): true {
    if (verdict.status === 'valid') return this.admitCaller(request, policy, verdict.principal);
    if (verdict.status === 'unknown') throw errorOfUnknown(verdict);
    if (policy.access === 'optional' && policy.onInvalid === 'anonymous') return this.admitAnonymous(request, policy);
    throw errorOfRefusal(verdict);
  }

  protected admitCaller(request: GuardedRequest, policy: RoutePolicy, principal: NowggPrincipal): true {
    const fault = scopeFaultOf(principal, policy.scopes);
    if (fault) throw fault;
    request.user = principal;
    recordAuthentication({ request, by: this.authenticator, policy, principal, hold: this.#hold });
    return true;
  }

  protected admitAnonymous(request: GuardedRequest, policy: RoutePolicy): true {
    const { scopes, features, requirements } = policy;
    if (scopes.length + features.length + requirements.length > 0) throw new InvalidTokenError('missing_token');
    recordAuthentication({ request, by: this.authenticator, policy, principal: undefined });
    return true;
  }

  private decide(context: ExecutionContext): true | Promise<true> {
    const policy = this.getPolicy(context);
    const decided = this.#decideContext(context, policy);
    if (policy.requirements.length + policy.features.length === 0 && !this.callerHooks.areSet) return decided;
    const complete = () => {
      const isHttp = context.getType() === 'http';
      const decision = isHttp ? findAuthentication(this.getRequest(context)) : findDecisionOf(context);
      const allowed = this.#checkFeatures(decision?.principal, policy);
      const check = () => this.callerHooks.complete(decision, policy.requirements, context);
      return allowed === true ? check() : allowed.then(check);
    };
    return decided === true ? complete() : decided.then(complete);
  }

  #checkFeatures(principal: NowggPrincipal | undefined, policy: RoutePolicy): true | Promise<true> {
    if (!principal || policy.features.length === 0) return true;
    if (!this.featureBans) throw new NowggConfigurationError('@RequireFeature needs the guard of NowggAuthModule');
    return this.featureBans.check(principal, policy.features, policy.authentication);
  }

  #decideContext(context: ExecutionContext, policy: RoutePolicy): true | Promise<true> {
    if (context.getType() !== 'http') return this.#decideCall(context, policy);
    const request = this.getRequest(context);
    const earlier = findAuthentication(request);
    if (earlier !== undefined && this.#stands(earlier, context, request, policy)) return true;
    const decided = this.#decideRequest(request, policy);
    const response = context.getArgByIndex<{ raw?: OpenResponse } | undefined>(1);
    if (decided === true) return showCaller(request, this.connections, response);
    return decided.then(() => showCaller(request, this.connections, response));
  }

  #decideRequest(request: GuardedRequest, policy: RoutePolicy, call?: NowggCall): true | Promise<true> {
    if (policy.access === 'public') return this.admitAnonymous(request, policy);
    const forwarded = this.#forwardedCallers?.authenticate(request, policy.authentication);
    if (forwarded !== undefined) return this.#onVerdictOf(request, policy, forwarded);
    const credential = this.getCredential(request);
    if (credential.outcome !== 'token') {
      return this.#decideBound(request, policy, call) ?? this.withoutToken(request, policy, credential.outcome);
    }
    const beside = call?.beside ?? new RequestContext(request, this.#sourceOf);
    const { token } = credential;
    const verdict = this.authenticator.authenticate(token, policy.authentication, beside);
    return this.#onVerdictOf(request, policy, verdict);
  }

  /** Decides about a request whose token is bound to a key; undefined for any other. */
  #decideBound(request: GuardedRequest, policy: RoutePolicy, call?: NowggCall): Promise<true> | undefined {
    const callers = this.#boundCallers;
    const presented = callers && readBoundToken(request);
    if (!presented) return undefined;
    const beside = call?.beside ?? new RequestContext(request, this.#sourceOf);
    return callers
      .authenticate(presented, request.raw ?? request, policy.authentication, beside)
      .then((verdict) => this.onVerdict(request, policy, verdict));
  }

  #heldBound(request: GuardedRequest): HeldToken | undefined {
    const token = this.#boundCallers && readBoundToken(request)?.token;
    return token ? new HeldToken(token) : undefined;
  }

  /** Decides about a call that is not HTTP. The policy comes first: a public handler needs no transport. */
  #decideCall(context: ExecutionContext, policy: RoutePolicy): true | Promise<true> {
    const handler = context.getHandler();
    if (policy.access === 'public') {
      const decision = { request: {}, by: this.authenticator, policy, principal: undefined };
      return noteDecision(anyMemoryOf(context), handler, decision);
    }
    const call = this.transports.find(context.getType())?.callOf(context) ?? this.#ownCall(context);
    const { memory, request, isDecidedOnce } = call;
    const earlier = isDecidedOnce ? findDecision(memory, policy) : undefined;
    if (earlier?.by === this.authenticator) return noteDecision(memory, handler, earlier);
    const decided = this.#decideCredential(call, policy);
    const note = () => {
      // A message shows no request to later guards.
      if (call.credential === undefined) showCaller(request, undefined, undefined);
      return noteDecision(memory, handler, findAuthentication(request));
    };
    return decided === true ? note() : decided.then(note);
  }

  /** The call of a kind of context that only a subclass knows, by its request. */
  #ownCall(context: ExecutionContext): NowggCall {
    const request = this.getRequest(context);
    return { memory: anyMemoryOf(context) ?? request, request };
  }

  #decideCredential(call: NowggCall, policy: RoutePolicy): true | Promise<true> {
    const { request, credential } = call;
    if (credential === undefined) return this.#decideRequest(request, policy, call);
    const { outcome } = credential;
    if (outcome === 'failed') throw credential.error;
    if (outcome !== 'token' && outcome !== 'held') return this.withoutToken(request, policy, outcome);
    const beside = call.beside ?? new RequestContext(request, this.#sourceOf);
    const { authentication } = policy;
    const verdict =
      outcome === 'token'
        ? this.authenticator.authenticate(credential.token, authentication, beside)
        : this.authenticator.authenticateHeld(credential.held, authentication, beside);
    if (!call.onVerdict) return this.#onVerdictOf(request, policy, verdict);
    const onSettled = (settled: Verdict) => {
      call.onVerdict?.(settled);
      return this.onVerdict(request, policy, settled);
    };
    return 'status' in verdict ? onSettled(verdict) : verdict.then(onSettled);
  }

  #onVerdictOf(request: GuardedRequest, policy: RoutePolicy, verdict: Verdict | Promise<Verdict>) {
    return 'status' in verdict
      ? this.onVerdict(request, policy, verdict)
      : verdict.then((settled) => this.onVerdict(request, policy, settled));
  }

  /**
   * Whether the decision of a global guard, or of another guard on the route, applies to this HTTP request. A decision
   * serves one request only: a connection may outlive its token, and may stay open after a ban, so each message is
   * decided anew.
   */
  #stands(earlier: Authentication, context: ExecutionContext, request: GuardedRequest, policy: RoutePolicy): boolean {
    if (earlier.policy !== policy || earlier.by !== this.authenticator) return false;
    return context.getArgByIndex(0) === request && responseOf(context) !== undefined;
  }

  /** Sets the headers of the refusal before throwing it, so that they need no filter, or throws that of the transport. */
  private refuse(context: ExecutionContext, error: unknown): never {
    const response = responseOf(context);
    if (error instanceof NowggAuthError && response) {
      if (this.#boundCallers)
        offerDpop(error, { algorithms: this.#boundCallers.algorithms, nonce: this.#boundCallers.nonce() });
      setResponseHeaders(response, errorHeaders(error, this.options.realm));
    }
    const kind = context.getType();
    const transport = kind === 'http' ? undefined : this.transports.find(kind);
    throw error instanceof NowggAuthError && transport ? transport.failureOf(error, context) : error;
  }
}

function held(credential: Credential): HeldToken | undefined {
  return credential.outcome === 'token' ? new HeldToken(credential.token) : undefined;
}

/** Shows the caller to guards that run later and to streams. */
function showCaller(
  request: GuardedRequest,
  connections: HeldConnections | undefined,
  response: { readonly raw?: OpenResponse } | undefined,
): true {
  const decision = findAuthentication(request);
  if (isOfCaller(decision)) request.nowgg = new RequestCaller(decision, connections, response);
  return true;
}

function noteDecision(memory: object | undefined, handler: object, decision: Authentication | undefined): true {
  if (memory && decision) recordDecision(memory, handler, decision);
  return true;
}

/** The response of an HTTP context. A context made by hand for a socket also has type `http`, but no response. */
function responseOf(context: ExecutionContext): HeaderTarget | undefined {
  const response: unknown = context.getType() === 'http' ? context.getArgByIndex(1) : undefined;
  return typeof response === 'object' && response !== null ? (response as HeaderTarget) : undefined;
}
