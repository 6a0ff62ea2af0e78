export type { NowggSocketEnd } from './end-of-socket.js';
export type { WebSocketsOptions } from './options.js';
export type { ReauthenticationAnswer } from './reauthentication.js';
export {
  type NowggSocketData,
  nowggSocketUser,
  nowggWebSockets,
  websockets,
} from './websockets.js';
export type { WebSocketAdapterLike } from './wrapped-adapter.js';
