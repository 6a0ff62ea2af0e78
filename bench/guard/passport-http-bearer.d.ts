declare module 'passport-http-bearer' {
  import { Strategy as PassportStrategy } from 'passport';

  type Verified = (error: unknown, user?: unknown, info?: unknown) => void;

  export class Strategy extends PassportStrategy {
    constructor(verify: (token: string, verified: Verified) => void);
  }
}
