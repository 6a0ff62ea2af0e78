import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import { type NowggSecurityEvent, type NowggSecurityEventType, watchSecurityEvents } from './security-events.js';

/** Minimum time between two lines of one kind, in milliseconds. */
const QUIET_MS = 60_000;

/** The meaning of each event, as the log states it. */
const MEANINGS: Readonly<Record<NowggSecurityEventType, string>> = {
  own_credentials_suspect: 'the identity system refuses so uniformly that our client id or secret is in doubt',
  tls_failure: 'the certificate of the identity system is not valid for its host',
  mismatched_reply: 'a reply described another token than the one that was sent',
  introspection_without_token_type: 'an introspection answer does not say what kind of token it describes',
  two_credentials: 'a request carried two credentials',
  foreign_session_handle: 'a session handle was not made by this application',
  grant_of_another_client:
    'a stored session belongs to another client: check clientId and baseUrl (or issuer), or settle such grants with ' +
    'nestjs-nowgg-auth vault adopt or vault end',
  forwarded_identity_refused: 'headers of forwarded authentication were not believed',
  foreign_callback: 'an authorization callback does not belong to a sign-in of this browser',
  foreign_handoff: 'a finished sign-in was asked for by a page that did not begin it',
  banned: 'a ban was set',
  revoked: 'everything issued so far was revoked',
  restored: 'a revocation was lifted',
  revocations_unread: 'revocations could not be read for ten seconds, so newer bans are not seen',
  signed_out: 'a grant was ended',
  relabelled_row: 'a stored grant does not carry the labels that its tokens were encrypted for',
  restored_row: 'a stored grant is older than this process has seen it',
  refused_key: 'an encryption key is weak',
  foreign_tokens_refreshed: 'a refresh brought tokens of another user or client',
  issued_in_the_future: 'a token was issued in the future',
  misconfigured_provider: 'the options of the identity provider do not fit the identity system',
  foreign_endpoint: 'metadata of the identity system names a host that is not configured',
};
/** Actions of the application: logged without a warning. */
const ROUTINE = new Set<NowggSecurityEventType>(['banned', 'revoked', 'restored', 'signed_out']);

/** The time of the last line about one kind of event, and the number of events without a line since. */
interface Kind {
  saidAtMs: number;
  suppressed: number;
}

/**
 * Writes security events to the log under the context `NowggAuth`: at most one line per minute and kind, each with the
 * number of events without a line. Applications that need every event subscribe to `NOWGG_SECURITY_CHANNEL`.
 */
export class SecurityLog implements OnModuleInit, OnApplicationShutdown {
  readonly #clock: NowggClock;
  readonly #logger: Pick<Logger, 'log' | 'warn'>;
  readonly #kinds = new Map<string, Kind>();
  #end: (() => void) | undefined;

  constructor(clock: NowggClock, logger: Pick<Logger, 'log' | 'warn'> = new Logger('NowggAuth')) {
    this.#clock = clock;
    this.#logger = logger;
  }

  onModuleInit(): void {
    this.#end ??= watchSecurityEvents((event) => this.#note(event));
  }

  onApplicationShutdown(): void {
    this.#end?.();
    this.#end = undefined;
  }

  #note(event: NowggSecurityEvent): void {
    const { type, provider } = event;
    // Providers come from the configuration, and these details are fixed texts, so there are few kinds.
    const key = type === 'misconfigured_provider' ? `${type} ${provider} ${event.detail}` : `${type} ${provider}`;
    const kind = this.#kinds.get(key);
    const now = this.#clock.monotonicNow();
    if (kind && now - kind.saidAtMs < QUIET_MS) {
      kind.suppressed += 1;
      return;
    }
    this.#kinds.set(key, { saidAtMs: now, suppressed: 0 });
    const line = lineOf(event, kind?.suppressed ?? 0);
    if (ROUTINE.has(type)) this.#logger.log(line);
    else this.#logger.warn(line);
  }
}

function lineOf({ type, provider, detail }: NowggSecurityEvent, suppressed: number): string {
  const about = [
    ...(provider === undefined ? [] : [`provider ${provider}`]),
    ...(detail === undefined ? [] : [detail]),
  ];
  const more = suppressed === 0 ? '' : ` (and ${suppressed} more since the last line)`;
  return `${type}: ${MEANINGS[type]}${about.length === 0 ? '' : ` [${about.join(', ')}]`}${more}`;
}
