import {
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  NotFoundException,
  Param,
  Post,
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
import { NowggHandoffBody, RoutesBodyPipe } from '../../routes/routes.dto.js';
import { DEFAULT_ROUTES_PATH, type NowggRoutesOptions } from '../../routes/routes-options.js';
import { type NowggLoginView, tokenView, userView } from '../../routes/routes-views.js';
import { proofOfRequest } from '../../tokens/session/presented-proof.js';
import { isPrompt } from './authorization-request.js';
import { NowggAuthorizationService, type SignIn } from './authorization-service.js';
import { isChallenge } from './handoff.js';
import { continuePage, pageHeaders } from './continue-page.js';
import type { AuthorizationStartRequest } from './start-origin.js';

/** Response of `GET :provider/callback` for a sign-in without a challenge, like that of `POST login`. */
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

const bodyPipe = new RoutesBodyPipe();

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
      @Query('challenge') challenge: unknown,
      @Req() request: FlowRequest,
      @Res({ passthrough: true }) reply: HeaderSink,
    ): Promise<string> {
      this.#find(provider);
      const isAllowed = returnTo === undefined || this.authorization.mayReturnTo(returnTo);
      if (!isAllowed) throw new InvalidRequestError('returnTo is not an allowed address');
      if (prompt !== undefined && !isPrompt(prompt)) throw new InvalidRequestError('prompt is not valid');
      if (challenge !== undefined && !isChallenge(challenge)) throw new InvalidRequestError('challenge is not valid');
      const parameters = {
        ...(returnTo !== undefined && { returnTo }),
        ...(prompt !== undefined && { prompt }),
        ...(challenge !== undefined && { challenge }),
      };
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
      return redirect(reply, url);
    }

    @Get(':provider/callback')
    async callback(
      @Param('provider') provider: string,
      @Req() request: FlowRequest,
      @Res({ passthrough: true }) reply: HeaderSink,
    ): Promise<NowggSignInView | string> {
      setAll(reply, pageHeaders('no-referrer'));
      this.#find(provider);
      const callback = { url: request.originalUrl ?? request.url, cookie: request.headers.cookie, from: request };
      let signIn: SignIn;
      try {
        signIn = await this.authorization.callback(provider, callback);
      } catch (error) {
        const page = this.authorization.refusalLocation(provider, callback, error);
        if (page === undefined) throw error;
        return redirect(reply, page);
      }
      reply.header('Set-Cookie', signIn.cookie.header);
      if (signIn.location !== undefined) return redirect(reply, signIn.location);
      const { accessToken, session, principal, returnTo } = signIn;
      const view = { ...tokenView(accessToken), session, user: userView(principal) };
      return { ...view, ...(returnTo !== undefined && { returnTo }) };
    }

    @Post('handoff')
    @HttpCode(200)
    @Header('Cache-Control', 'no-store')
    async handoff(
      @Body(bodyPipe) { handoff, verifier }: NowggHandoffBody,
      @Req() request: FlowRequest,
    ): Promise<NowggLoginView> {
      const redeemed = await this.authorization.redeemHandoff(handoff, verifier, { proof: proofOfRequest(request) });
      const { accessToken, session, principal, grant } = redeemed;
      return { ...tokenView(accessToken), session, user: userView(principal), ...(grant.bound && { bound: true }) };
    }

    /** An unknown name in an address is not a configuration fault: the page does not exist. */
    #find(provider: string): void {
      if (!this.authorization.serves(provider)) throw new NotFoundException();
    }
  }
  return NowggAuthorizationController;
}

function redirect(reply: HeaderSink, location: string): string {
  reply.header('Location', location);
  reply.status(302);
  return '';
}

function setAll(reply: HeaderSink, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
}
