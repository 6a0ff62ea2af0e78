import type { CallerCheck, NowggCaller } from '../../players/caller.js';
import { type PolicyDecorator, policyDecorator } from './policy.decorators.js';

const texts = new WeakMap<CallerCheck, string>();

/** A rule as it is written in the source, such as `@Roles("admin")`; arguments that are not plain values are left out. */
export function textOfRule(rule: CallerCheck): string {
  return texts.get(rule) ?? 'a rule without a name';
}

/**
 * Creates a decorator of routes from a rule about the caller, such as `@Roles('admin')`. The rules of a controller and of
 * its handlers must all hold; otherwise the answer is 403 `forbidden`. `NowggAuthGuard` enforces them; when a route has no
 * such guard, the application refuses to boot.
 *
 * @param name the decorator's name, for error messages
 * @param rule admits by `true` or a promise of it; may throw an `HttpException` of its own
 *
 * @example
 * ```ts
 * import { Controller, Delete } from '@nestjs/common';
 * import { createCallerDecorator, type NowggCaller } from 'nestjs-nowgg-auth';
 *
 * interface Player {
 *   roles: string[];
 * }
 *
 * const Roles = createCallerDecorator('Roles', ({ player }: NowggCaller<Player>, ...roles: string[]) =>
 *   roles.some((role) => player.roles.includes(role)),
 * );
 *
 * @Controller('seasons')
 * export class SeasonsController {
 *   @Delete()
 *   @Roles('admin')
 *   end() {
 *     return 'ended';
 *   }
 * }
 * ```
 */
export function createCallerDecorator<Args extends readonly unknown[], Player = unknown>(
  name: string,
  rule: (caller: NowggCaller<Player>, ...args: Args) => boolean | Promise<boolean>,
): (...args: Args) => PolicyDecorator {
  return (...args) => {
    const requirement: CallerCheck = (caller) => rule(caller as NowggCaller<Player>, ...args);
    texts.set(requirement, `@${name}(${args.map(textOfArgument).join(', ')})`);
    return policyDecorator(`@${name}`, (declared) => ({
      ...declared,
      requirements: Object.freeze([...(declared.requirements ?? []), requirement]),
    }));
  };
}

function textOfArgument(argument: unknown): string {
  return ['string', 'number', 'boolean'].includes(typeof argument) ? JSON.stringify(argument) : '…';
}
