import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Inject,
  Param,
  Post,
  Req,
  type Type,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { NowggAccountService } from '../account/nowgg-account.service.js';
import {
  InformationUnavailableError,
  InvalidRequestError,
  InvalidTokenError,
  ReauthenticationRequiredError,
  SessionNotFoundError,
} from '../errors.js';
import { readCredential, requestSource } from '../http/credential.js';
import { NowggAuthExceptionFilter } from '../http/nowgg-auth.filter.js';
import { NowggAuthGuard } from '../http/nowgg-auth.guard.js';
import type { GuardedRequest } from '../http/transport.js';
import { NowggUser } from '../http/nowgg-user.decorator.js';
import { NowggAuth, Public } from '../http/policy/policy.decorators.js';
import type { NowggSessionInfo, NowggUserInfo } from '../identity/account-info.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import { NowggPrincipal } from '../principal.js';
import { NowggTokenService } from '../tokens/nowgg-token-service.js';
import { isForwarded } from '../verification/forwarded-callers.js';
import { RoutesBodyPipe, NowggLoginBody, NowggLogoutBody, NowggRefreshBody } from './routes.dto.js';
import { DEFAULT_ROUTES_PATH, type NowggRoutesOptions } from './routes-options.js';
import {
  type NowggEndedSessionsView,
  type NowggLoginView,
  type NowggRefreshView,
  type NowggSessionsView,
  type NowggUserView,
  sessionView,
  tokenView,
  userView,
} from './routes-views.js';

/** Minimum share of its life that a refreshed token has left, so that the front end does not return at once. */
const LEAST_LIFE_SHARE = 0.2;
const NO_STORE = ['Cache-Control', 'no-store'] as const;

const bodyPipe = new RoutesBodyPipe();

