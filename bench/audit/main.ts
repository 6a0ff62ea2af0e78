import 'reflect-metadata';
import { Controller, Get, type INestApplication, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { auditRoutes, NowggAuth, NowggAuthModule, Public, RequireScopes } from 'nestjs-nowgg-auth';
import { microservices } from 'nestjs-nowgg-auth/microservices';
import { websockets } from 'nestjs-nowgg-auth/websockets';
import { readRounds, runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { markdownTable } from '../support/markdown-table.js';
import { median } from '../support/statistics.js';

const USAGE = `npm run bench:audit -- [options]

  --rounds N    audits after the first one (default 50)`;

const HANDLERS_OF_A_CLASS = 10;
/** 200 handlers: 140 of controllers, 30 of gateways, 30 of microservices. */
const CLASSES = { http: 14, gateway: 3, microservice: 3 } as const;
const HANDLERS = (CLASSES.http + CLASSES.gateway + CLASSES.microservice) * HANDLERS_OF_A_CLASS;
/** Handlers that no guard reaches: those of microservices, whose guards Nest applies with `inheritAppConfig` only. */
const HOLES = CLASSES.microservice * HANDLERS_OF_A_CLASS;

function addHandler(to: Type, name: string, decorators: readonly MethodDecorator[]): void {
  const descriptor = { value() {}, configurable: true, writable: true };
  Object.defineProperty(to.prototype as object, name, descriptor);
  for (const decorate of decorators) decorate(to.prototype as object, name, descriptor);
}

let classes = 0;
const DEMANDS = [Public(), RequireScopes('email'), NowggAuth({ maxAgeMs: 0 })];

/** A class with ten handlers, the first of which say what they demand. */
function classOf(
  decorator: ClassDecorator,
  handler: (name: string) => MethodDecorator,
  demands: readonly MethodDecorator[] = DEMANDS,
): Type {
  class Handlers {}
  // Findings are told apart by the names of classes.
  classes += 1;
  Object.defineProperty(Handlers, 'name', { value: `Handlers${classes}` });
  decorator(Handlers);
  for (let n = 0; n < HANDLERS_OF_A_CLASS; n += 1) {
    const name = `handle${n}`;
    const demand = demands[n];
    addHandler(Handlers, name, demand ? [handler(name), demand] : [handler(name)]);
  }
  return Handlers;
}

async function startApplication(): Promise<INestApplication> {
  const many = (count: number, make: (index: number) => Type) => Array.from({ length: count }, (_, n) => make(n));
  @Module({
    imports: [
      NowggAuthModule.forRoot({
        clientId: 'game',
        globalGuard: true,
        strategyName: false,
        onUnprotected: 'ignore',
        transports: [websockets(), microservices()],
      }),
    ],
    controllers: [
      ...many(CLASSES.http, (n) => classOf(Controller(`things-${n}`), (name) => Get(name))),
      ...many(CLASSES.microservice, (n) => classOf(Controller(), (name) => MessagePattern(`${n}.${name}`), [])),
    ],
    providers: many(CLASSES.gateway, (n) =>
      classOf(WebSocketGateway({ namespace: `rooms-${n}` }), (name) => SubscribeMessage(name)),
    ),
  })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  return await app.init();
}

async function run(rounds: number): Promise<void> {
  const app = await startApplication();
  try {
    const times = Array.from({ length: rounds + 1 }, () => {
      const start = performance.now();
      const { routes, findings } = auditRoutes(app);
      const ms = performance.now() - start;
      if (routes.length !== HANDLERS) throw new Error(`the audit lists ${routes.length} of ${HANDLERS} handlers`);
      if (findings.length !== HOLES) throw new Error(`the audit has ${findings.length} findings`);
      return ms;
    });
    const [first = Number.NaN, ...later] = times;
    const row = (what: string, ms: number) => [what, ms.toFixed(1)];
    console.log(`${describeMachine()}; ${HANDLERS} handlers, ${rounds} rounds.\n`);
    console.log(
      markdownTable(
        [{ heading: 'one audit' }, { heading: 'ms', align: 'right' }],
        [
          row('the first one after the start', first),
          row('later ones, median', median(later)),
          row('later ones, slowest', Math.max(...later)),
        ],
      ),
    );
  } finally {
    await app.close();
  }
}

await runProgram({ usage: USAGE, readArguments: (args) => readRounds(args, 50, 100_000), run });
