import { channel } from 'node:diagnostics_channel';

/** Something that an operator should look at. Carries no token, secret or player data. */
export interface NowggSecurityEvent {
  readonly type: /** The identity system refuses so uniformly that our own client id or secret is in doubt. */
    | 'own_credentials_suspect'
    /** The identity system's certificate is not good for its host. */
    | 'tls_failure'
    /** A reply spoke of another token than the one that was sent; its connection was closed. */
    | 'mismatched_reply';
  /** Name of the identity provider. */
  readonly provider: string;
}

/** Name of the `node:diagnostics_channel` on which {@link NowggSecurityEvent} objects are published. */
export const NOWGG_SECURITY_CHANNEL = 'nestjs-nowgg-auth:security';

const securityChannel = channel(NOWGG_SECURITY_CHANNEL);

export function publishSecurityEvent(event: NowggSecurityEvent): void {
  if (securityChannel.hasSubscribers) securityChannel.publish(event);
}
