import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { NowggConfigurationError } from '../../errors.js';
import { guardsOf, isEnforcingGuard, isPassportGuard } from './enforcing-guards.js';
import { hasDeclaredPolicy, routePolicyOf } from './policy.js';

/** The fields that are read from Nest's record of a controller or provider. */
interface Wrapper {
  readonly metatype: unknown;
  readonly inject?: readonly unknown[] | null | undefined;
}

/** Prefix of the token under which Nest registers a guard that is provided as `APP_GUARD`; a unique suffix follows. */
const APP_GUARD_TOKEN = 'APP_GUARD';

/**
 * Refuses to boot when a handler has a decorator of this module and no guard obeys it: such a decorator looks like
 * protection but has no effect.
 */
@Injectable()
export class PolicyCheck implements OnModuleInit {
  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
  ) {}

  /** @throws NowggConfigurationError that names every such handler */
  onModuleInit(): void {
    const faults = [...this.modules.values()].flatMap(({ controllers, providers }) =>
      [...controllers.values(), ...providers.values()].flatMap((wrapper) => this.#faultsOf(wrapper)),
    );
    if (faults.length > 0) throw new NowggConfigurationError([...new Set(faults)].join('; '));
  }

  #faultsOf({ metatype, inject }: Wrapper): string[] {
    // A provider that a factory creates has no class with decorators.
    if (typeof metatype !== 'function' || inject) return [];
    const { name: className } = metatype;
    return handlersOf(metatype).flatMap(([name, handler]) => {
      const fault = this.#faultOf(handler, metatype);
      return fault === undefined ? [] : [`${className}.${name}: ${fault}`];
    });
  }

  #faultOf(handler: object, controller: object): string | undefined {
    if (!hasDeclaredPolicy(handler, controller)) return undefined;
    const guards = [...this.#globalGuards(), ...guardsOf(controller), ...guardsOf(handler)];
    if (guards.some(isEnforcingGuard)) return undefined;
    if (guards.some(isPassportGuard)) {
      return "AuthGuard of @nestjs/passport does not read this module's decorators: use NowggAuthGuard here";
    }
    if (routePolicyOf(handler, controller).access === 'public') return undefined;
    return (
      "no guard reads this module's decorators here: add @UseGuards(NowggAuthGuard) or globalGuard: true, " +
      'or mark a guard of your own that asks NowggAuthGuard with @EnforcesNowggPolicy()'
    );
  }

  #globalGuards(): unknown[] {
    const provided = [...this.modules.values()].flatMap(({ providers }) =>
      [...providers.entries()]
        .filter(([token]) => typeof token === 'string' && token.startsWith(APP_GUARD_TOKEN))
        // In a test the instance may be a mock; the injected dependencies show which guard it replaces.
        .flatMap(([, { metatype, inject }]) => [metatype, ...(inject ?? [])]),
    );
    return [...this.config.getGlobalGuards(), ...provided];
  }
}

/** Every method of a class and of its parents; of one name, only the overriding method. */
function handlersOf(metatype: { readonly prototype?: unknown }): [string, object][] {
  const methods = new Map<string, object>();
  for (
    let prototype = metatype.prototype as object | null | undefined;
    prototype && prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype) as object | null
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value === 'function' && name !== 'constructor' && !methods.has(name))
        methods.set(name, value as object);
    }
  }
  return [...methods];
}
