package io.tidemark.ltx;

import static io.tidemark.ltx.LtxFileSpec.filled;

import java.util.Map;

/**
 * Four small files with known bytes: a snapshot, an increment, a deletion, and the first two
 * merged.
 */
final class Samples {

  static final int PAGE_SIZE = 512;
  static final long POST_A = 0x8b87423eeeeeeeeeL;
  static final long POST_B = 0xcdfe2fffecd99000L;

  static final LtxFileSpec SNAPSHOT_A =
      LtxFileSpec.of(
          LtxHeader.builder().pageSize(PAGE_SIZE).commit(2).txid(1).timestampMillis(1000),
          Map.of(1L, filled(PAGE_SIZE, '2'), 2L, filled(PAGE_SIZE, '3')),
          POST_A);

  static final LtxFileSpec INCREMENT_B =
      LtxFileSpec.of(
          LtxHeader.builder()
              .pageSize(PAGE_SIZE)
              .commit(3)
              .txid(2)
              .timestampMillis(2000)
              .preApplyChecksum(POST_A)
              .wal(32, 1072, 0x01020304, 0x05060708)
              .nodeId(0x1122334455667788L),
          Map.of(2L, filled(PAGE_SIZE, '4'), 3L, filled(PAGE_SIZE, '5')),
          POST_B);

  static final LtxFileSpec DELETION_C =
      LtxFileSpec.of(
          LtxHeader.builder()
              .pageSize(PAGE_SIZE)
              .commit(0)
              .txid(3)
              .timestampMillis(3000)
              .preApplyChecksum(POST_B),
          Map.of(),
          Checksum.FLAG);

  static final LtxFileSpec MERGED_D =
      LtxFileSpec.of(
          LtxHeader.builder().pageSize(PAGE_SIZE).commit(3).txids(1, 2).timestampMillis(2000),
          Map.of(
              1L, filled(PAGE_SIZE, '2'), 2L, filled(PAGE_SIZE, '4'), 3L, filled(PAGE_SIZE, '5')),
          POST_B);

  /** SNAPSHOT_A compressed by the first implementation of the format, another LZ4 encoder. */
  static final byte[] SNAPSHOT_A_LZ4_FOREIGN =
      LtxFileSpec.hex(
          "4c5458310000000100000200000000020000000000000001000000000000000100000000000003e8"
              + "00".repeat(60)
              + "04224d186440a7230000005f00000001320100ffed5f00000002330100ffe3e0333333333333333333"
              + "330000000000000000069564188b87423eeeeeeeee828d4f9f3e7bb9f8");

  private Samples() {}
}
