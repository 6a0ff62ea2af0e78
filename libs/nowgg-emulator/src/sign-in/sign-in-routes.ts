import type { ControlRoute } from '../control/control-routes.js';
import { ControlRequestError, readFields } from '../control/control-fields.js';
import type { JsonObject } from '../endpoints/fields.js';
import type { EmulatorControls } from '../nowgg-emulator.js';
import type { Delivery, SignInRequest, SignInRules } from './sign-in-request.js';
import { readSignInRequest, SignInRequestError } from './sign-in-request.js';

/** The next step of the sign-in page. */
type SignInStep =
  | {
      readonly kind: 'message';
      readonly origin: string;
      readonly message: Readonly<Record<string, string | undefined>>;
    }
  | { readonly kind: 'redirect'; readonly to: string }
  | { readonly kind: 'show'; readonly code?: string };

/**
 * Control routes of the sign-in page. The page sends the query that it was opened with, and all decisions about the
 * query are made here: what the page shows and where a code goes cannot differ.
 */
export function signInRoutes(rules: SignInRules): ReadonlyMap<string, ControlRoute> {
  return new Map<string, ControlRoute>([
    ['POST /_control/sign-ins/describe', (controls, body) => describeOrRefuse(controls, body, rules)],
    [
      'POST /_control/sign-ins',
      (controls, body) => {
        const { request, userId } = readQuery(body, rules);
        if (userId === undefined) throw new ControlRequestError('userId is missing');
        const { clientId, scope } = request;
        return nextStep(request, { code: controls.issueCode({ userId, clientId, scope }) });
      },
    ],
    ['POST /_control/sign-ins/cancel', (_controls, body) => nextStep(readQuery(body, rules).request, undefined)],
  ]);
}

function readQuery(body: JsonObject, rules: SignInRules): { request: SignInRequest; userId: string | undefined } {
  const { query, userId } = readFields(body, { query: 'string', userId: 'string' });
  if (query === undefined) throw new ControlRequestError('query is missing');
  return { request: readSignInRequest(query, rules), userId };
}

/** Describes a sign-in, or returns the refusal, which the page shows. */
function describeOrRefuse(controls: EmulatorControls, body: JsonObject, rules: SignInRules) {
  try {
    return describe(readQuery(body, rules).request, controls);
  } catch (error) {
    if (error instanceof SignInRequestError) return { refusal: error.message };
    throw error;
  }
}

function describe({ clientId, delivery, loginHint }: SignInRequest, { players, bannedPlayers }: EmulatorControls) {
  const choices = players.map(({ userId, name, countryCode }) => {
    return { userId, name, countryCode, banned: bannedPlayers.includes(userId) };
  });
  return { clientId, kind: delivery.kind, to: routeToken(delivery), loginHint, players: choices };
}

function routeToken(delivery: Delivery): string | undefined {
  switch (delivery.kind) {
    case 'popup':
      return delivery.origin;
    case 'redirect':
      return new URL(delivery.redirectUri).origin;
    case 'copy':
      return undefined;
  }
}

/** @param issued undefined when the user has cancelled */
function nextStep({ delivery, state }: SignInRequest, issued: { code: string } | undefined): SignInStep {
  switch (delivery.kind) {
    case 'popup': {
      const type = issued ? 'nowgg-emulator:code' : 'nowgg-emulator:cancelled';
      return { kind: 'message', origin: delivery.origin, message: { type, ...issued, state } };
    }
    case 'redirect': {
      const to = new URL(delivery.redirectUri);
      const result = { ...(issued ?? { error: 'access_denied' }), ...(state !== undefined && { state }) };
      for (const name of ['code', 'error', 'state']) to.searchParams.delete(name);
      for (const [name, value] of Object.entries(result)) to.searchParams.append(name, value);
      return { kind: 'redirect', to: to.href };
    }
    case 'copy':
      return { kind: 'show', ...issued };
  }
}
