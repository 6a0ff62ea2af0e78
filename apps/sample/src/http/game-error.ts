import { HttpException } from '@nestjs/common';

/** A rule of the game says no. Its body has the shape that the sign-in library's errors have. */
export class GameError extends HttpException {
  constructor(statusCode: number, errorCode: string, message: string) {
    super({ statusCode, message, errorCode }, statusCode);
  }
}
