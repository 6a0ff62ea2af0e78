import type { NowggAuthor } from '../../trail/audit-act.js';

/** A command that works on a database. */
export interface DatabaseCommand {
  readonly json: boolean;
  /** Names of environment variables: secrets must not be on a command line, where every process sees them. */
  readonly databaseUrlEnv: string;
  readonly encryptionKeysEnv: string;
  readonly schema: string | undefined;
}

export interface StatusCommand extends DatabaseCommand {
  readonly name: 'status';
}

export interface RotateCommand extends DatabaseCommand {
  readonly name: 'rotate';
  readonly dryRun: boolean;
  readonly batchSize: number;
  readonly newKey: boolean;
  readonly closeFirstVersion: boolean;
  readonly author: NowggAuthor;
}

export interface SweepCommand extends DatabaseCommand {
  readonly name: 'sweep';
  readonly dryRun: boolean;
  readonly batchSize: number;
  readonly ages: {
    readonly endedForMs: number;
    readonly expiredForMs: number;
    readonly exchangeOlderThanMs: number;
    readonly spentForMs: number;
  };
}

export interface ForgetCommand extends DatabaseCommand {
  readonly name: 'forget';
  readonly dryRun: boolean;
  readonly userId: string;
  readonly provider: string;
  readonly signOut: boolean;
  readonly yes: boolean;
  readonly author: NowggAuthor;
}

export interface RetryCommand extends DatabaseCommand {
  readonly name: 'retry';
  readonly dryRun: boolean;
  readonly batchSize: number;
}

export interface AdoptCommand extends DatabaseCommand {
  readonly name: 'adopt';
  readonly dryRun: boolean;
  readonly batchSize: number;
  readonly provider: string;
  readonly from: string;
  readonly to: string;
}

export interface EndCommand extends DatabaseCommand {
  readonly name: 'end';
  readonly dryRun: boolean;
  readonly batchSize: number;
  readonly provider: string;
  readonly client: string;
  readonly yes: boolean;
  readonly author: NowggAuthor;
}

export type VaultCommand =
  | StatusCommand
  | RotateCommand
  | SweepCommand
  | RetryCommand
  | AdoptCommand
  | EndCommand
  | ForgetCommand;

export interface RoutesCommand {
  readonly name: 'routes';
  readonly json: boolean;
  readonly check: boolean;
  /** File of the application's root module, compiled. */
  readonly file: string;
  /** Name under which the file exports the module. */
  readonly exportName: string;
}

/** Makes an encryption key. */
export interface KeyCommand {
  readonly name: 'key';
  readonly id: string;
}

export interface DoctorCommand extends DatabaseCommand {
  readonly name: 'doctor';
}

/** Lists rows of the audit. */
export interface AuditListCommand extends DatabaseCommand {
  readonly name: 'audit list';
  readonly userId: string | undefined;
  readonly provider: string;
  readonly limit: number;
  readonly sinceMs: number | undefined;
}

/** Deletes old rows of the audit. */
export interface AuditPruneCommand extends DatabaseCommand {
  readonly name: 'audit prune';
  readonly dryRun: boolean;
  readonly batchSize: number;
  readonly olderThanMs: number;
  readonly author: NowggAuthor;
}

/** Explains a player, or the player of a token. */
export interface ExplainCommand extends DatabaseCommand {
  readonly name: 'explain';
  readonly userId: string | undefined;
  /** Name of the environment variable that holds the token. */
  readonly tokenEnv: string | undefined;
  readonly provider: string;
}

/** Renews idle grants once. */
export interface KeepAliveCommand {
  readonly name: 'keep-alive';
  readonly json: boolean;
  readonly dryRun: boolean;
  /** As in {@link RoutesCommand}. */
  readonly file: string;
  readonly exportName: string;
}

export type AuditCommand = AuditListCommand | AuditPruneCommand;

/** The command that the command line requests. */
export type CommandLine =
  | { readonly name: 'help' | 'version' }
  | KeyCommand
  | VaultCommand
  | RoutesCommand
  | DoctorCommand
  | AuditCommand
  | ExplainCommand
  | KeepAliveCommand;
