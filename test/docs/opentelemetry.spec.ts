import * as diagnostics from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as library from 'nestjs-nowgg-auth';
import ts from 'typescript';
import { codeBlocks, documents } from './markdown.js';

type Attributes = Record<string, string>;
type Observe = (meter: object, tracer: object) => () => void;

interface Recorded {
  readonly metric: string;
  readonly value: number;
  readonly attributes: Attributes;
}

/** The recipe as it stands in the document. */
function recipe(): Observe {
  const document = documents().find(({ file }) => file === 'docs/verification.md');
  const block = document && codeBlocks(document).find(({ code }) => code.includes('observeNowggAuth(meter'));
  if (!block) throw new Error('docs/verification.md has no recipe for OpenTelemetry');
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(block.code, { compilerOptions });
  const modules: Record<string, object> = { 'node:diagnostics_channel': diagnostics, 'nestjs-nowgg-auth': library };
  const exports: { observeNowggAuth?: Observe } = {};
  // oxlint-disable-next-line no-implied-eval -- the code is the document's own
  new Function('require', 'exports', outputText)((name: string) => modules[name], exports);
  return exports.observeNowggAuth as Observe;
}

let metrics: Recorded[];
let spans: { readonly name: string; readonly ms: number; readonly attributes: Attributes }[];
let stop: () => void;

const instrument = (metric: string) => {
  const record = (value: number, attributes: Attributes) => metrics.push({ metric, value, attributes });
  return { add: record, record };
};
const meter = { createCounter: instrument, createHistogram: instrument };
const tracer = {
  startSpan: (name: string, { startTime, attributes }: { startTime: number; attributes: Attributes }) => ({
    end: (endTime: number) => spans.push({ name, ms: endTime - startTime, attributes }),
  }),
};
const publish = (name: string, message: object) => diagnostics.channel(name).publish(message);
const verification = (event: object) =>
  publish(library.NOWGG_VERIFICATION_CHANNEL, { provider: 'nowgg', fingerprint: '0a1b2c3d', ...event });

beforeEach(() => {
  metrics = [];
  spans = [];
  stop = recipe()(meter, tracer);
});
afterEach(() => stop());

describe('the recipe for OpenTelemetry', () => {
  it('counts a hit and draws no span for it', () => {
    verification({ outcome: 'valid', source: 'hit', latencyMs: 0 });
    const attributes = { outcome: 'valid', source: 'hit', provider: 'nowgg' };
    expect(metrics).toEqual([{ metric: 'nowgg.verifications', value: 1, attributes }]);
    expect(spans).toEqual([]);
  });

  it('counts and times a question and draws its span, with the fingerprint there alone', () => {
    verification({ outcome: 'unknown', reason: 'timeout', source: 'miss', latencyMs: 40 });
    const attributes = { outcome: 'unknown', reason: 'timeout', source: 'miss', provider: 'nowgg' };
    expect(metrics).toEqual([
      { metric: 'nowgg.verifications', value: 1, attributes },
      { metric: 'nowgg.verification.duration', value: 40, attributes },
    ]);
    expect(spans).toEqual([{ name: 'nowgg.verify', ms: 40, attributes: { ...attributes, fingerprint: '0a1b2c3d' } }]);
  });

  it('counts security events and refreshes by what they are', () => {
    publish(library.NOWGG_SECURITY_CHANNEL, { type: 'own_credentials_suspect', provider: 'nowgg' });
    publish(library.NOWGG_TOKEN_CHANNEL, { type: 'refresh', outcome: 'refreshed' });
    expect(metrics).toEqual([
      { metric: 'nowgg.security_events', value: 1, attributes: { type: 'own_credentials_suspect', provider: 'nowgg' } },
      { metric: 'nowgg.token_events', value: 1, attributes: { type: 'refresh', outcome: 'refreshed' } },
    ]);
  });

  it('hears nothing after it was ended', () => {
    stop();
    verification({ outcome: 'valid', source: 'hit', latencyMs: 0 });
    expect(metrics).toEqual([]);
  });
});
