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
import { NowggAuthExceptionFilter } from '../../http/nowgg-auth.filter.js';
import { Public } from '../../http/policy.decorators.js';
import { DEFAULT_ROUTES_PATH, type NowggRoutesOptions } from '../../routes/routes-options.js';
import { type NowggLoginView, tokenView, userView } from '../../routes/routes-views.js';
import { NowggAuthorizationService } from './authorization-service.js';

/** Answer of `GET :provider/callback`: as that of `POST login`. */
export interface NowggSignInView extends NowggLoginView {
  /** The path that the sign-in was begun with. */
  readonly returnTo?: string;
}

/** What both platforms' requests have. */
interface CallbackRequest {
  readonly url: string;
  /** What Express keeps when a router rewrites {@link url}. */
  readonly originalUrl?: string;
  readonly headers: { readonly cookie?: string | undefined };
}

/** What both platforms' replies have. */
interface HeaderSink {
  header(name: string, value: string): unknown;
  status(code: number): HeaderSink;
}

/** The routes of the authorization flow under a path. A class for each module, because a path belongs to a class. */
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
      @Query('returnTo') returnTo: string | undefined,
      @Res({ passthrough: true }) reply: HeaderSink,
    ): Promise<void> {
      this.#find(provider);
      const options = returnTo === undefined ? {} : { returnTo };
      const { url, cookie } = await this.authorization.authorizationUrl(provider, options);
      reply.header('Set-Cookie', cookie.header);
      reply.header('Cache-Control', 'no-store');
      reply.header('Location', url);
      reply.status(302);
    }

    @Get(':provider/callback')
    async callback(
      @Param('provider') provider: string,
      @Req() request: CallbackRequest,
      @Res({ passthrough: true }) reply: HeaderSink,
    ): Promise<NowggSignInView> {
      this.#find(provider);
      const { originalUrl, url, headers } = request;
      reply.header('Cache-Control', 'no-store');
      // The address has a code in it: it goes to no other site.
      reply.header('Referrer-Policy', 'no-referrer');
      const signIn = await this.authorization.callback(provider, { url: originalUrl ?? url, cookie: headers.cookie });
      reply.header('Set-Cookie', signIn.cookie.header);
      const { accessToken, session, principal, returnTo } = signIn;
      const view = { ...tokenView(accessToken), session, user: userView(principal) };
      return { ...view, ...(returnTo !== undefined && { returnTo }) };
    }

    /** A name in an address is no configuration: an unknown one is a page that does not exist. */
    #find(provider: string): void {
      if (!this.authorization.serves(provider)) throw new NotFoundException();
    }
  }
  return NowggAuthorizationController;
}
