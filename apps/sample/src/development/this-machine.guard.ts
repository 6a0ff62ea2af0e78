import { type CanActivate, type ExecutionContext, ForbiddenException, Injectable } from '@nestjs/common';

interface GuardedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

const loopbackAddress = /^(::ffff:)?127(\.\d{1,3}){3}$|^::1$/;
const loopbackHost = /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?$/;

/**
 * Lets in who sits at this machine and uses this app's own page or a command line. The development tools ask for no
 * credentials, so no other site may use them through somebody's browser: not by an address that leads here
 * (`Host`), nor by a request from elsewhere (`Origin`, `Sec-Fetch-Site`).
 */
@Injectable()
export class ThisMachineGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers, socket } = context.switchToHttp().getRequest<GuardedRequest>();
    const { host, origin, 'sec-fetch-site': site, forwarded, 'x-forwarded-for': forwardedFor } = headers;
    const isHere = loopbackAddress.test(socket.remoteAddress ?? '') && loopbackHost.test(String(host));
    const isOurs = origin === undefined || origin === `http://${String(host)}`;
    const isOwnSite = site === undefined || site === 'same-origin' || site === 'none';
    // Behind a proxy on this machine everybody would seem to sit here.
    const isDirect = forwarded === undefined && forwardedFor === undefined;
    if (isHere && isOurs && isOwnSite && isDirect) return true;
    throw new ForbiddenException();
  }
}
