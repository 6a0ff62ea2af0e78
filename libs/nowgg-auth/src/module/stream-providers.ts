import type { FactoryProvider } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { handlersOf } from '../audit/entry-points.js';
import { HeldConnections } from '../connections/held-connections.js';
import { EventStreams, isEventStream } from '../streams/event-streams.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';

/**
 * Adds the interceptor of event streams while providers are created, so that it is the outermost one. An application
 * without `@Sse()` handlers has no interceptor more.
 */
export const eventStreams: FactoryProvider = {
  provide: EventStreams,
  inject: [ApplicationConfig, ModulesContainer, NowggAuthenticator, HeldConnections],
  useFactory: (
    config: ApplicationConfig,
    modules: ModulesContainer,
    authenticator: NowggAuthenticator,
    connections: HeldConnections,
  ) => {
    const streams = new EventStreams(authenticator, connections);
    if (hasEventStreams(modules)) config.useGlobalInterceptors(streams);
    return streams;
  },
};

function hasEventStreams(modules: ModulesContainer): boolean {
  const controllers = [...modules.values()].flatMap((module) => [...module.controllers.values()]);
  return controllers.some(
    ({ metatype }) =>
      typeof metatype === 'function' && handlersOf(metatype).some(([, handler]) => isEventStream(handler)),
  );
}