/** Creates the ready-made routes under a path: a class for each module instance, because a path belongs to a class. */
export function routesController({ path = DEFAULT_ROUTES_PATH, guards = [] }: NowggRoutesOptions): Type<unknown> {
  @UseFilters(NowggAuthExceptionFilter)
  @Controller(path)
  class NowggRoutesController {
    constructor(
      private readonly tokens: NowggTokenService,
      private readonly accounts: NowggAccountService,
      private readonly providers: IdentityProviders,
      @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedNowggAuthOptions,
    ) {}

    @Public()
    @UseGuards(...guards)
    @Post('login')
    @HttpCode(200)
    @Header(...NO_STORE)
    async login(
      @Body(bodyPipe) { code, provider, attemptId, ...device }: NowggLoginBody,
      @Req() request: GuardedRequest,
    ): Promise<NowggLoginView> {
      // The caller's mistake, not one of our configuration: no provider named among several, or an unknown one.
      const known = provider === undefined ? this.providers.only() : this.providers.find(provider);
      if (!known) throw new InvalidRequestError('the identity provider is unknown, or must be named');
      if (!known.acceptsBareCodes) throw new InvalidRequestError('sign in at this provider by its authorization flow');
      const source = requestSource(request, this.options.verification);
      const exchange = await this.tokens.exchangeCode(code, {
        provider: known.name,
        source,
        attemptId,
        proof: this.tokens.proofOf(request),
        ...this.tokens.deviceOf(request, device),
      });
      const { accessToken, session, principal, grant } = exchange;
      return { ...tokenView(accessToken), session, user: userView(principal), ...(grant.bound && { bound: true }) };
    }

    @Public()
    @UseGuards(...guards)
    @Post('refresh')
    @HttpCode(200)
    @Header(...NO_STORE)
    async refresh(
      @Body(bodyPipe) { session, generation, reread }: NowggRefreshBody,
      @Req() request: GuardedRequest,
    ): Promise<NowggRefreshView> {
      const opened = await this.tokens.openSession(session, { reread, proof: this.tokens.proofOf(request) });
      const minAgeMs = this.options.tokens?.forcedRefreshMs ?? 0;
      const accessToken =
        generation === undefined
          ? await this.tokens.getAccessToken(opened.grant.id, { minLifeShare: LEAST_LIFE_SHARE, minAgeMs })
          : await this.tokens.refresh(opened.grant.id, { ifGeneration: generation, minAgeMs });
      return { ...tokenView(accessToken), ...(opened.session !== session && { session: opened.session }) };
    }

    @Public()
    @UseGuards(...guards)
    @Post('logout')
    @HttpCode(204)
    @Header(...NO_STORE)
    async logout(@Body(bodyPipe) { session }: NowggLogoutBody, @Req() request: GuardedRequest): Promise<void> {
      try {
        await this.tokens.revokeSession(session, { proof: this.tokens.proofOf(request) });
      } catch (error) {
        // Signed out already, or never signed in: there is nothing to do.
        if (error instanceof ReauthenticationRequiredError) return;
        throw error;
      }
    }

    @UseGuards(NowggAuthGuard)
    @NowggAuth({})
    @Get('me')
    @Header(...NO_STORE)
    me(@NowggUser() principal: NowggPrincipal): NowggUserView {
      return userView(principal);
    }

    @UseGuards(...guards, NowggAuthGuard)
    @NowggAuth({})
    @Get('userinfo')
    @Header(...NO_STORE)
    userInfo(@Req() request: GuardedRequest, @NowggUser() principal: NowggPrincipal): Promise<NowggUserInfo> {
      const { provider, userId } = principal;
      return this.accounts.getUserInfo(this.#bearerToken(request, principal), { provider, userId });
    }

    @UseGuards(...guards, NowggAuthGuard)
    @NowggAuth({})
    @Get('sessioninfo')
    @Header(...NO_STORE)
    sessionInfo(@Req() request: GuardedRequest, @NowggUser() principal: NowggPrincipal): Promise<NowggSessionInfo> {
      const { provider, userId } = principal;
      return this.accounts.getSessionInfo(this.#bearerToken(request, principal), { provider, userId });
    }

    @UseGuards(...guards, NowggAuthGuard)
    @NowggAuth({})
    @Get('sessions')
    @Header(...NO_STORE)
    async sessions(@Req() request: GuardedRequest, @NowggUser() principal: NowggPrincipal): Promise<NowggSessionsView> {
      const { provider, userId } = principal;
      const token = isForwarded(principal) ? undefined : this.#bearerToken(request, principal);
      const sessions = await this.tokens.listSessions(userId, { provider, token });
      return { sessions: sessions.map(sessionView) };
    }

    @UseGuards(...guards, NowggAuthGuard)
    @NowggAuth({})
    @Delete('sessions/:id')
    @HttpCode(204)
    @Header(...NO_STORE)
    async endSession(@Param('id') id: string, @NowggUser() { provider, userId }: NowggPrincipal): Promise<void> {
      if (!(await this.tokens.endSession(userId, id, { provider }))) throw new SessionNotFoundError();
    }

    @UseGuards(...guards, NowggAuthGuard)
    @NowggAuth({})
    @Delete('sessions')
    @Header(...NO_STORE)
    async endOtherSessions(
      @Req() request: GuardedRequest,
      @NowggUser() principal: NowggPrincipal,
    ): Promise<NowggEndedSessionsView> {
      const { provider, userId } = principal;
      const token = this.#bearerToken(request, principal);
      return { ended: await this.tokens.endOtherSessions(userId, token, { provider }) };
    }

    /** The token that the guard has just accepted. A token beside a forwarded identity may be another caller's. */
    #bearerToken(request: GuardedRequest, principal: NowggPrincipal): string {
      if (isForwarded(principal)) throw new InformationUnavailableError();
      const credential = readCredential(request, this.options.credentials.extract);
      if (credential.outcome !== 'token') throw new InvalidTokenError('missing_token');
      return credential.token;
    }
  }
  return NowggRoutesController;
}
