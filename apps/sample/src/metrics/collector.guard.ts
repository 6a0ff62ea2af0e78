import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { isSameSecret } from '../auth/same-secret.js';
import { SampleConfig } from '../config/sample-config.js';

interface CollectorRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** Admits Prometheus, which sends the key of the configuration: `authorization: { credentials }` in its configuration. */
@Injectable()
export class CollectorGuard implements CanActivate {
  readonly #key: string | undefined;

  constructor({ metricsKey }: SampleConfig) {
    this.#key = metricsKey;
  }

  canActivate(context: ExecutionContext): boolean {
    const { authorization = '' } = context.switchToHttp().getRequest<CollectorRequest>().headers;
    return this.#key !== undefined && isSameSecret(authorization, `Bearer ${this.#key}`);
  }
}
