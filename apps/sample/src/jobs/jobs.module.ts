import { Module } from '@nestjs/common';
import { PlayersModule } from '../players/players.module.js';
import { ProfileSyncJob } from './profile-sync.job.js';
import { ProfileSyncTimer } from './profile-sync.timer.js';

@Module({ imports: [PlayersModule], providers: [ProfileSyncJob, ProfileSyncTimer] })
export class JobsModule {}
