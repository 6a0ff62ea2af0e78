import { Module } from '@nestjs/common';
import { ProfileSyncJob } from './profile-sync.job.js';
import { ProfileSyncTimer } from './profile-sync.timer.js';

@Module({ providers: [ProfileSyncJob, ProfileSyncTimer] })
export class JobsModule {}
