import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { globalGuardsOf } from '../audit/audited-guards.js';
import { GATEWAY_OPTIONS, handlersOf, IS_GATEWAY, IS_MESSAGE } from '../audit/entry-points.js';
import { guardsOf, isEnforcingGuard } from '../http/policy/enforcing-guards.js';
import { type RoutePolicy, routePolicyOf, UNDECORATED } from '../http/policy/policy.js';

/** The metadata key of a gateway's port, the same in Nest 11 and 12. */
const PORT = 'port';

/** A namespace as a gateway names it: text, a regular expression or a function. */
export type NamespaceName = string | RegExp | ((...args: never[]) => unknown);

/** A server that gateways share. */
export interface ServerPlace {
  readonly port: number;
  readonly path: string | undefined;
}

interface Gateway extends ServerPlace {
  readonly metatype: Type;
  readonly namespace: NamespaceName;
  readonly policy: RoutePolicy;
}

type Type = (new (...args: never[]) => unknown) & { readonly prototype: object };

/** Stands for no handler: gives the policy of the class alone. */
const CLASS_ALONE = () => undefined;

/** The gateways of an application, and the policies of their handshakes. */
export class Gateways {
  readonly #gateways: readonly Gateway[];

  constructor(modules: ModulesContainer) {
    const providers = [...modules.values()].flatMap((module) => [...module.providers.values()]);
    this.#gateways = [...new Set(providers.map(({ metatype }) => metatype))].flatMap((metatype) =>
      isGateway(metatype) ? [gatewayOf(metatype)] : [],
    );
  }

  get size(): number {
    return this.#gateways.length;
  }

  /**
   * The policy of a handshake: that of the most permissive gateway that shares server and namespace. Each message is
   * decided by its handler. A namespace without a gateway needs a token.
   *
   * @param namespace as it is given to `server.of`; default all, for servers without namespaces
   */
  policyOf({ port, path }: ServerPlace, namespace?: NamespaceName): RoutePolicy {
    const sharing = this.#gateways.filter(
      (gateway) =>
        gateway.port === port &&
        pathOf(gateway.path) === pathOf(path) &&
        (namespace === undefined || isSameNamespace(gateway.namespace, namespace)),
    );
    return mostPermissive(sharing.map(({ policy }) => policy));
  }

  /** Gateways with messages that no guard of this module decides, where global guards do not reach gateways. */
  unguarded(modules: ModulesContainer, config: ApplicationConfig): string[] {
    if (!globalGuardsOf(modules, config).some(({ enforces }) => enforces)) return [];
    return this.#gateways.flatMap(({ metatype }) => {
      const handlers = messagesOf(metatype).filter((handler) => !isDecided(handler, metatype));
      return handlers.length > 0 ? [metatype.name] : [];
    });
  }
}

function isDecided(handler: object, metatype: object): boolean {
  if (routePolicyOf(handler, metatype).access === 'public') return true;
  return [...guardsOf(metatype), ...guardsOf(handler)].some(isEnforcingGuard);
}

function messagesOf(metatype: Type): object[] {
  const handlers = handlersOf(metatype).map(([, handler]) => handler);
  return handlers.filter((handler) => Reflect.getMetadata(IS_MESSAGE, handler) === true);
}

function isGateway(metatype: unknown): metatype is Type {
  return typeof metatype === 'function' && Reflect.hasMetadata(IS_GATEWAY, metatype);
}

function gatewayOf(metatype: Type): Gateway {
  const options = (Reflect.getMetadata(GATEWAY_OPTIONS, metatype) ?? {}) as {
    path?: string;
    namespace?: NamespaceName;
  };
  return {
    metatype,
    port: (Reflect.getMetadata(PORT, metatype) as number | undefined) ?? 0,
    path: options.path,
    namespace: options.namespace ?? '/',
    policy: routePolicyOf(CLASS_ALONE, metatype),
  };
}

function pathOf(path: string | undefined): string {
  return (path ?? '').replaceAll('/', '');
}

function isSameNamespace(own: NamespaceName, asked: NamespaceName): boolean {
  if (typeof own === 'string' && typeof asked === 'string') return withSlash(own) === withSlash(asked);
  // As socket.io does it.
  return own === asked || (own instanceof RegExp && typeof asked === 'string' && own.test(asked));
}

function withSlash(name: string): string {
  return name.startsWith('/') ? name : `/${name}`;
}

function mostPermissive(policies: readonly RoutePolicy[]): RoutePolicy {
  const [first] = policies;
  if (first === undefined) return UNDECORATED;
  const open = policies.find(({ access }) => access === 'public');
  if (open || policies.length === 1) return open ?? first;
  const optional = policies.filter(({ access }) => access === 'optional');
  if (optional.length === 0) return UNDECORATED;
  const onInvalid = optional.some((policy) => policy.onInvalid === 'anonymous') ? 'anonymous' : 'reject';
  return { ...UNDECORATED, access: 'optional', onInvalid };
}
