package io.tidemark.database;

import io.tidemark.ltx.Crc64;
import io.tidemark.ltx.LtxDecoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Folds a log from nothing into the image at each transaction, with code of its own. */
final class LogFold {
  /** The whole database after a transaction. */
  record Image(
      long txid, long epoch, int pageSize, byte[] bytes, long checksum, long segment, long end) {}

  private LogFold() {}

  /** All images of the log of a database, oldest first; the log has to begin at transaction 1. */
  static List<Image> fold(Path dataDir, String name) throws IOException {
    List<Image> images = new ArrayList<>();
    try (LogReader log = LogReader.open(dataDir, name)) {
      Replay replay = new Replay();
      long expected = 1;
      long before = 0;
      for (LogRecord record = log.next(); record != null; record = log.next()) {
        LtxDecoder decoder = new LtxDecoder(log.ltxSource());
        var header = decoder.header();
        if (header.minTxid() != expected || header.maxTxid() != expected) {
          throw new AssertionError("expected transaction " + expected + ", got " + header);
        }
        if (expected > 1 && header.preApplyChecksum() != before) {
          throw new AssertionError("transaction " + expected + " does not continue the one before");
        }
        before = replay.apply(decoder);
        long checksum = replay.checksum();
        if (checksum != before) {
          throw new AssertionError(
              String.format(
                  "transaction %d says checksum %016x, its image has %016x",
                  expected, before, checksum));
        }
        images.add(
            new Image(
                expected,
                record.epoch(),
                replay.pageSize,
                replay.image.clone(),
                checksum,
                record.segment(),
                record.offset() + RecordHeader.SIZE + record.ltxLength()));
        expected++;
      }
    }
    return images;
  }

  /** The rolling checksum of an image, from scratch. */
  static long checksum(byte[] image, int pageSize) {
    long rolling = 0;
    byte[] framed = new byte[4 + pageSize];
    for (int at = 0; at < image.length; at += pageSize) {
      ByteBuffer.wrap(framed).putInt(at / pageSize + 1).put(image, at, pageSize);
      rolling ^= Crc64.update(0, framed, 0, framed.length);
    }
    return rolling | 1L << 63;
  }
}
