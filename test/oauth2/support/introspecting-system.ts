import type { IncomingMessage, ServerResponse } from 'node:http';
import { LoopbackServer } from './loopback-server.js';

/** How a server family marks the kinds of token in an introspection answer. */
export type IntrospectionManner = 'hint' | 'token_use' | 'typ' | 'no token_type';

interface KnownToken {
  readonly kind: 'access' | 'refresh';
  readonly answer: Readonly<Record<string, unknown>>;
}

const MARKS: Readonly<Record<IntrospectionManner, Readonly<Record<KnownToken['kind'], Record<string, unknown>>>>> = {
  // Says Bearer for every token, and keeps to the hint where one is sent.
  hint: { access: { token_type: 'Bearer' }, refresh: { token_type: 'Bearer' } },
  token_use: {
    access: { token_type: 'Bearer', token_use: 'access_token' },
    refresh: { token_type: 'Bearer', token_use: 'refresh_token' },
  },
  typ: { access: { token_type: 'Bearer', typ: 'Bearer' }, refresh: { token_type: 'Bearer', typ: 'Refresh' } },
  'no token_type': { access: {}, refresh: {} },
};

/** An identity system with an introspection endpoint (RFC 7662) that marks token kinds as one of several servers does. */
export class IntrospectingSystem extends LoopbackServer {
  readonly #tokens = new Map<string, KnownToken>();
  /** Form parameters of every question, in order. */
  readonly questions: URLSearchParams[] = [];

  static async start(manner: IntrospectionManner, clientId: string): Promise<IntrospectingSystem> {
    const system = new IntrospectingSystem();
    for (const kind of ['access', 'refresh'] as const) {
      const common = { active: true, sub: 'player-1', client_id: clientId, exp: Math.floor(Date.now() / 1000) + 3_600 };
      system.#tokens.set(`${kind}-token`, { kind, answer: { ...common, ...MARKS[manner][kind] } });
    }
    system.server.on('request', (request, response) => {
      void system.#serve(request, response, manner);
    });
    await system.listen();
    return system;
  }

  async #serve(request: IncomingMessage, response: ServerResponse, manner: IntrospectionManner): Promise<void> {
    const form = await readForm(request);
    const answer = request.url === '/introspect' ? this.#answer(form, manner) : undefined;
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? {}));
  }

  #answer(form: URLSearchParams, manner: IntrospectionManner): Record<string, unknown> {
    this.questions.push(form);
    const token = this.#tokens.get(form.get('token') ?? '');
    const hint = form.get('token_type_hint');
    const isOutOfHint = manner === 'hint' && hint !== null && hint !== `${token?.kind}_token`;
    return !token || isOutOfHint ? { active: false } : { ...token.answer };
  }
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}
