import { NestFactory } from '@nestjs/core';
import {
  IdentityHttp,
  type IdentityHttpOutcome,
  type IdentityHttpRequest,
  nowgg,
  NowggAuthenticator,
  NowggAuthModule,
} from 'nestjs-nowgg-auth';
import { acceptance, client } from './tokens.js';

/** No verdict expires while the benchmark runs. */
const ONE_DAY_MS = 86_400_000;

/** Accepts every token, in the same process and at once, for figures that a network would blur. */
class InstantHttp extends IdentityHttp {
  override async send({ json }: IdentityHttpRequest): Promise<IdentityHttpOutcome> {
    // Parsed from text, as a reply is: objects made in another way take a different amount of memory.
    const reply = JSON.stringify(acceptance(json?.token ?? ''));
    return {
      status: 'reply',
      statusCode: 200,
      json: JSON.parse(reply) as unknown,
      retryAfterMs: undefined,
      drop: () => undefined,
    };
  }
}

/** The module's authenticator, which remembers its verdicts about these tokens. */
export async function authenticatorThatKnows(
  tokens: Iterable<string>,
  maxEntries: number,
): Promise<NowggAuthenticator> {
  const auth = NowggAuthModule.forRoot({
    identityProviders: [
      {
        name: 'nowgg',
        create: (context) => nowgg({ name: 'nowgg', ...client }).create({ ...context, http: new InstantHttp() }),
      },
    ],
    strategyName: false,
    verification: { maxAgeMs: ONE_DAY_MS, maxEntries },
  });
  const app = await NestFactory.createApplicationContext(auth, { logger: ['error', 'warn'], abortOnError: false });
  const authenticator = app.get(NowggAuthenticator);
  for (const token of tokens) {
    const { status } = await authenticator.authenticate(token);
    if (status !== 'valid') throw new Error('a good token was not accepted');
  }
  return authenticator;
}
