import type { ExecutionContext } from '@nestjs/common';
import type { Authentication } from './authentication.js';

/** The decisions in one memory, by their handler and by their policy. */
const decisions = new WeakMap<object, Map<object, Authentication>>();

/** Notes the decision about a call of this handler, for `@NowggUser()`, and for calls under the same policy. */
export function recordDecision(memory: object, handler: object, decision: Authentication): void {
  let known = decisions.get(memory);
  if (!known) decisions.set(memory, (known = new Map()));
  known.set(handler, decision);
  if (decision.policy) known.set(decision.policy, decision);
}

/** @param subject the handler or the policy of the decision */
export function findDecision(memory: object, subject: object): Authentication | undefined {
  return decisions.get(memory)?.get(subject);
}

/** The decision about the call of this context: it is noted at one of the arguments of the handler. */
export function findDecisionOf(context: ExecutionContext): Authentication | undefined {
  const handler = context.getHandler();
  for (const argument of context.getArgs<unknown[]>()) {
    const decision = isMemory(argument) ? findDecision(argument, handler) : undefined;
    if (decision) return decision;
  }
  return undefined;
}

/** The first argument at which a decision can be noted. */
export function anyMemoryOf(context: ExecutionContext): object | undefined {
  return context.getArgs<unknown[]>().find(isMemory);
}

function isMemory(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
