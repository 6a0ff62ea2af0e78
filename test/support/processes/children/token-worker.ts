import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { NowggAuthError } from '../../../../libs/nowgg-auth/src/errors.js';
import { IdentityProviders } from '../../../../libs/nowgg-auth/src/identity/identity-providers.js';
import { OffsetClock } from '../../../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { NowggVaultService } from '../../../../libs/nowgg-auth/src/tokens/upkeep/nowgg-vault-service.js';
import { typeOrmTokenStore } from '../../../../libs/nowgg-auth/src/typeorm/index.js';
import {
  NOWGG_TOKEN_CHANNEL,
  type NowggTokenEvent,
} from '../../../../libs/nowgg-auth/src/tokens/events/token-events.js';
import { subscribe } from 'node:diagnostics_channel';
import type { Answer, Order, WorkerSettings } from '../../token-service/token-worker-messages.js';
import { RING, tokenService } from '../../token-service/token-service.js';
import { steppedStore } from './stepped-store.js';
import { UsedUpPool } from './used-up-pool.js';

const settings = JSON.parse(process.env.TOKEN_WORKER_SETTINGS ?? '{}') as WorkerSettings;
const dataSource = await new DataSource({
  type: 'postgres',
  url: settings.databaseUrl,
  poolSize: settings.applicationPoolSize ?? 10,
  installExtensions: false,
  ...(settings.schema !== undefined && { schema: settings.schema }),
  ...(settings.applicationName !== undefined && { applicationName: settings.applicationName }),
}).initialize();
const applicationWork = new UsedUpPool(dataSource, settings.applicationPoolSize ?? 10);
const clock = new OffsetClock({ wallClockMs: settings.skewMs ?? 0 });
const wiring = typeOrmTokenStore(settings.storePoolSize === undefined ? {} : { poolSize: settings.storePoolSize });
const store = steppedStore(wiring.create({ clock }, dataSource), (step) => {
  send({ kind: 'step', step });
});
const service = tokenService({
  nowggUrl: settings.nowggUrl,
  caller: settings.applicationName,
  refusalsAreFinal: settings.refusalsAreFinal,
  clientSecret: settings.clientSecret,
  store: store.store,
  clock,
  durations: settings.durations ?? {},
  timing: settings.timing ?? {},
});
const vault = new NowggVaultService({
  store: store.store,
  identityProviders: new IdentityProviders([]),
  encryptionKeys: settings.durations?.encryptionKeys ?? [RING[0]],
});
const outcomes: Record<string, number> = {};
subscribe(NOWGG_TOKEN_CHANNEL, (message) => {
  const event = message as NowggTokenEvent;
  if (event.type === 'refresh') outcomes[event.outcome] = (outcomes[event.outcome] ?? 0) + 1;
});

process.on('message', (order: Order) => void obey(order));
send({ kind: 'ready' });

async function obey({ id, op, args }: Order): Promise<void> {
  const results = await Promise.all(Array.from({ length: args.callers ?? 1 }, () => settled(carryOut(op, args))));
  send({ kind: 'done', id, results });
  if (op === 'close') process.disconnect();
}

async function carryOut(op: Order['op'], args: Order['args']): Promise<unknown> {
  const { grantId = '', options = {} } = args;
  switch (op) {
    case 'getAccessToken':
      return service.getAccessToken(grantId, options);
    case 'refresh':
      return service.refresh(grantId, options);
    case 'exchangeCode': {
      const { grant, accessToken, session } = await service.exchangeCode(args.code ?? '', { proof: args.proof });
      return { grantId: grant.id, token: accessToken.token, session };
    }
    case 'openSession':
      return (await service.openSession(args.handle ?? '', { proof: args.proof })).session;
    case 'revoke':
      return service.revoke(grantId);
    case 'rotate':
      return vault.rotate({ batchSize: 10 });
    case 'pauseAt':
      return store.pauseAt(args.step ?? '');
    case 'resume':
      return store.resume();
    case 'outcomes':
      return outcomes;
    case 'useUpPool':
      return applicationWork.begin();
    case 'freePool':
      return applicationWork.end();
    case 'close':
      await service.close();
      return dataSource.destroy();
  }
}

async function settled(work: Promise<unknown>): Promise<Answer> {
  try {
    // Nothing would be lost on the way between the processes.
    return { value: (await work) ?? null };
  } catch (error) {
    return { error: error instanceof NowggAuthError ? error.errorCode : String(error) };
  }
}

function send(message: object): void {
  // An answer that comes after the process was told to end has nowhere to go.
  if (process.connected) process.send?.(message, () => undefined);
}
