// What a caller of each kind gets at each door of an application, printed as JSON.
import 'reflect-metadata';
import { CASES, type Case, type Door, type NotApplicable, type Reply } from './cases.js';
import { operationDoor, subscriptionDoor } from './graphql-doors.js';
import { grpcDoor } from './grpc-door.js';
import { httpDoor, streamDoor } from './http-door.js';
import { redisDoor, tcpDoor } from './message-doors.js';
import { ioHandshakeDoor, ioMessageDoor, wsFirstMessageDoor, wsHandshakeDoor, wsMessageDoor } from './socket-doors.js';
import { nest, World } from './world.js';

type Cell = Reply | NotApplicable;

/** For an answer that never comes, with room for a busy machine. */
const PATIENCE_MS = 30_000;

/** The columns of the table, by group. */
const DOORS: Readonly<Record<string, Readonly<Record<string, (world: World) => Promise<Door>>>>> = {
  HTTP: {
    Express: (world) => httpDoor(world, 'express'),
    Fastify: (world) => httpDoor(world, 'fastify'),
    'event stream, Express': (world) => streamDoor(world, 'express'),
    'event stream, Fastify': (world) => streamDoor(world, 'fastify'),
  },
  GraphQL: {
    Apollo: (world) => operationDoor(world, 'apollo'),
    Mercurius: (world) => operationDoor(world, 'mercurius'),
    'subscription, Apollo': (world) => subscriptionDoor(world, 'apollo'),
    'subscription, Mercurius': (world) => subscriptionDoor(world, 'mercurius'),
  },
  WebSockets: {
    'socket.io, handshake': ioHandshakeDoor,
    'socket.io, message': ioMessageDoor,
    'ws, handshake': (world) => wsHandshakeDoor(world, 'client'),
    'ws, handshake of a browser': (world) => wsHandshakeDoor(world, 'browser'),
    'ws, first message': wsFirstMessageDoor,
    'ws, message': wsMessageDoor,
  },
  Microservices: {
    TCP: tcpDoor,
    Redis: redisDoor,
    gRPC: grpcDoor,
  },
};

async function cellsOf(name: string, open: (world: World) => Promise<Door>): Promise<Record<string, Cell>> {
  const world = await World.start();
  const door = await open(world);
  const cells: Record<string, Cell> = {};
  for (const each of CASES) cells[each.name] = await cellOf(door, world, each, name);
  await door.close();
  await world.close();
  return cells;
}

async function cellOf(door: Door, world: World, each: Case, name: string): Promise<Cell> {
  let timer: NodeJS.Timeout | undefined;
  const never = new Promise<never>((_, reject) => {
    const error = new Error(`${name}, ${each.name}: no answer within ${PATIENCE_MS} ms`);
    timer = setTimeout(() => reject(error), PATIENCE_MS);
  });
  try {
    return await Promise.race([never, world.credentialOf(each).then((sent) => door.ask(each.handler, sent))]);
  } finally {
    clearTimeout(timer);
  }
}

const groups: Record<string, Record<string, Record<string, Cell>>> = {};
for (const [group, doors] of Object.entries(DOORS)) {
  const filled = (groups[group] = {} as Record<string, Record<string, Cell>>);
  for (const [name, open] of Object.entries(doors)) filled[name] = await cellsOf(`${group} ${name}`, open);
}
process.stdout.write(JSON.stringify({ nest, groups }));
