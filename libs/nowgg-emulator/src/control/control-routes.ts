import type { EmulatedPlayer } from '../accounts/players.js';
import { inventPlayer } from '../accounts/players.js';
import type { JsonObject } from '../endpoints/fields.js';
import type { Fault } from '../faults/fault.js';
import type { EmulatorControls } from '../nowgg-emulator.js';
import type { RefreshTokenRotation } from '../options.js';
import { ControlRequestError, hasShapeOf, readFields } from './control-fields.js';

/** One operation of the control interface; its result is sent as JSON. */
export type ControlRoute = (controls: EmulatorControls, body: JsonObject) => unknown;

const issueFields = { userId: 'string', clientId: 'string', scope: 'string' } as const;
const done = (_nothing: void) => ({ done: true });

/** All operations, by method and path. */
export const controlRoutes: ReadonlyMap<string, ControlRoute> = new Map<string, ControlRoute>([
  ['GET /_control/health', () => ({ status: 'ok' })],

  ['GET /_control/players', (controls) => ({ players: controls.players })],
  ['POST /_control/players', (controls, body) => controls.addPlayer(readPlayer(body))],

  [
    'POST /_control/codes',
    (controls, body) => ({ code: controls.issueCode(readFields(body, { ...issueFields, code: 'string' })) }),
  ],
  [
    'POST /_control/tokens',
    (controls, body) => controls.issueTokens(readFields(body, { ...issueFields, lifetimeSeconds: 'number' })),
  ],
  [
    'POST /_control/id-tokens',
    (controls, body) => ({
      id_token: controls.issueIdToken(
        readFields(body, { userId: 'string', clientId: 'string', authTime: 'number', lifetimeSeconds: 'number' }),
      ),
    }),
  ],
  ['POST /_control/revoke', revoke],
  ['GET /_control/issued', (controls) => ({ issued: controls.issued })],
  ['POST /_control/ban', ban],

  ['GET /_control/clock', (controls) => ({ now: controls.now() })],
  ['POST /_control/clock', moveClock],

  ['GET /_control/token-life', (controls) => ({ seconds: controls.tokenLifetimeSeconds })],
  ['POST /_control/token-life', setTokenLife],

  ['GET /_control/rotation', (controls) => ({ rotation: controls.refreshTokenRotation })],
  ['POST /_control/rotation', setRotation],
  ['POST /_control/client-secret', setClientSecret],

  ['GET /_control/faults', (controls) => ({ faults: controls.faults })],
  ['POST /_control/faults', setFault],
  ['POST /_control/faults/release', (controls) => done(controls.releaseHeld())],
  ['POST /_control/faults/remove', (controls, body) => ({ removed: controls.clearFault(body as unknown as Fault) })],
  ['DELETE /_control/faults', (controls) => done(controls.clearFaults())],

  ['GET /_control/requests', (controls) => ({ count: controls.requestCount(), requests: controls.requests })],
  ['POST /_control/reset', (controls) => done(controls.reset())],
]);

function readPlayer(body: JsonObject): Partial<EmulatedPlayer> {
  const sample = inventPlayer();
  const { device } = sample.deviceData;
  // The brand and the model may both be numbers.
  const withNumbers = { ...sample.deviceData, device: { ...device, brand: 1, model: 1 } };
  const shapes = [sample, { ...sample, deviceData: withNumbers }];
  for (const [name, value] of Object.entries(body)) {
    if (!Object.hasOwn(sample, name))
      throw new ControlRequestError(`unknown field ${JSON.stringify(name.slice(0, 40))}`);
    if (!shapes.some((shape) => hasShapeOf(value, shape[name as keyof EmulatedPlayer])) || value === '')
      throw new ControlRequestError(`${name} does not have the form that players have`);
  }
  return body;
}

function revoke(controls: EmulatorControls, body: JsonObject) {
  const what = readFields(body, {
    token: 'string',
    refreshToken: 'string',
    sessionId: 'string',
    userId: 'string',
    issuedId: 'string',
  });
  if (Object.keys(what).length !== 1)
    throw new ControlRequestError('name exactly one of token, refreshToken, sessionId, userId, issuedId');
  const { token, refreshToken, sessionId, userId, issuedId } = what;
  if (token !== undefined) return { revoked: controls.revokeToken(token) };
  if (refreshToken !== undefined) return { revoked: controls.revokeRefreshToken(refreshToken) };
  if (sessionId !== undefined) return { revoked: controls.revokeSession(sessionId) };
  if (issuedId !== undefined) return { revoked: controls.revokeIssued(issuedId) };
  return { revoked: userId !== undefined && controls.revokePlayer(userId) };
}

function ban(controls: EmulatorControls, body: JsonObject) {
  const { userId, banned = true } = readFields(body, { userId: 'string', banned: 'boolean' });
  if (userId === undefined) throw new ControlRequestError('userId is missing');
  return { done: controls.setBanned(userId, banned) };
}

function setTokenLife(controls: EmulatorControls, body: JsonObject) {
  const { seconds } = readFields(body, { seconds: 'number' });
  if (seconds === undefined) throw new ControlRequestError('seconds is missing');
  controls.setTokenLifetime(seconds);
  return { seconds: controls.tokenLifetimeSeconds };
}

function setRotation(controls: EmulatorControls, body: JsonObject) {
  const { rotation = '' } = readFields(body, { rotation: 'string' });
  controls.setRefreshTokenRotation(rotation as RefreshTokenRotation);
  return { rotation: controls.refreshTokenRotation };
}

function setClientSecret(controls: EmulatorControls, body: JsonObject) {
  const { clientId = '', clientSecret = '' } = readFields(body, { clientId: 'string', clientSecret: 'string' });
  return { done: controls.setClientSecret(clientId, clientSecret) };
}

function moveClock(controls: EmulatorControls, body: JsonObject) {
  const { advanceMs, epochMs, frozen } = readFields(body, {
    advanceMs: 'number',
    epochMs: 'number',
    frozen: 'boolean',
  });
  if (epochMs !== undefined) controls.setClock(epochMs, { frozen });
  else if (frozen !== undefined) controls.setClock(controls.now(), { frozen });
  if (advanceMs !== undefined) controls.advanceClock(advanceMs);
  return { now: controls.now() };
}

function setFault(controls: EmulatorControls, body: JsonObject) {
  controls.setFault(body as unknown as Fault);
  return { faults: controls.faults };
}
