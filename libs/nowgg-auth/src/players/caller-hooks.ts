import type { ExecutionContext } from '@nestjs/common';
import { SystemClock } from '../clock.js';
import { ForbiddenCallerError } from '../errors.js';
import type { NowggPrincipal } from '../principal.js';
import type { CallerCheck, NowggCaller } from './caller.js';
import { callHook, type HookBounds } from './hook-call.js';
import type { NowggPlayers } from './nowgg-players.js';

/** A decision of the guard, as far as the hooks read it and add to it. */
export interface AdmittedCaller {
  readonly principal: NowggPrincipal | undefined;
  /** Set once the user was resolved. */
  player?: { readonly value: unknown } | undefined;
}

interface CallerHooksParts extends HookBounds {
  readonly players: NowggPlayers | undefined;
  readonly authorize: CallerCheck | undefined;
}

const NO_HOOKS: CallerHooksParts = {
  clock: new SystemClock(),
  timeoutMs: 3_000,
  players: undefined,
  authorize: undefined,
};

/** What the application adds to the guard's decision: its own user, and its own rules. */
export class CallerHooks {
  /** Whether the module has a hook: without one, only the requirements of a route are checked. */
  readonly areSet: boolean;
  readonly #parts: CallerHooksParts;

  constructor(parts: CallerHooksParts = NO_HOOKS) {
    this.#parts = parts;
    this.areSet = parts.players !== undefined || parts.authorize !== undefined;
  }

  /**
   * Resolves the caller's user, once for each decision, and checks the caller. An anonymous caller has no user and is not
   * checked.
   *
   * @throws ForbiddenCallerError, PlayerUnavailableError, or an `HttpException` of the application
   */
  complete(
    admitted: AdmittedCaller | undefined,
    requirements: readonly CallerCheck[],
    context: ExecutionContext,
  ): true | Promise<true> {
    if (admitted?.principal === undefined) return true;
    const { principal, player } = admitted;
    const found = player ? player.value : this.#parts.players?.of(principal);
    const check = (value: unknown) => {
      admitted.player ??= { value };
      return this.#check({ principal, player: value, context }, this.#checksOf(requirements));
    };
    return found instanceof Promise ? found.then(check) : check(found);
  }

  #checksOf(requirements: readonly CallerCheck[]): readonly CallerCheck[] {
    const { authorize } = this.#parts;
    return authorize ? [...requirements, authorize] : requirements;
  }

  #check(caller: NowggCaller, checks: readonly CallerCheck[], from = 0): true | Promise<true> {
    for (let at = from; at < checks.length; at += 1) {
      const answer = callHook<unknown>(() => checks[at]?.(caller), this.#parts);
      if (!(answer instanceof Promise)) {
        requireTrue(answer);
        continue;
      }
      return answer.then((settled) => {
        requireTrue(settled);
        return this.#check(caller, checks, at + 1);
      });
    }
    return true;
  }
}

function requireTrue(answer: unknown): void {
  if (answer !== true) throw new ForbiddenCallerError();
}
