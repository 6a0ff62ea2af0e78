/** The state of a socket that can send. */
export const OPEN = 1;

/** The parts of `WebSocket` of the package ws that are used. */
export interface WsSocket {
  readonly readyState: number;
  /** Calls back, and never throws, while the socket closes. */
  send(data: string, done?: (error?: Error) => void): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
}
