import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { NowggConfigurationError } from '../errors.js';

/** Key on the global object: the place where copies of this package find each other. */
const LIVE = Symbol.for('nestjs-nowgg-auth:live-copy');

/** The copy that live applications of this process run on. */
interface LiveCopyClaim {
  readonly copy: object;
  readonly holders: Set<object>;
}

/** Another copy of this file has another object here. */
const thisCopy = {};

/**
 * Refuses to boot on a second copy of this package while an application runs on the first one. Each copy has classes of
 * its own, so an application would not find providers of the other copy, and `instanceof` would not know its errors.
 */
export class LiveCopy implements OnApplicationBootstrap, OnModuleDestroy {
  constructor() {
    refuseOtherCopy();
  }

  /** Asks again, because two applications can start at the same time. */
  onApplicationBootstrap(): void {
    refuseOtherCopy();
    const claim = liveCopy() ?? { copy: thisCopy, holders: new Set() };
    claim.holders.add(this);
    setLiveCopy(claim);
  }

  onModuleDestroy(): void {
    const claim = liveCopy();
    if (claim?.holders.delete(this) && claim.holders.size === 0) setLiveCopy(undefined);
  }
}

type Registry = { [LIVE]?: LiveCopyClaim | undefined };

function liveCopy(): LiveCopyClaim | undefined {
  return (globalThis as Registry)[LIVE];
}

function setLiveCopy(claim: LiveCopyClaim | undefined): void {
  (globalThis as Registry)[LIVE] = claim;
}

function refuseOtherCopy(): void {
  const live = liveCopy();
  if (live === undefined || live.copy === thisCopy) return;
  throw new NowggConfigurationError(
    'an application of this process runs on another copy of nestjs-nowgg-auth, whose classes this copy does not know; ' +
      'install one version (npm ls nestjs-nowgg-auth), load it only by import or only by require in Jest, ' +
      'or close the other application first',
  );
}
