/**
 * What `@NowggUser` lets through and what it refuses. Compiled by a test that takes each marker away and demands the
 * error that it names.
 */
import { Controller, Get, ParseIntPipe, type PipeTransform, UseGuards } from '@nestjs/common';
import { NowggAuthGuard, NowggPrincipal, NowggUser, type TokenType } from 'nestjs-nowgg-auth';

class Player {
  constructor(readonly label: string) {}
}
class LoadPlayer implements PipeTransform<NowggPrincipal, Promise<Player>> {
  async transform(principal: NowggPrincipal): Promise<Player> {
    return new Player(principal.userId);
  }
}

@UseGuards(NowggAuthGuard)
@Controller()
export class Accepted {
  @Get() principal(@NowggUser() user: NowggPrincipal) {
    return user;
  }
  @Get() optionalPrincipal(@NowggUser() user?: NowggPrincipal) {
    return user;
  }
  @Get() wider(@NowggUser() user: unknown, @NowggUser('claims') claims: object) {
    return [user, claims];
  }
  @Get() fields(
    @NowggUser('userId') id: string,
    @NowggUser('tokenType') tokenType: TokenType,
    @NowggUser('scopes') scopes: readonly string[],
    @NowggUser('email') email?: string,
    @NowggUser('expiresAt') expiresAt?: Date,
  ) {
    return [id, tokenType, scopes, email, expiresAt];
  }
  @Get() afterOthers(before: number, @NowggUser('userId') id: string, after: boolean) {
    return [before, id, after];
  }
  @Get() piped(@NowggUser('userId', ParseIntPipe) id: number, @NowggUser(LoadPlayer) player: Player) {
    return [id, player];
  }
  @Get() pipedByInstances(@NowggUser('name', { transform: (name: string) => name.length }) length: number) {
    return length;
  }
}

@Controller()
export class Refused {
  // @ts-expect-error the decorated parameter's type cannot hold this value
  @Get() numberForText(@NowggUser('userId') id: number) {
    return id;
  }
  // @ts-expect-error is not assignable to parameter of type 'keyof NowggPrincipal'
  @Get() noSuchField(@NowggUser('nope') nope: unknown) {
    return nope;
  }
  // @ts-expect-error the decorated parameter's type cannot hold this value
  @Get() textForMaybeText(@NowggUser('email') email: string) {
    return email;
  }
  // @ts-expect-error the decorated parameter's type cannot hold this value
  @Get() textForDate(@NowggUser('expiresAt') expiresAt?: string) {
    return expiresAt;
  }
  // @ts-expect-error the decorated parameter's type cannot hold this value
  @Get() mutableScopes(@NowggUser('scopes') scopes: string[]) {
    return scopes;
  }
  // @ts-expect-error the decorated parameter's type cannot hold this value
  @Get() fieldForPrincipal(@NowggUser() id: string) {
    return id;
  }
  // @ts-expect-error the decorated parameter's type cannot hold this value
  @Get() principalForField(@NowggUser('userId') user: NowggPrincipal) {
    return user;
  }
  // @ts-expect-error the decorated parameter's type cannot hold this value
  @Get() secondParameter(first: string, @NowggUser('userId') second: number) {
    return [first, second];
  }
  // @ts-expect-error the decorated parameter's type cannot hold this value
  @Get() beforeThePipe(@NowggUser('userId', ParseIntPipe) id: string) {
    return id;
  }
  // @ts-expect-error the decorated parameter's type cannot hold this value
  @Get() anotherClass(@NowggUser(LoadPlayer) player: NowggPrincipal) {
    return player;
  }
}
