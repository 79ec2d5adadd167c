package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.LtxTrailer;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Header and trailer of the LTX file in a record, read without its pages. The record's own checksum
 * covers them.
 */
record LtxEnvelope(LtxHeader header, LtxTrailer trailer) {
  private static final int TRAILER_BYTES = 16;

  static LtxEnvelope read(DiskFile file, long offset, RecordHeader record) throws IOException {
    long start = offset + RecordHeader.SIZE + record.extraLength();
    if (record.ltxLength() < LtxHeader.SIZE + TRAILER_BYTES) {
      throw new CorruptLogException(
          "the record at offset " + offset + " is too short to hold an LTX file");
    }
    ByteBuffer bytes = ByteBuffer.allocate(LtxHeader.SIZE);
    file.read(bytes, start);
    LtxHeader header = LtxHeader.decode(bytes.flip());
    ByteBuffer trailer = ByteBuffer.allocate(TRAILER_BYTES);
    file.read(trailer, start + record.ltxLength() - TRAILER_BYTES);
    return new LtxEnvelope(header, new LtxTrailer(trailer.getLong(0), trailer.getLong(8)));
  }

  /**
   * Rolling checksum before the transaction. The LTX format stores 0 for the first one, whose
   * predecessor is the empty database.
   */
  long preChecksum() {
    return header.isSnapshot() ? 0 : header.preApplyChecksum();
  }
}
