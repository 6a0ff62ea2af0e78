import 'reflect-metadata';
import type { CallHandler, ExecutionContext, MessageEvent, NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import type { EndingConnection, HeldConnections } from '../connections/held-connections.js';
import type { NowggErrorBody } from '../errors.js';
import { heldTokenOf } from '../connections/request-caller.js';
import { findAuthentication, isOfCaller } from '../http/authentication.js';
import type { GuardedRequest } from '../http/transport.js';
import type { NowggAuthenticator } from '../verification/nowgg-authenticator.js';

/** The key under which `@Sse()` marks a handler, the same in Nest 11 and 12. */
const IS_EVENT_STREAM = '__sse__';
/** The type of the last event; its data is the body of the error. */
const END_EVENT = 'nowgg-end';

export function isEventStream(handler: object): boolean {
  return Reflect.getMetadata(IS_EVENT_STREAM, handler) === true;
}

/**
 * Ends the streams of `@Sse()` handlers after a last event when the token of their caller expires, and when the caller is
 * banned or signed out. Runs outside of the application's own interceptors, so that they do not change this event.
 */
export class EventStreams implements NestInterceptor {
  readonly #authenticator: NowggAuthenticator;
  readonly #connections: HeldConnections;

  constructor(authenticator: NowggAuthenticator, connections: HeldConnections) {
    this.#authenticator = authenticator;
    this.#connections = connections;
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const stream = next.handle();
    if (context.getType() !== 'http' || !isEventStream(context.getHandler())) return stream;
    const decision = findAuthentication(context.getArgByIndex<GuardedRequest>(0));
    // A caller of another module of this package is watched by the interceptor of that module.
    if (!isOfCaller(decision) || decision.by !== this.#authenticator) return stream;
    const { principal } = decision;
    return new Observable<unknown>((subscriber) => {
      const connection: EndingConnection = {
        end: (error) => {
          subscriber.next({ type: END_EVENT, data: error.getResponse() as NowggErrorBody } satisfies MessageEvent);
          subscriber.complete();
        },
      };
      subscriber.add(() => this.#connections.remove(connection));
      this.#connections.set(connection, { held: heldTokenOf(decision), principal });
      // A caller who is refused by now has ended it already.
      if (!subscriber.closed) subscriber.add(stream.subscribe(subscriber));
    });
  }
}
