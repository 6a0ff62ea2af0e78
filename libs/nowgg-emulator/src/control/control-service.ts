import type { IncomingMessage, ServerResponse } from 'node:http';
import { isJsonObject } from '../endpoints/fields.js';
import { errorMessage } from '../error-message.js';
import { hasBody, readJson } from '../http/read-json.js';
import { sendJson } from '../http/send.js';
import type { EmulatorControls } from '../nowgg-emulator.js';
import { isLoopbackHost } from '../options.js';
import { controlRoutes } from './control-routes.js';

/** The control interface over HTTP. Takes no credentials, so it listens to programs of this machine only. */
export class ControlService {
  constructor(private readonly controls: EmulatorControls) {}

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isFromThisMachine(request)) {
      request.resume();
      return sendJson(response, 403, { error: 'the control interface serves programs on this machine only' });
    }
    const route = controlRoutes.get(`${request.method ?? ''} ${request.url ?? ''}`);
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

/**
 * A loopback peer is not enough: any web page can make this machine's browser call 127.0.0.1. Pages of other origins
 * are told by their `Origin`, and names rebound to 127.0.0.1 by the `Host` that the browser then sends.
 */
function isFromThisMachine({ socket, headers }: IncomingMessage): boolean {
  const host = headers.host ?? '';
  return (
    isLoopbackHost(socket.remoteAddress ?? '') &&
    isLoopbackHost(host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')) &&
    (headers.origin === undefined || headers.origin === `http://${host}`)
  );
}
