import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { ExecutionContext } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { flat, requestHeaders } from '../support/request-headers.js';
import { ROUTE } from './benched-app.js';

const socket = new Socket();

/** A request with the header lines of a game client behind a proxy, parsed as body parsers leave it. */
export function requestOf(token: string): IncomingMessage {
  const request = new IncomingMessage(socket) as IncomingMessage & {
    originalUrl: string;
    _addHeaderLines(lines: string[], count: number): void;
  };
  request.method = 'GET';
  request.url = ROUTE;
  request.originalUrl = ROUTE;
  const lines = requestHeaders(token).map(flat);
  request._addHeaderLines(lines, lines.length);
  if (request.headers.authorization === undefined) throw new Error('the request was not made as the parser makes it');
  return request;
}

class PlayersController {
  me(): void {}
}

/** The context that Nest passes to a guard for such a request. */
export function contextOf(token: string): ExecutionContext {
  const context = new ExecutionContextHost(
    [requestOf(token), {}, () => undefined],
    PlayersController,
    Object.getOwnPropertyDescriptor(PlayersController.prototype, 'me')?.value as () => void,
  );
  context.setType('http');
  return context;
}
