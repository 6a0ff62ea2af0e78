import { createParamDecorator, type ExecutionContext } from '@nestjs/common';

/** The bearer token of the request, as the guard has accepted it. For guarded routes only; never log it. */
export const BearerToken: () => ParameterDecorator = createParamDecorator(
  (_: undefined, context: ExecutionContext): string => {
    const request = context.switchToHttp().getRequest<{ headers: { authorization: string } }>();
    return request.headers.authorization.replace(/^bearer +/i, '').trim();
  },
);
