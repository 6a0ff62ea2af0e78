import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EmulatedAccounts } from '../accounts/emulated-accounts.js';
import { issuedIdOf } from '../accounts/token-mint.js';
import type { EmulatorClock } from '../emulator-clock.js';
import type { JsonObject } from '../endpoints/fields.js';
import { isJsonObject } from '../endpoints/fields.js';
import { sessionInfo, userInfo } from '../endpoints/information.js';
import type { Reply } from '../endpoints/reply.js';
import { refuse, refuseRequest } from '../endpoints/reply.js';
import { token } from '../endpoints/token.js';
import { verifyToken } from '../endpoints/verify-token.js';
import type { EndpointName } from '../faults/fault.js';
import type { FaultPlan } from '../faults/fault-plan.js';
import { playFaults } from '../faults/play-faults.js';
import type { ResolvedOptions } from '../options.js';
import type { OpenRecord, RecordedRequest, RequestLog } from '../request-log.js';
import { type ReadBody, hasBody, pathOf, readJson } from './request.js';
import { sendReply } from './send.js';

type Answer<Input> = (input: Input, accounts: EmulatedAccounts, options: ResolvedOptions) => Reply;

type Presented = Required<Pick<RecordedRequest, 'presented' | 'userId'>>;

type Endpoint =
  | { readonly name: EndpointName; readonly method: 'POST'; readonly answer: Answer<JsonObject> }
  | { readonly name: EndpointName; readonly method: 'GET'; readonly answer: Answer<readonly string[]> };

const endpoints: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['/accounts/oauth2/v1/verify-token', { name: 'verify-token', method: 'POST', answer: verifyToken }],
  ['/accounts/oauth2/v1/token', { name: 'token', method: 'POST', answer: token }],
  ['/accounts/users/v1/userinfo', { name: 'userinfo', method: 'GET', answer: userInfo }],
  ['/accounts/users/v1/sessioninfo', { name: 'sessioninfo', method: 'GET', answer: sessionInfo }],
]);

/** Values that the request log may contain as they are; any other value that a client sends could be a secret. */
const loggedValues: ReadonlySet<unknown> = new Set([
  'token',
  'id_token',
  'refresh_token token',
  'token refresh_token',
  'code',
  'refresh_token',
]);

/** The four endpoints of the vendor, over HTTP. */
export class AccountService {
  constructor(
    private readonly accounts: EmulatedAccounts,
    private readonly options: ResolvedOptions,
    private readonly clock: EmulatorClock,
    private readonly faults: FaultPlan,
    private readonly log: RequestLog,
  ) {}

