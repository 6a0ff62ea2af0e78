import type { IncomingMessage, ServerResponse } from 'node:http';
import { isJsonObject } from '../endpoints/fields.js';
import { errorMessage } from '../error-message.js';
import { isFromThisMachine, isFromStrangePage, hasBody, readJson } from '../http/request.js';
import { sendJson } from '../http/send.js';
import type { EmulatorControls } from '../nowgg-emulator.js';
import type { ControlRoute } from './control-routes.js';
import type { EventStreams } from './event-streams.js';

/** The control interface over HTTP. Takes no credentials, so it serves programs on this machine only. */
export class ControlService {
  constructor(
    private readonly controls: EmulatorControls,
    private readonly routes: ReadonlyMap<string, ControlRoute>,
    private readonly events: EventStreams,
  ) {}

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isFromThisMachine(request) || isFromStrangePage(request)) {
      request.resume();
      return sendJson(response, 403, { error: 'the control interface serves programs on this machine only' });
    }
    const operation = `${request.method ?? ''} ${request.url ?? ''}`;
    if (operation === 'GET /_control/events') {
      request.resume();
      return this.events.open(response);
    }
    const route = this.routes.get(operation);
    if (!route) {
      request.resume();
      return sendJson(response, 404, { error: 'there is no such control operation' });
    }
    const body = hasBody(request) ? await readJson(request) : ({ ok: true, value: {} } as const);
    if (!body.ok) return sendJson(response, body.status, { error: body.problem });
    if (!isJsonObject(body.value)) return sendJson(response, 400, { error: 'the body must be a JSON object' });
    try {
      sendJson(response, 200, route(this.controls, body.value));
    } catch (error) {
      sendJson(response, 400, { error: errorMessage(error, 'not possible') });
    }
  }
}
