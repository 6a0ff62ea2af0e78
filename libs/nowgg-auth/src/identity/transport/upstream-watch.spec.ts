import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it } from '@jest/globals';
import { NOWGG_CALL_CHANNEL, type NowggCallEvent } from '../../events/call-events.js';
import { NOWGG_STATE_CHANNEL, type NowggStateEvent } from '../../events/state-events.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { IdentityHttp, type IdentityHttpOutcome } from '../identity-http.js';
import { UpstreamWatch } from './upstream-watch.js';

const reply = (statusCode: number): IdentityHttpOutcome => ({
  status: 'reply',
  statusCode,
  json: {},
  body: new Uint8Array(7),
  retryAfterMs: undefined,
  drop: () => undefined,
});
const failure: IdentityHttpOutcome = { status: 'failed', sent: 'no', reason: 'network', code: 'ENOTFOUND' };
const request = {
  purpose: 'verify',
  method: 'POST',
  url: 'https://now.gg/canary-url',
  json: { token: 'canary-token' },
  signal: AbortSignal.timeout(60_000),
  idempotent: true,
} as const;

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
function heard<Event>(name: string): Event[] {
  const events: Event[] = [];
  const onEvent = (event: unknown) => void events.push(event as Event);
  subscribe(name, onEvent);
  ends.push(() => unsubscribe(name, onEvent));
  return events;
}

function world() {
  const clock = new ManualClock();
  let outcome: IdentityHttpOutcome = reply(200);
  class ScriptedHttp extends IdentityHttp {
    override async send(): Promise<IdentityHttpOutcome> {
      clock.advance(5);
      return outcome;
    }
  }
  const watch = new UpstreamWatch('nowgg', clock);
  const http = watch.over(new ScriptedHttp());
  ends.push(() => watch.close());
  const states = heard<NowggStateEvent>(NOWGG_STATE_CHANNEL);
  const send = async (next: IdentityHttpOutcome, times = 1) => {
    outcome = next;
    for (let i = 0; i < times; i += 1) await http.send(request);
  };
  const told = () => states.splice(0).map(({ state, detail }) => `${state} ${detail}`);
  return { clock, watch, send, told };
}

describe('the watch on an identity system', () => {
  it('publishes each call by kind, status and size, and nothing of its content', async () => {
    const { send } = world();
    const calls = heard<NowggCallEvent>(NOWGG_CALL_CHANNEL);
    await send(reply(200));
    await send(failure);
    expect(calls).toEqual([
      { provider: 'nowgg', operation: 'verify', status: '2xx', durationMs: 5, bytes: 7 },
      { provider: 'nowgg', operation: 'verify', status: 'none', cause: 'ENOTFOUND', durationMs: 5, bytes: 0 },
    ]);
    expect(JSON.stringify(calls)).not.toContain('canary');
  });

  it('tells of the first failure when there was no answer before, and of the first answer', async () => {
    const { send, told } = world();
    await send(failure);
    expect(told()).toEqual(['begun verify: ENOTFOUND']);
    await send(failure, 100);
    expect(told()).toEqual([]);
  });

  it('does not take one failure among answers for an outage, but three in a row', async () => {
    const { send, told } = world();
    for (let i = 0; i < 10; i += 1) {
      await send(reply(200));
      await send(reply(500), 2);
    }
    expect(told()).toEqual([]);
    await send(reply(503));
    expect(told()).toEqual(['begun verify: status 503']);
  });

  it('is over when most calls are answered again, not with one lucky answer', async () => {
    const { clock, watch, send, told } = world();
    await send(failure, 20);
    await send(reply(200));
    expect(told()).toEqual(['begun verify: ENOTFOUND']);
    expect(watch.read()).toEqual({ calls: 21, failed: 20, isUnavailable: true });
    await send(reply(401), 20);
    expect(told()).toEqual(['over verify: ENOTFOUND']);
    await send(failure, 3);
    expect(told()).toHaveLength(1);
    clock.advance(10_000);
    await send(reply(200));
    expect(told()).toHaveLength(1);
    expect(watch.read().isUnavailable).toBe(false);
  });

  it.each([200, 204, 400, 401, 404])('counts %s as an answer', async (status) => {
    const { send, told } = world();
    await send(reply(status), 5);
    expect(told()).toEqual([]);
  });

  it.each([301, 429, 500, 503])('counts %s as a failure', async (status) => {
    const { send, told } = world();
    await send(reply(status));
    expect(told()).toEqual([`begun verify: status ${status}`]);
  });
});
