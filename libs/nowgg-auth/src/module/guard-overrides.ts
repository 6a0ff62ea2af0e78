import { type CanActivate, Injectable, UseGuards } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { NowggAuthGuard } from '../http/nowgg-auth.guard.js';

/**
 * Makes Nest treat the guard as one that a class uses. `overrideGuard` of a test replaces only such guards, and not one
 * that is a provider.
 */
@UseGuards(NowggAuthGuard)
@Injectable()
export class GuardCarrier {}

/** DI token of the guard that decides globally: `NowggAuthGuard`, or what a test has put in its place. */
export const GLOBAL_GUARD = Symbol('nestjs-nowgg-auth:global-guard');

/**
 * Gives both overrides of a test their full effect: `overrideProvider(NowggAuthGuard)` also replaces the guard on
 * controllers, and `overrideGuard(NowggAuthGuard)` also replaces the global guard. Without a test nothing is replaced.
 *
 * @param provided the guard as a provider, or its replacement
 * @returns the global guard
 */
export function applyGuardOverrides(provided: CanActivate, modules: ModulesContainer): CanActivate {
  if (provided.constructor !== NowggAuthGuard) replaceUsedGuards(provided, modules);
  const used = replacementOfUsedGuard(modules);
  // Not read before the first request: a replacement that is a class has no instance yet.
  return used ? { canActivate: (context) => used.instance.canActivate(context) } : provided;
}

function replacementOfUsedGuard(modules: ModulesContainer): { readonly instance: CanActivate } | undefined {
  for (const { injectables } of modules.values()) {
    const used = injectables.get(NowggAuthGuard);
    if (used && used.metatype !== NowggAuthGuard) return used as { readonly instance: CanActivate };
  }
  return undefined;
}

/** Replaces the record and not its instance, because Nest may be creating the instance at this moment. */
function replaceUsedGuards(guard: CanActivate, modules: ModulesContainer): void {
  for (const module of modules.values()) {
    if (module.injectables.get(NowggAuthGuard)?.metatype !== NowggAuthGuard) continue;
    module.injectables.delete(NowggAuthGuard);
    module.addInjectable({ provide: NowggAuthGuard, useValue: guard }, 'guard');
  }
}
