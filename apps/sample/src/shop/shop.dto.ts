import { IsString, IsUUID, MaxLength } from 'class-validator';

export class PurchaseBody {
  /** A new UUID for each purchase; the same one again is the same purchase. */
  @IsUUID()
  purchaseId!: string;

  @IsString()
  @MaxLength(64)
  item!: string;
}
