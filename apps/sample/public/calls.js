import { NoSessionError, SessionUnavailableError } from '../client/index.js';
import { developmentHeaders } from './development.js';
import { alert, clearAlert, log } from './messages.js';
import { auth } from './session.js';

/** Why a call has no answer: `later` with the seconds to wait, `over` when the session is, `refused` with its reason. */
export class CallFailure {
  constructor(kind, details = {}) {
    this.kind = kind;
    Object.assign(this, details);
  }
}

const outage = 'now.gg cannot be asked at the moment. You stay signed in.';

/**
 * Calls a guarded route with the session's token. Says what is to be said, so that callers need not.
 * @returns what the route answered, or a `CallFailure`
 */
export async function call(method, path, { body, isQuiet = false } = {}) {
  const began = performance.now();
  const tellLog = (text, isGood) => {
    if (!isQuiet || !isGood) log(`${method} ${path} – ${text}`, isGood);
  };
  try {
    const headers = {
      ...(body && { 'content-type': 'application/json' }),
      ...(path.startsWith('/development/') && developmentHeaders()),
    };
    const response = await auth.fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const took = `${Math.round(performance.now() - began)} ms`;
    const answer = response.status === 204 ? undefined : await response.json().catch(() => undefined);
    tellLog(`${response.status}, ${took}${response.ok ? '' : `, ${reasonOf(answer)}`}`, response.ok);
    if (response.ok) return answer;
    if (response.status !== 503) return new CallFailure('refused', { reason: reasonOf(answer) });
    return unavailable(Number(response.headers.get('retry-after')));
  } catch (error) {
    if (error instanceof NoSessionError) return new CallFailure('over');
    const isKnown = error instanceof SessionUnavailableError;
    tellLog(isKnown ? 'no new token can be had now' : 'the backend cannot be reached', false);
    return unavailable(
      isKnown ? error.retryAfterSeconds : 2,
      isKnown ? outage : 'The backend cannot be reached. You stay signed in.',
    );
  }
}

function unavailable(seconds, text = outage) {
  alert(text);
  return new CallFailure('later', { seconds: Math.min(Math.max(seconds || 1, 1), 60) });
}

/** After a call that shows that all is well again. */
export function wellAgain() {
  clearAlert();
}

function reasonOf(answer) {
  return typeof answer?.errorCode === 'string' ? answer.errorCode : 'no reason given';
}
