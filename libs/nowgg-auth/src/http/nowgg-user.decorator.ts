import { createParamDecorator, type ExecutionContext, Logger, type PipeTransform, type Type } from '@nestjs/common';
import { NowggConfigurationError } from '../errors.js';
import { NowggPrincipal } from '../principal.js';
import { type AuthenticatedRequest, type Authentication, findAuthentication } from './authentication.js';
import { findDecisionOf } from './call-decisions.js';

/** A pipe, as an instance or as a class. */
export type ParameterPipe = PipeTransform | Type<PipeTransform>;

type Output<P> = P extends { transform(...args: never[]): infer R }
  ? Awaited<R>
  : P extends abstract new (
        ...args: never[]
      ) => { transform(...args: never[]): infer R }
    ? Awaited<R>
    : never;

/**
 * The type of a value after the last of these pipes. Null and undefined do not count: Nest's own pipes declare them as
 * results for options that are rarely used.
 */
export type PipedValue<V, Pipes extends readonly ParameterPipe[]> = Pipes extends readonly [
  ...ParameterPipe[],
  infer Last,
]
  ? NonNullable<Output<Last>>
  : V;

/** `unknown` when parameter `I` of method `K` takes a `V`; otherwise a type that makes it a compile error. */
export type TakesValue<T, K extends PropertyKey, I extends number, V> = K extends keyof T
  ? T[K] extends (...args: infer A) => unknown
    ? [V] extends [A[I]]
      ? unknown
      : { 'nowgg-auth': "the decorated parameter's type cannot hold this value" }
    : unknown
  : unknown;

/** A parameter decorator for parameters that can hold a `V`, and no others. */
export type ParameterDecoratorFor<V> = <T extends object, K extends string | symbol, I extends number>(
  target: T,
  key: K & TakesValue<T, K, I, V>,
  index: I,
) => void;

/**
 * Injects the caller, or one field of {@link NowggPrincipal}. A field that does not exist and a parameter of a type
 * that cannot hold the value are compile errors; with pipes, the result of the last one counts.
 *
 * `undefined`, never null, for an anonymous caller, on a public route, and for a caller that another Passport strategy
 * admitted. When neither the guard nor a strategy ran, the answer is a 500 that says so; logged once for
 * each handler.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { NowggPrincipal, NowggUser } from 'nestjs-nowgg-auth';
 *
 * @Controller('me')
 * export class MeController {
 *   @Get()
 *   me(@NowggUser() player: NowggPrincipal, @NowggUser('provider') provider: string) {
 *     return { provider, userId: player.userId, expiresAt: player.expiresAt };
 *   }
 * }
 * ```
 */
export function NowggUser(): ParameterDecoratorFor<NowggPrincipal>;
export function NowggUser<const Pipes extends readonly [ParameterPipe, ...ParameterPipe[]]>(
  ...pipes: Pipes
): ParameterDecoratorFor<PipedValue<NowggPrincipal, Pipes>>;
export function NowggUser<F extends keyof NowggPrincipal, const Pipes extends readonly ParameterPipe[]>(
  field: F,
  ...pipes: Pipes
): ParameterDecoratorFor<PipedValue<NowggPrincipal[F], Pipes>>;
export function NowggUser(
  fieldOrPipe?: keyof NowggPrincipal | ParameterPipe,
  ...pipes: ParameterPipe[]
): ParameterDecoratorFor<unknown> {
  return typeof fieldOrPipe === 'string'
    ? injectCaller(fieldOrPipe, ...pipes)
    : injectCaller(undefined, ...(fieldOrPipe ? [fieldOrPipe] : []), ...pipes);
}

const injectCaller = createParamDecorator(readCaller);

function readCaller(field: keyof NowggPrincipal | undefined, context: ExecutionContext): unknown {
  const principal = findCaller(context);
  return field === undefined ? principal : principal?.[field];
}

/** The decision of the guard about the call of this context. */
export function decisionAbout(context: ExecutionContext): Authentication | undefined {
  return context.getType() === 'http'
    ? findAuthentication(context.getArgByIndex<AuthenticatedRequest>(0))
    : findDecisionOf(context);
}

function findCaller(context: ExecutionContext): NowggPrincipal | undefined {
  const decision = decisionAbout(context);
  if (decision) return decision.principal;
  if (context.getType() === 'http') {
    const request = context.getArgByIndex<AuthenticatedRequest & { authInfo?: unknown }>(0);
    // A guard in the place of ours, of a test or of the application, has put a principal there.
    if (request.user instanceof NowggPrincipal) return request.user;
    // Passport's guard sets this property on every request that it admits: a strategy named before ours accepted it.
    if ('authInfo' in request) return undefined;
  }
  throw unguarded(context);
}

const logged = new WeakSet<object>();

/** The error for a handler that no guard of this module reaches. Logged once for each: Nest does not log it. */
function unguarded(context: ExecutionContext): NowggConfigurationError {
  const handler = context.getHandler();
  const error = new NowggConfigurationError(
    context.getType() === 'http'
      ? '@NowggUser(): no guard of this module ran on this route, add NowggAuthGuard. A guard that a test puts in its place ' +
          'must set request.user to fakePrincipal() of nestjs-nowgg-auth/testing; overrideNowggAuth() and asUser() need none'
      : '@NowggUser(): no guard of this module ran on this handler, add @UseGuards(NowggAuthGuard) to it or to its class',
  );
  if (!logged.has(handler))
    new Logger('NowggAuth').error(`${context.getClass().name}.${handler.name}: ${error.message}`);
  logged.add(handler);
  return error;
}
