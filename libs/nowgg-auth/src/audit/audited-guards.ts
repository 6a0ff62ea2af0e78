import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { guardsOf, isEnforcingGuard, isPassportGuard } from '../http/policy/enforcing-guards.js';
import type { EntryPoint } from './entry-points.js';

/** A guard, as far as its class shows it. */
export interface AuditedGuard {
  readonly name: string;
  readonly isGlobal: boolean;
  /** Whether it obeys the decorators of this module. */
  readonly enforces: boolean;
  readonly isPassport: boolean;
  /** Whether its source reads a property `user`. */
  readonly readsUser: boolean;
}

/** The fields that are read from Nest's record of a provider. */
interface ProvidedGuard {
  readonly instance: unknown;
  readonly metatype: unknown;
  readonly inject?: readonly unknown[] | null | undefined;
}

/** Prefix of the token under which Nest registers a guard that is provided as `APP_GUARD`; a unique suffix follows. */
const APP_GUARD_TOKEN = 'APP_GUARD';

/** DI token of the provider that `globalGuard: 'first'` adds. */
export const FIRST_GUARD = Symbol.for('nestjs-nowgg-auth:first-guard');

/** The guards of the whole application, in the order in which they run. */
export function globalGuardsOf(modules: ModulesContainer, config: ApplicationConfig): AuditedGuard[] {
  const provided = [...modules.values()].flatMap(({ providers }) =>
    [...providers.entries()]
      .filter(([token]) => token === FIRST_GUARD || (typeof token === 'string' && token.startsWith(APP_GUARD_TOKEN)))
      // In a test the instance may be a mock; the injected dependencies show which guard it replaces.
      .map(([token, { instance, metatype, inject }]: [unknown, ProvidedGuard]) => ({
        isFirst: token === FIRST_GUARD,
        instance,
        classes: [...(inject ?? []), ...(inject ? [] : [metatype])],
      })),
  );
  const running: readonly unknown[] = config.getGlobalGuards();
  // Without an instance to show: guards with the scope of a request, and those that a factory makes, in preview mode.
  const hidden = provided.filter(({ instance }) => isAbsent(instance) || !running.includes(instance));
  const show = ({ instance, classes }: (typeof provided)[number]) => audited([...classes, instance], true);
  const before = hidden.filter(({ isFirst }) => isFirst).map(show);
  const after = hidden.filter(({ isFirst }) => !isFirst).map(show);
  const inPlace = running.flatMap((guard) => {
    // Preview mode keeps the place of a guard that a factory makes.
    if (isAbsent(guard)) return after.splice(0, 1);
    const classes = provided.find(({ instance }) => instance === guard)?.classes ?? [];
    return [audited([guard, ...classes], true)];
  });
  return [...before, ...inPlace, ...after];
}

function isAbsent(instance: unknown): boolean {
  return instance === undefined || instance === null;
}

/** The guards of a class and of its method, in the order in which they run. */
export function ownGuardsOf({ host, handler }: EntryPoint): AuditedGuard[] {
  return [...guardsOf(host), ...guardsOf(handler)].map((guard) => audited([guard], false));
}

/** @param faces the guard itself, and the classes that stand for it */
function audited(faces: readonly unknown[], isGlobal: boolean): AuditedGuard {
  const enforcing = faces.find(isEnforcingGuard);
  const shown = classOf(enforcing ?? faces.find((face) => classOf(face) !== Object) ?? faces[0]);
  return {
    name: shown?.name || 'a guard without a name',
    isGlobal,
    enforces: enforcing !== undefined,
    isPassport: faces.some(isPassportGuard),
    readsUser: faces.some((face) => sourceReadsUser(classOf(face))),
  };
}

/** A property `user`, read with a dot or taken from an object by a pattern. */
const READS_USER = /\.user\b|[{,]\s*user\s*[},:]/;

function sourceReadsUser(guard: object | undefined): boolean {
  for (let level = guard; typeof level === 'function'; level = Object.getPrototypeOf(level) as object | undefined) {
    if (level !== Function.prototype && READS_USER.test(String(level))) return true;
  }
  return false;
}

function classOf(guard: unknown): (object & { readonly prototype?: object; readonly name: string }) | undefined {
  if (typeof guard === 'function') return guard;
  return typeof guard === 'object' && guard !== null ? guard.constructor : undefined;
}
