import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PasswordGate } from './password-gate.js';

const startup = (version = 196_608) => {
  const body = Buffer.from('user\0postgres\0database\0postgres\0\0');
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length);
  head.writeInt32BE(version, 4);
  return Buffer.concat([head, body]);
};
const password = (text: string, type = 'p') => {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(5 + Buffer.byteLength(text), 1);
  return Buffer.concat([head, Buffer.from(`${text}\0`)]);
};
const encryption = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

let folder: string;
let database: Server;
let gate: PasswordGate;
/** What has reached the database. */
let reached: Buffer[];

beforeEach(async () => {
  reached = [];
  folder = await mkdtemp(path.join(tmpdir(), 'nowgg-gate-'));
  database = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      reached.push(data);
      socket.write('from the database');
    });
  });
  database.listen(path.join(folder, 'socket'));
  await once(database, 'listening');
  gate = await PasswordGate.open(path.join(folder, 'socket'), 'secret');
});
afterEach(async () => {
  await gate.close();
  database.close();
  await rm(folder, { recursive: true });
});

/** Sends these, each after an answer, or all at once. @returns what was answered until the connection ended, or the database spoke */
async function talk(parts: readonly Buffer[], atOnce = false): Promise<string> {
  const socket = connect(gate.port, '127.0.0.1');
  const rest = atOnce ? [Buffer.concat(parts)] : [...parts];
  let answers = '';
  socket.on('error', () => undefined);
  socket.write(rest.shift() ?? '');
  socket.on('data', (data) => {
    answers += data.toString('latin1');
    const next = rest.shift();
    if (next) socket.write(next);
    else if (answers.includes('from the database')) socket.destroy();
  });
  await once(socket, 'close');
  return answers;
}

describe('the gate before the embedded database', () => {
  it.each([false, true])('passes a client on that knows the password; all at once: %s', async (atOnce) => {
    expect(await talk([startup(), password('secret')], atOnce)).toContain('from the database');
    expect(Buffer.concat(reached)).toEqual(startup());
  });

  it('refuses encryption and goes on', async () => {
    expect(await talk([encryption, startup(), password('secret')])).toMatch(/^N.*from the database$/s);
  });

  it.each([
    ['another password', [startup(), password('Secret')]],
    ['no password', [startup(), password('')]],
    ['another message in its place', [startup(), password('secret', 'Q')]],
  ])('refuses %s, and nothing reaches the database', async (_, parts) => {
    const answer = await talk(parts);
    const fields = 'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0';
    expect(answer.slice(9)).toBe(`E\0\0\0${String.fromCharCode(4 + fields.length)}${fields}`);
    expect(reached).toEqual([]);
  });

  it.each([
    ['a cancellation', [startup(80_877_102)]],
    ['another protocol', [startup(131_072)]],
    ['a message without an end', [Buffer.from([127, 0, 0, 0])]],
    ['a message of no length', [Buffer.from([0, 0, 0, 0])]],
    ['HTTP', [Buffer.from('GET / HTTP/1.1\r\n\r\n')]],
  ])('hangs up on %s', async (_, parts) => {
    await talk(parts);
    expect(reached).toEqual([]);
  });
});