  /** Answers every path; an unknown one with 404. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request);
    const endpoint = endpoints.get(path);
    const userAgent = request.headers['user-agent'];
    const arrival = {
      at: this.clock.now(),
      method: request.method ?? '',
      path: endpoint ? path : withoutSecrets(path),
      ...(userAgent !== undefined && { userAgent: withoutSecrets(userAgent) }),
    };
    const startedAt = performance.now();
    if (!endpoint) {
      request.resume();
      this.#open(response, { endpoint: 'unknown', ...arrival }, startedAt);
      return sendReply(response, refuse(404, 'NOT_FOUND', 'now.gg has no such endpoint'));
    }
    const body = hasBody(request) ? await readJson(request) : undefined;
    const presented = endpoint.name === 'token' && this.#presented(request, body);
    const record = this.#open(response, { ...describe(endpoint.name, body), ...arrival, ...presented }, startedAt);
    const carryOut = () => {
      const reply =
        complainAboutForm(request, endpoint, body, this.options.strict) ?? this.#answer(endpoint, request, body);
      this.log.update(record, {
        code: reply.body.code,
        ...(endpoint.name === 'token' ? issuedBy(reply) : playerIn(reply)),
      });
      return reply;
    };
    if (this.faults.isEmpty) return sendReply(response, carryOut());
    const userId = record.userId ?? (this.faults.namesPlayers ? this.#presented(request, body)?.userId : undefined);
    const planned = this.faults.take({ endpoint: endpoint.name, grantType: record.grantType, userId });
    const fault = (planned.effect ?? planned.hold)?.kind;
    if (fault) this.log.update(record, { fault });
    await playFaults(planned, carryOut, response, this.faults);
  }

  #answer(endpoint: Endpoint, request: IncomingMessage, body: ReadBody | undefined): Reply {
    if (endpoint.method === 'GET')
      return endpoint.answer(request.headersDistinct.authorization ?? [], this.accounts, this.options);
    if (!body) return refuseRequest('the body is missing');
    if (!body.ok) return refuseRequest(body.problem, body.status);
    if (!isJsonObject(body.value)) return refuseRequest('the body must be a JSON object');
    return endpoint.answer(body.value, this.accounts, this.options);
  }

  /** The code or token that a call presents and its player; undefined when this emulator did not issue it. */
  #presented({ headers }: IncomingMessage, body: ReadBody | undefined): Presented | undefined {
    const { code, refresh_token, token } = body?.ok && isJsonObject(body.value) ? body.value : ({} as JsonObject);
    const secret = code ?? refresh_token ?? token ?? headers.authorization?.slice('Bearer '.length);
    const userId = typeof secret === 'string' ? this.accounts.ownerOf(secret) : undefined;
    return userId === undefined ? undefined : { presented: issuedIdOf(secret as string), userId };
  }

  #open(response: ServerResponse, entry: RecordedRequest, startedAt: number): OpenRecord {
    const record = this.log.add(entry);
    const outcome = (how: Partial<RecordedRequest>) => {
      if (record.durationMs === undefined)
        this.log.update(record, { ...how, durationMs: Math.round(performance.now() - startedAt) });
    };
    response.once('finish', () => outcome({ status: response.statusCode }));
    response.once('close', () => outcome({ cutOff: true }));
    return record;
  }
}

function describe(endpoint: EndpointName, body: ReadBody | undefined): Pick<RecordedRequest, 'endpoint'> {
  const fields = body?.ok && isJsonObject(body.value) ? body.value : {};
  return {
    endpoint,
    ...(Object.hasOwn(fields, 'token_type') && { tokenType: loggable(fields.token_type) }),
    ...(Object.hasOwn(fields, 'grant_type') && { grantType: loggable(fields.grant_type) }),
  };
}

/** A text from outside, without the parts that could be a token or a code. */
const withoutSecrets = (text: string) => text.replace(/[^/ ]{20,}/g, '…').slice(0, 100);

/** The player in a reply of verify-token. */
function playerIn({ body: { decodedData } }: Reply): Pick<RecordedRequest, 'userId'> {
  const userId = isJsonObject(decodedData) ? decodedData.userId : undefined;
  return typeof userId === 'string' ? { userId } : {};
}

/** Ids of the tokens in a reply of the token endpoint. */
function issuedBy({ body: { token, refresh_token } }: Reply): Pick<RecordedRequest, 'issued'> {
  if (typeof token !== 'string') return {};
  const refreshToken = typeof refresh_token === 'string' && { refreshToken: issuedIdOf(refresh_token) };
  return { issued: { token: issuedIdOf(token), ...refreshToken } };
}

const loggable = (value: unknown) => (loggedValues.has(value) ? (value as string) : 'other');

/** Checks a request before its content: a refusal, or undefined when the form is right. */
function complainAboutForm(
  request: IncomingMessage,
  { method }: Endpoint,
  body: ReadBody | undefined,
  strict: boolean,
): Reply | undefined {
  if (request.method !== method)
    return { ...refuse(405, 'METHOD_NOT_ALLOWED', `this endpoint takes ${method} only`), headers: { allow: method } };
  if (!strict) return undefined;
  if (request.url?.includes('?')) return refuseRequest('this endpoint takes no query');
  if (method === 'GET' && body) return refuseRequest('this endpoint takes no body');
  if (method === 'POST' && request.headers.authorization !== undefined)
    return refuseRequest('this endpoint takes no Authorization header: client_id and client_secret belong in the body');
  return undefined;
}
