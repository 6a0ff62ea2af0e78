/** How a process is set up: options of the module, and where Redis is if there is one. */
export interface FirstUseSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly baseUrl: string;
  readonly redisUrl?: string;
}

/** So many callers present the token at the same time. */
export interface FirstUseOrder {
  readonly id: number;
  readonly token: string;
  readonly callers: number;
}

export interface FirstUseReport {
  readonly id: number;
  /** How many of the callers were let in. */
  readonly valid: number;
}
