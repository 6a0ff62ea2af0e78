import { NowggConfigurationError } from '../../errors.js';
import { isFeature } from '../../revocation/feature-bans.js';
import { refuse } from '../../rules.js';
import type { AuthenticationPolicy } from '../../verification/decision/verdict.js';
import { type DeclaredPolicy, declarePolicy } from './policy.js';
import { policyFaults } from './policy-faults.js';

/** A decorator for a handler or a controller. */
export type PolicyDecorator = ClassDecorator & MethodDecorator;

/** Options of `@OptionalAuth`: the handling of an invalid token. */
export interface OptionalAuthOptions {
  /**
   * `reject` (default): an invalid token is refused, so that a client learns that its session has ended. `anonymous`:
   * an invalid token counts as no token. When the identity system cannot be asked, both modes answer 503.
   */
  onInvalid?: 'reject' | 'anonymous';
}

/**
 * Disables authentication on this route: the guard reads nothing from the request and asks no identity system.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { Public } from 'nestjs-nowgg-auth';
 *
 * @Controller('health')
 * export class HealthController {
 *   @Get()
 *   @Public()
 *   health() {
 *     return 'ok';
 *   }
 * }
 * ```
 */
export function Public(): PolicyDecorator {
  return policyDecorator('@Public', (declared) => ({ ...declared, isPublic: true }));
}

/**
 * Admits callers without a token as anonymous (`@NowggUser()` is undefined); a token is verified as usual.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { NowggPrincipal, NowggUser, OptionalAuth } from 'nestjs-nowgg-auth';
 *
 * @Controller('leaderboard')
 * export class LeaderboardController {
 *   @Get()
 *   @OptionalAuth() // no token: anonymous; a bad token: still a 401
 *   list(@NowggUser() player: NowggPrincipal | undefined) {
 *     return { you: player?.userId };
 *   }
 * }
 * ```
 */
export function OptionalAuth(options: OptionalAuthOptions = {}): PolicyDecorator {
  const onInvalid = options.onInvalid ?? 'reject';
  if (onInvalid !== 'reject' && onInvalid !== 'anonymous') {
    throw new NowggConfigurationError('@OptionalAuth: onInvalid must be reject or anonymous');
  }
  return policyDecorator('@OptionalAuth', (declared) => ({ ...declared, optional: { onInvalid } }));
}

/**
 * Requires that all of these scopes were granted; otherwise the answer is 403 `insufficient_scope`. Scopes of the
 * controller and of the handler add up. `NowggAuthGuard` enforces them; when a route has no such guard, the application
 * refuses to boot.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { NowggUser, RequireScopes } from 'nestjs-nowgg-auth';
 *
 * @Controller('friends')
 * @RequireScopes('profile')
 * export class FriendsController {
 *   @Get()
 *   list(@NowggUser('scopes') scopes: readonly string[]) {
 *     return { scopes };
 *   }
 * }
 * ```
 */
export function RequireScopes(scope: string, ...more: string[]): PolicyDecorator {
  const scopes = [scope, ...more];
  // RFC 6749 section 3.3: the characters that a scope, and so the challenge's quoted string, may contain.
  if (!scopes.every((s) => typeof s === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(s))) {
    throw new NowggConfigurationError('@RequireScopes: each scope is one word of printable ASCII, without quotes');
  }
  return policyDecorator('@RequireScopes', (declared) => ({
    ...declared,
    scopes: Object.freeze([...new Set([...(declared.scopes ?? []), ...scopes])]),
  }));
}

let isFeatureRequired = false;

/** Whether `@RequireFeature` was used in this process. */
export function isAnyFeatureRequired(): boolean {
  return isFeatureRequired;
}

/**
 * Requires that the caller is banned from none of these features: `NowggRevocationService.revoke({ userId, feature })`.
 * Otherwise the answer is 403 `feature_banned` with `feature` and the reason of the ban, and the rest of the application
 * stays open to the caller. Features of the controller and of the handler add up. `NowggAuthGuard` enforces them, on
 * messages and operations too; when a route has no such guard, the application refuses to boot.
 *
 * @example
 * ```ts
 * import { Controller, Post } from '@nestjs/common';
 * import { NowggUser, RequireFeature } from 'nestjs-nowgg-auth';
 *
 * @Controller('chat')
 * @RequireFeature('chat')
 * export class ChatController {
 *   @Post()
 *   say(@NowggUser('userId') userId: string) {
 *     return { userId };
 *   }
 * }
 * ```
 */
export function RequireFeature(feature: string, ...more: string[]): PolicyDecorator {
  const features = [feature, ...more];
  if (!features.every(isFeature)) {
    throw new NowggConfigurationError('@RequireFeature: a feature is 1 to 64 characters of A-Z a-z 0-9 . _ -');
  }
  isFeatureRequired = true;
  return policyDecorator('@RequireFeature', (declared) => ({
    ...declared,
    features: Object.freeze([...new Set([...(declared.features ?? []), ...features])]),
  }));
}

/**
 * Sets the requirements of a route: the age of the verdict, the kind of token, the identity provider, and the time
 * since the sign-in. A route may only tighten the module's options.
 *
 * @example
 * ```ts
 * import { Controller, Post } from '@nestjs/common';
 * import { NowggAuth, NowggUser } from 'nestjs-nowgg-auth';
 *
 * @Controller('purchases')
 * export class PurchaseController {
 *   @Post()
 *   @NowggAuth({ maxAgeMs: 0, allowStale: false }) // ask the identity system now: money is involved
 *   buy(@NowggUser('userId') userId: string) {
 *     return { userId };
 *   }
 * }
 * ```
 */
export function NowggAuth(policy: AuthenticationPolicy): PolicyDecorator {
  refuse(policyFaults(policy), '@NowggAuth: ');
  return policyDecorator('@NowggAuth', (declared) => ({
    ...declared,
    authentication: Object.freeze({ ...declared.authentication, ...policy }),
  }));
}

/** Creates a decorator that adds to the policy of a class or method. */
export function policyDecorator(name: string, change: (declared: DeclaredPolicy) => DeclaredPolicy): PolicyDecorator {
  const decorate = (target: object, key?: string | symbol, descriptor?: PropertyDescriptor): void => {
    const level: unknown = descriptor ? descriptor.value : target;
    if (typeof level !== 'function' || (key !== undefined && !descriptor)) {
      throw new NowggConfigurationError(`${name} must be used on a class or a method`);
    }
    declarePolicy(level, (declared) => withoutContradiction(name, change(declared)));
  };
  return decorate;
}

function withoutContradiction(name: string, declared: DeclaredPolicy): DeclaredPolicy {
  if (declared.isPublic && (declared.optional || declared.scopes || declared.authentication || declared.requirements)) {
    throw new NowggConfigurationError(`${name}: @Public contradicts another decorator of the same class or method`);
  }
  return declared;
}
