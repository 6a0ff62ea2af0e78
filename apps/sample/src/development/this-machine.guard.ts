import { type CanActivate, type ExecutionContext, ForbiddenException, Inject, Injectable } from '@nestjs/common';
import { DevelopmentControls } from './development-controls.js';

interface GuardedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

const loopbackAddress = /^(::ffff:)?127(\.\d{1,3}){3}$|^::1$/;
const loopbackHost = /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?$/;

/**
 * Lets in the person at this machine who uses this app's own page or a command line: the request carries the key that
 * was printed at the start (`X-Development-Key`). A proxy on this machine looks like that person, but does not have the
 * key. In addition, no other site may use the tools through a browser that has the key: neither by an address that
 * leads here (`Host`), nor by a request from another site (`Origin`, `Sec-Fetch-Site`).
 */
@Injectable()
export class ThisMachineGuard implements CanActivate {
  readonly #controls: Pick<DevelopmentControls, 'isKey'>;

  constructor(@Inject(DevelopmentControls) controls: Pick<DevelopmentControls, 'isKey'>) {
    this.#controls = controls;
  }

  canActivate(context: ExecutionContext): boolean {
    const { headers, socket } = context.switchToHttp().getRequest<GuardedRequest>();
    const { host, origin, 'sec-fetch-site': site, forwarded, 'x-forwarded-for': forwardedFor } = headers;
    const isHere = loopbackAddress.test(socket.remoteAddress ?? '') && loopbackHost.test(String(host));
    const isOurs = origin === undefined || origin === `http://${String(host)}`;
    const isOwnSite = site === undefined || site === 'same-origin' || site === 'none';
    const isDirect = forwarded === undefined && forwardedFor === undefined;
    const hasKey = this.#controls.isKey(headers['x-development-key']);
    if (isHere && isOurs && isOwnSite && isDirect && hasKey) return true;
    throw new ForbiddenException();
  }
}
