import { HttpException } from '@nestjs/common';

/** A refusal by a rule of the game. Its body has the shape that the sign-in library's errors have. */
export class GameError extends HttpException {
  constructor(statusCode: number, errorCode: string, message: string) {
    super({ statusCode, message, errorCode }, statusCode);
  }
}
