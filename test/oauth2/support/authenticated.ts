import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type AuthenticationPolicy,
  type IdentityProviderDefinition,
  NowggAuthenticator,
  NowggAuthModule,
  type NowggAuthOptions,
  NowggRevocationService,
  type Verdict,
} from 'nestjs-nowgg-auth';
import { OffsetClock } from '../../../libs/nowgg-auth/src/testing-support/offset-clock.js';

/** The module without HTTP: what its authenticator says about tokens. */
export class Authenticated implements AsyncDisposable {
  readonly clock: OffsetClock;
  readonly #app: INestApplicationContext;

  private constructor(app: INestApplicationContext, clock: OffsetClock) {
    this.#app = app;
    this.clock = clock;
  }

  static async by(
    identityProviders: readonly IdentityProviderDefinition[],
    options: NowggAuthOptions = {},
    clock = new OffsetClock(),
  ): Promise<Authenticated> {
    const module = NowggAuthModule.forRoot({ identityProviders, strategyName: false, clock, ...options });
    return new Authenticated(await NestFactory.createApplicationContext(module, { logger: false }), clock);
  }

  async verdict(token: string, policy?: AuthenticationPolicy): Promise<Verdict> {
    return this.#app.get(NowggAuthenticator).authenticate(token, policy);
  }

  /** The status, and the reason when there is one. */
  async outcome(token: string, policy?: AuthenticationPolicy): Promise<string> {
    const verdict = await this.verdict(token, policy);
    return verdict.status === 'valid' ? 'valid' : `${verdict.status}: ${verdict.reason}`;
  }

  get revocation(): NowggRevocationService {
    return this.#app.get(NowggRevocationService);
  }

  /** What memory holds of a token; looking asks for it too. */
  async remembered(token: string): Promise<string | undefined> {
    return (await this.#app.get(NowggAuthenticator).explain(token)).remembered?.as;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app.close();
  }
}
