import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { NowggConfigurationError } from '../../errors.js';
import { decisionAbout, type ParameterDecoratorFor } from '../nowgg-user.decorator.js';

/**
 * The type of the application's own user. Declare it once, and `@NowggPlayer()` checks the types of parameters.
 *
 * @example
 * ```ts
 * declare module 'nestjs-nowgg-auth' {
 *   interface NowggPlayerTypes {
 *     player: { id: number; nickname: string };
 *   }
 * }
 * ```
 */
// oxlint-disable-next-line typescript/no-empty-interface, typescript/no-empty-object-type -- applications add to it
export interface NowggPlayerTypes {}

/** The declared type of {@link NowggPlayerTypes}; `never`, which every parameter can hold, when there is none. */
export type DeclaredPlayer = NowggPlayerTypes extends { player: infer Player } ? Player : never;

/**
 * Injects the application's own user of the caller, as `resolveUser` returned it, or one field of it. Undefined for an
 * anonymous caller. Give the type as argument, or declare it once in {@link NowggPlayerTypes}.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { NowggPlayer } from 'nestjs-nowgg-auth';
 *
 * class Player {
 *   nickname = '';
 * }
 *
 * @Controller('profile')
 * export class ProfileController {
 *   @Get()
 *   profile(@NowggPlayer<Player>() player: Player, @NowggPlayer<Player, 'nickname'>('nickname') nickname: string) {
 *     return { same: player.nickname === nickname };
 *   }
 * }
 * ```
 */
export function NowggPlayer<Player = DeclaredPlayer>(): ParameterDecoratorFor<Player>;
export function NowggPlayer<Player = DeclaredPlayer, Field extends keyof Player = keyof Player>(
  field: Field,
): ParameterDecoratorFor<Player[Field]>;
export function NowggPlayer(field?: PropertyKey): ParameterDecoratorFor<unknown> {
  return injectPlayer(field);
}

const injectPlayer = createParamDecorator((field: PropertyKey | undefined, context: ExecutionContext): unknown => {
  const decision = decisionAbout(context);
  if (decision && decision.principal === undefined) return undefined;
  if (!decision?.player) {
    throw new NowggConfigurationError(
      '@NowggPlayer(): no player was resolved for this call: NowggAuthModule needs the option resolveUser, and the ' +
        'handler a NowggAuthGuard',
    );
  }
  const { value } = decision.player;
  return field === undefined ? value : (value as Record<PropertyKey, unknown>)[field];
});
