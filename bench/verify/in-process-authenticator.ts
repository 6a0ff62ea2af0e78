import { NestFactory } from '@nestjs/core';
import {
  IdentityHttp,
  type IdentityHttpOutcome,
  type IdentityHttpRequest,
  nowgg,
  NowggAuthenticator,
  NowggAuthModule,
  type VerificationOptions,
} from 'nestjs-nowgg-auth';
import { acceptance, client, refusal } from './tokens.js';

/** Answers in the same process and at once, for figures that a network would blur. */
class InstantHttp extends IdentityHttp {
  readonly #accepts: (token: string) => boolean;

  constructor(accepts: (token: string) => boolean) {
    super();
    this.#accepts = accepts;
  }

  override async send({ json }: IdentityHttpRequest): Promise<IdentityHttpOutcome> {
    const token = json?.token ?? '';
    // Parsed from text, as a reply is: objects made in another way take a different amount of memory.
    const reply = JSON.stringify(this.#accepts(token) ? acceptance(token) : refusal);
    return {
      status: 'reply',
      statusCode: 200,
      json: JSON.parse(reply) as unknown,
      retryAfterMs: undefined,
      drop: () => undefined,
    };
  }
}

/** The module's authenticator, with an identity system that accepts these tokens. */
export async function authenticatorBefore(
  accepts: (token: string) => boolean,
  verification: VerificationOptions,
): Promise<NowggAuthenticator> {
  const auth = NowggAuthModule.forRoot({
    identityProviders: [
      {
        name: 'nowgg',
        create: (context) => nowgg({ name: 'nowgg', ...client }).create({ ...context, http: new InstantHttp(accepts) }),
      },
    ],
    strategyName: false,
    verification,
  });
  const app = await NestFactory.createApplicationContext(auth, { logger: ['error', 'warn'], abortOnError: false });
  return app.get(NowggAuthenticator);
}
