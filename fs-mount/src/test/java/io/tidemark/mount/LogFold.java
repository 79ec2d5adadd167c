package io.tidemark.mount;

import io.tidemark.database.LogReader;
import io.tidemark.database.LogRecord;
import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.PageChecksums;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;

/** Rebuilds a database from its log alone, checking that each record continues the one before. */
final class LogFold {
  private LogFold() {}

  /**
   * What a log leads to.
   *
   * @param image bytes of the database, empty if it was dropped
   */
  record Outcome(byte[] image, long records) {}

  /** Hears of the image after each record. */
  interface Visitor {
    void after(long record, byte[] image) throws IOException;
  }

  static Outcome of(Path dataDir, String name) throws IOException {
    return of(dataDir, name, (record, image) -> {});
  }

  static Outcome of(Path dataDir, String name, Visitor visitor) throws IOException {
    byte[] image = new byte[0];
    long records = 0;
    long checksum = 0;
    try (LogReader reader = LogReader.open(dataDir, name)) {
      for (LogRecord entry = reader.next(); entry != null; entry = reader.next()) {
        records++;
        if (entry.header().minTxid() != records || entry.header().maxTxid() != records) {
          throw new AssertionError(name + ": record " + records + " is " + entry.header());
        }
        if (entry.header().preApplyChecksum() != checksum) {
          throw new AssertionError(name + ": record " + records + " does not continue");
        }
        LtxDecoder decoder = new LtxDecoder(reader.ltxSource());
        image = apply(image, decoder);
        checksum = decoder.trailer().postApplyChecksum();
        int size = decoder.header().pageSize();
        if (checksum != checksumOf(image, size)) {
          throw new AssertionError(name + ": checksum of record " + records + " is wrong");
        }
        visitor.after(records, image);
      }
    }
    return new Outcome(image, records);
  }

  private static byte[] apply(byte[] before, LtxDecoder decoder) throws IOException {
    int size = decoder.header().pageSize();
    byte[] image = Arrays.copyOf(before, Math.toIntExact(decoder.header().commit() * size));
    ByteBuffer page = ByteBuffer.allocate(size);
    while (decoder.nextPage(page.clear())) {
      int at = Math.toIntExact((decoder.pageNumber() - 1) * size);
      System.arraycopy(page.array(), 0, image, at, size);
    }
    return image;
  }

  private static long checksumOf(byte[] image, int size) {
    long sum = Checksum.FLAG;
    ByteBuffer bytes = ByteBuffer.wrap(image);
    for (int pgno = 1; pgno <= image.length / size; pgno++) {
      sum ^= PageChecksums.ofPage(pgno, bytes, (pgno - 1) * size, size);
    }
    return sum | Checksum.FLAG;
  }
}
