import { NowggConfigurationError } from '../../errors.js';
import type { AuthenticationPolicy } from '../../verification/decision/verdict.js';
import { type DeclaredPolicy, declarePolicy } from './policy.js';
import { findPolicyFault } from './policy-faults.js';

/** Stands on a handler or on a controller. */
export type PolicyDecorator = ClassDecorator & MethodDecorator;

/** What `@OptionalAuth` makes of a token that is not good. */
export interface OptionalAuthOptions {
  /**
   * `reject` (default): a bad token is refused, so that a client learns that its session is over. `anonymous`: it counts
   * as no token. An identity system that cannot be asked is a 503 in both modes.
   */
  onInvalid?: 'reject' | 'anonymous';
}

/** No authentication on this route: nothing is read from the request and nobody is asked. */
export function Public(): PolicyDecorator {
  return decorator('@Public', (declared) => ({ ...declared, isPublic: true }));
}

/** Callers without a token are let in as anonymous (`@NowggUser()` is undefined); a token is verified as ever. */
export function OptionalAuth(options: OptionalAuthOptions = {}): PolicyDecorator {
  const onInvalid = options.onInvalid ?? 'reject';
  if (onInvalid !== 'reject' && onInvalid !== 'anonymous') {
    throw new NowggConfigurationError('@OptionalAuth: onInvalid must be reject or anonymous');
  }
  return decorator('@OptionalAuth', (declared) => ({ ...declared, optional: { onInvalid } }));
}

/**
 * All of these scopes must have been granted, else 403 `insufficient_scope`. Scopes of the controller and of the handler
 * add up. Enforced by `NowggAuthGuard`; on a route where no such guard stands the application refuses to boot.
 */
export function RequireScopes(scope: string, ...more: string[]): PolicyDecorator {
  const scopes = [scope, ...more];
  // RFC 6749 section 3.3: what may stand in a scope, and so in the challenge's quoted string.
  if (!scopes.every((s) => typeof s === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(s))) {
    throw new NowggConfigurationError('@RequireScopes: each scope is one word of printable ASCII, without quotes');
  }
  return decorator('@RequireScopes', (declared) => ({
    ...declared,
    scopes: Object.freeze([...new Set([...(declared.scopes ?? []), ...scopes])]),
  }));
}

/**
 * How strict this route is: how fresh the verdict, which kind of token, whose, and how recent the sign-in. A route may
 * only tighten the module's options.
 */
export function NowggAuth(policy: AuthenticationPolicy): PolicyDecorator {
  const fault = findPolicyFault(policy);
  if (fault) throw new NowggConfigurationError(`@NowggAuth: ${fault}`);
  return decorator('@NowggAuth', (declared) => ({
    ...declared,
    authentication: Object.freeze({ ...declared.authentication, ...policy }),
  }));
}

function decorator(name: string, change: (declared: DeclaredPolicy) => DeclaredPolicy): PolicyDecorator {
  const decorate = (target: object, key?: string | symbol, descriptor?: PropertyDescriptor): void => {
    const level: unknown = descriptor ? descriptor.value : target;
    if (typeof level !== 'function' || (key !== undefined && !descriptor)) {
      throw new NowggConfigurationError(`${name} stands on a class or a method`);
    }
    declarePolicy(level, (declared) => withoutContradiction(name, change(declared)));
  };
  return decorate;
}

function withoutContradiction(name: string, declared: DeclaredPolicy): DeclaredPolicy {
  if (declared.isPublic && (declared.optional || declared.scopes || declared.authentication)) {
    throw new NowggConfigurationError(`${name}: @Public contradicts another decorator of the same class or method`);
  }
  return declared;
}
