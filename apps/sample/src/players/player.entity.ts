import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';

/** A player of this game. Identified by identity provider and user id together, never by email or mobile number. */
@Entity({ name: 'players' })
@Unique(['provider', 'userId'])
export class Player {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column({ type: 'varchar', length: 64 })
  provider!: string;

  @Column({ name: 'user_id', type: 'varchar', length: 255 })
  userId!: string;

  @Column({ name: 'display_name', type: 'varchar', length: 64, nullable: true })
  displayName!: string | null;

  @Column({ name: 'country_code', type: 'varchar', length: 8, nullable: true })
  countryCode!: string | null;

  @Column({ type: 'integer', default: 500 })
  coins!: number;

  /** Time at which {@link ProfileSyncJob} last requested the profile. */
  @Column({ name: 'profile_synced_at', type: 'timestamptz', nullable: true })
  profileSyncedAt!: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
