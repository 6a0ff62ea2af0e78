import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { SampleConfig } from '../config/sample-config.js';
import { ProfileSyncJob } from './profile-sync.job.js';

/** Runs the job at an interval, never twice at a time, and lets a run end before the database is closed. */
@Injectable()
export class ProfileSyncTimer implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger(ProfileSyncTimer.name);
  readonly #intervalMs: number;
  readonly #job: ProfileSyncJob;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(config: SampleConfig, job: ProfileSyncJob) {
    this.#intervalMs = config.profileSyncIntervalMs;
    this.#job = job;
  }

  onApplicationBootstrap(): void {
    if (this.#intervalMs === 0) return;
    this.#timer = setInterval(() => this.#tick(), this.#intervalMs).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  #tick(): void {
    this.#running ??= this.#runOnce().finally(() => {
      this.#running = undefined;
    });
  }

  async #runOnce(): Promise<void> {
    try {
      await this.#job.run(this.#intervalMs);
    } catch (error) {
      this.#logger.error(`the profiles could not be updated: ${(error as Error).constructor.name}`);
    }
  }
}
