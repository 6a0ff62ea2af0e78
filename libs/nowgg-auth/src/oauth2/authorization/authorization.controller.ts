import {
  Controller,
  Get,
  NotFoundException,
  Param,
  Query,
  Req,
  Res,
  type Type,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { InvalidRequestError } from '../../errors.js';
import { NowggAuthExceptionFilter } from '../../http/nowgg-auth.filter.js';
import { Public } from '../../http/policy/policy.decorators.js';
import { DEFAULT_ROUTES_PATH, type NowggRoutesOptions } from '../../routes/routes-options.js';
import { type NowggLoginView, tokenView, userView } from '../../routes/routes-views.js';
import { isPrompt } from './authorization-request.js';
import { NowggAuthorizationService } from './authorization-service.js';
import { continuePage, pageHeaders } from './continue-page.js';
import type { AuthorizationStartRequest } from './start-origin.js';

/** Response of `GET :provider/callback`, like that of `POST login`. */
export interface NowggSignInView extends NowggLoginView {
  /** The address that the sign-in was started with. */
  readonly returnTo?: string;
}

/** The common part of the requests of both platforms. */
interface FlowRequest extends AuthorizationStartRequest {
  readonly url: string;
  /** The original address, which Express keeps when a router rewrites {@link url}. */
  readonly originalUrl?: string;
}

/** The common part of the replies of both platforms. */
interface HeaderSink {
  header(name: string, value: string | string[]): unknown;
  status(code: number): HeaderSink;
}

/** Creates the routes of the authorization flow: one class for each module, because a path belongs to a class. */
export function authorizationController({
  path = DEFAULT_ROUTES_PATH,
  guards = [],
}: NowggRoutesOptions = {}): Type<unknown> {
  @Public()
  @UseFilters(NowggAuthExceptionFilter)
  @UseGuards(...guards)
  @Controller(path)
  class NowggAuthorizationController {
    constructor(private readonly authorization: NowggAuthorizationService) {}

    @Get(':provider/authorize')
    async authorize(
      @Param('provider') provider: string,
      @Query('returnTo') returnTo: unknown,
      @Query('prompt') prompt: unknown,
      @Req() request: FlowRequest,
      @Res({ passthrough: true }) reply: HeaderSink,
    ): Promise<string> {
      this.#find(provider);
      const isAllowed = returnTo === undefined || this.authorization.mayReturnTo(returnTo);
      if (!isAllowed) throw new InvalidRequestError('returnTo is not an allowed address');
      if (prompt !== undefined && !isPrompt(prompt)) throw new InvalidRequestError('prompt is not valid');
      const parameters = { ...(returnTo !== undefined && { returnTo }), ...(prompt !== undefined && { prompt }) };
      setAll(reply, pageHeaders('same-origin'));
      if (this.authorization.needsConfirmation(provider, request)) {
        reply.header('Content-Type', 'text/html; charset=utf-8');
        return continuePage(parameters);
      }
      const { url, cookies } = await this.authorization.authorizationUrl(provider, { request, ...parameters });
      reply.header(
        'Set-Cookie',
        cookies.map(({ header }) => header),
      );
      reply.header('Location', url);
      reply.status(302);
      return '';
    }

    @Get(':provider/callback')
    async callback(
      @Param('provider') provider: string,
      @Req() request: FlowRequest,
      @Res({ passthrough: true }) reply: HeaderSink,
    ): Promise<NowggSignInView> {
      setAll(reply, pageHeaders('no-referrer'));
      this.#find(provider);
      const { originalUrl, url, headers } = request;
      const signIn = await this.authorization.callback(provider, { url: originalUrl ?? url, cookie: headers.cookie });
      reply.header('Set-Cookie', signIn.cookie.header);
      const { accessToken, session, principal, returnTo } = signIn;
      const view = { ...tokenView(accessToken), session, user: userView(principal) };
      return { ...view, ...(returnTo !== undefined && { returnTo }) };
    }

    /** An unknown name in an address is not a configuration fault: the page does not exist. */
    #find(provider: string): void {
      if (!this.authorization.serves(provider)) throw new NotFoundException();
    }
  }
  return NowggAuthorizationController;
}

function setAll(reply: HeaderSink, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
}
