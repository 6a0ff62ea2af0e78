import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { NOWGG_SECURITY_CHANNEL } from '../events/security-events.js';
import { NOWGG_TOKEN_CHANNEL, NOWGG_TOKEN_READ_CHANNEL } from '../tokens/events/token-events.js';
import { NOWGG_VERIFICATION_CHANNEL } from '../verification/verification-events.js';

const CHANNELS = [
  NOWGG_SECURITY_CHANNEL,
  NOWGG_TOKEN_CHANNEL,
  NOWGG_TOKEN_READ_CHANNEL,
  NOWGG_VERIFICATION_CHANNEL,
] as const;
const CONSOLE_METHODS = ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const;

/** Receives a text and the place where it came out, such as `stdout`. */
export type OutputListener = (place: string, text: string) => void;

type Methods = Record<string, (...args: unknown[]) => unknown>;

/**
 * Listens to the output of this process: stdout, stderr, the console and the module's events. The output still goes
 * where it went.
 *
 * @returns a function that stops listening
 */
export function tapOutput(listen: OutputListener): () => void {
  const stops = [
    tapMethod(process.stdout, 'write', ([chunk]) => listen('stdout', textOf(chunk))),
    tapMethod(process.stderr, 'write', ([chunk]) => listen('stderr', textOf(chunk))),
    ...CONSOLE_METHODS.map((name) => tapMethod(console, name, (args) => listen('console', args.map(textOf).join(' ')))),
    ...CHANNELS.map((name) => tapChannel(name, (event) => listen(`event on ${name}`, textOf(event)))),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function tapMethod(target: object, name: string, onCall: (args: unknown[]) => void): () => void {
  const methods = target as Methods;
  const original = methods[name];
  if (original === undefined) return () => undefined;
  methods[name] = (...args) => {
    onCall(args);
    return original.apply(target, args);
  };
  return () => {
    methods[name] = original;
  };
}

function tapChannel(name: string, onMessage: (message: unknown) => void): () => void {
  const listener = (message: unknown) => onMessage(message);
  subscribe(name, listener);
  return () => void unsubscribe(name, listener);
}

/** Everything that a value would show in a log: hidden fields, causes and symbols included. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  return inspect(value, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null });
}
