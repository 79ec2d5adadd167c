package io.tidemark.it;

import io.tidemark.database.LogReader;
import io.tidemark.database.LogRecord;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * Rebuilds a database from its log, record by record from nothing, checking each step. Only the
 * reader of log segments is the program's; LTX, pages and checksums are read by code of the tests.
 */
final class LogFold {
  /** Called after each record with the image it led to. */
  interface Visitor {
    void after(LogRecord entry, LtxFile ltx, Image image) throws IOException;
  }

  private LogFold() {}

  /** Of the oldest record that a log has, which may be in use; 0 if there is none. */
  static long firstTxid(Path dataDir, String name) throws IOException {
    try (LogReader reader = LogReader.open(dataDir, name)) {
      LogRecord first = reader.next();
      return first == null ? 0 : first.header().minTxid();
    } catch (NoSuchFileException e) {
      // Retention has deleted a segment between the list of them and the look at it.
      return 0;
    }
  }

  /** Of the newest record of a log that is not in use; 0 if there is none. */
  static long lastTxid(Path dataDir, String name) throws IOException {
    long last = 0;
    try (LogReader reader = LogReader.open(dataDir, name)) {
      for (LogRecord entry = reader.next(); entry != null; entry = reader.next()) {
        last = entry.header().maxTxid();
      }
    }
    return last;
  }

  static Image fold(Path dataDir, String name, Visitor visitor) throws IOException {
    Image image = new Image();
    long records = 0;
    long epoch = 0;
    try (LogReader reader = LogReader.open(dataDir, name)) {
      for (LogRecord entry = reader.next(); entry != null; entry = reader.next()) {
        records++;
        if (entry.epoch() < epoch) {
          throw new IOException("epoch " + entry.epoch() + " after " + epoch);
        }
        epoch = entry.epoch();
        byte[] bytes = reader.ltx().readAllBytes();
        if (bytes.length != entry.ltxLength()) {
          throw new IOException(entry + " holds " + bytes.length + " bytes");
        }
        LtxFile ltx = new LtxFile(bytes);
        try {
          image.apply(ltx);
        } catch (IOException e) {
          throw new IOException(name + ", record " + records + ": " + e.getMessage(), e);
        }
        visitor.after(entry, ltx, image);
      }
    }
    return image;
  }
}
