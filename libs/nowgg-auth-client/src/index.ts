export type { Fetch } from './backend.js';
export type { SessionClock } from './clock.js';
export {
  NoSessionError,
  RedirectRefusedError,
  type RefusalDetails,
  RequestRefusedError,
  SessionClientError,
  SessionUnavailableError,
} from './errors.js';
export type { KeyBinding, SessionClientOptions } from './options.js';
export type { SignInUrlOptions } from './page-sign-in.js';
export {
  type AdoptedSession,
  type CallOptions,
  configure,
  type LoginOptions,
  type LogoutOptions,
  type PlayerSession,
  type SessionClient,
  type SessionUser,
} from './session-client.js';
export type { SessionState, SessionStateChangeReason, SessionStateListener } from './session-keeper.js';
export type { SessionStorageAdapter } from './browser.js';
