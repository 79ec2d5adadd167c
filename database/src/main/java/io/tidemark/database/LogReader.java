package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.LtxSource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the log of one database in a data directory, without changing anything. The directory may
 * be in use; then the reader sees what is there when it looks.
 */
public final class LogReader implements AutoCloseable {
  private final Disk disk = new FileDisk();
  private final String name;
  private final List<SegmentHeader> headers = new ArrayList<>();
  private final List<Path> paths = new ArrayList<>();
  private int segment = -1;
  private DiskFile file;
  private SegmentReader reader;
  private long offset;
  private long nextTxid;
  private long lastEpoch;
  private RecordHeader record;
  private long recordOffset;

  private LogReader(Path directory, String name) throws IOException {
    this.name = name;
    for (String entry : disk.list(directory)) {
      if (!LogSegment.isName(entry)) {
        continue;
      }
      Path path = directory.resolve(entry);
      try (DiskFile segmentFile = disk.openReadOnly(path)) {
        SegmentHeader header = LogScan.headerOf(segmentFile, path, LogSegment.numberOf(entry));
        if (header != null) {
          headers.add(header);
          paths.add(path);
        }
      }
    }
    long least = Long.MAX_VALUE;
    for (int i = headers.size() - 1; i >= 0; i--) {
      if (headers.get(i).firstTxid() >= least) {
        headers.remove(i); // void: its records were written again in a later segment
        paths.remove(i);
      } else {
        least = headers.get(i).firstTxid();
      }
    }
  }

  /**
   * Names of all databases that have a log, dropped ones too, sorted.
   *
   * @throws StoreException when this is not a data directory of this version
   */
  public static List<String> databaseNames(Path dataDir) throws IOException {
    DataDirectory.checkReadable(dataDir);
    return DataDirectory.databaseNames(new FileDisk(), dataDir);
  }

  /**
   * @throws StoreException when there is no such directory or database
   */
  public static LogReader open(Path dataDir, String name) throws IOException {
    DataDirectory.checkReadable(dataDir);
    Path directory = DataDirectory.databaseDirectory(dataDir, name).resolve("log");
    if (!Files.isDirectory(directory)) {
      throw new StoreException(
          "there is no database '" + name + "' in " + dataDir + "; 'tidemark ltx ls' lists them");
    }
    return new LogReader(directory, name);
  }

  /**
   * The segments of a directory that is not in use as a log.
   *
   * @param name of the database, for messages
   */
  static LogReader ofDirectory(Path directory, String name) throws IOException {
    return new LogReader(directory, name);
  }

  /**
   * The next record, oldest first, or null at the end of the log.
   *
   * @throws CorruptLogException for damage that is not a torn tail
   */
  public LogRecord next() throws IOException {
    while (true) {
      if (segment < 0 || !readRecord()) {
        if (segment + 1 >= paths.size()) {
          return null;
        }
        openSegment(segment + 1);
        continue;
      }
      LtxEnvelope envelope = LtxEnvelope.read(file, recordOffset, record);
      return new LogRecord(
          record.epoch(),
          headers.get(segment).number(),
          recordOffset,
          record.ltxLength(),
          envelope.header());
    }
  }

  private void openSegment(int number) throws IOException {
    close();
    SegmentHeader header = headers.get(number);
    if (segment >= 0 && header.firstTxid() != nextTxid) {
      throw new CorruptLogException(
          "the log of '"
              + name
              + "' has no transaction "
              + nextTxid
              + ": "
              + paths.get(segment)
              + " ends there, the next segment begins with "
              + header.firstTxid());
    }
    segment = number;
    file = disk.openReadOnly(paths.get(number));
    reader = new SegmentReader(file);
    offset = SegmentHeader.BLOCK;
    nextTxid = header.firstTxid();
  }

  private boolean readRecord() throws IOException {
    RecordHeader candidate = reader.recordAt(offset);
    boolean last = segment + 1 == headers.size();
    boolean isVoid =
        candidate != null && !last && candidate.txid() >= headers.get(segment + 1).firstTxid();
    if (candidate == null
        || isVoid
        || candidate.txid() != nextTxid
        || candidate.epoch() < lastEpoch) {
      if (!isVoid && reader.findProofOfDurability(offset, nextTxid) >= 0) {
        throw new CorruptLogException(
            "transaction "
                + nextTxid
                + " of '"
                + name
                + "' is damaged at offset "
                + offset
                + " of "
                + paths.get(segment));
      }
      return false;
    }
    record = candidate;
    lastEpoch = candidate.epoch();
    recordOffset = offset;
    offset += candidate.recordLength();
    nextTxid++;
    return true;
  }

  /** The LTX file of the record that {@link #next} returned last; valid until the next call. */
  public InputStream ltx() {
    LtxSource source = ltxSource();
    return new InputStream() {
      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
      }

      @Override
      public int read(byte[] bytes, int from, int length) throws IOException {
        return length == 0 ? 0 : source.read(ByteBuffer.wrap(bytes, from, length));
      }
    };
  }

  /** The same as {@link #ltx}, for a decoder. */
  public LtxSource ltxSource() {
    return new DiskLtxSource(file, recordOffset, record);
  }

  @Override
  public void close() throws IOException {
    if (file != null) {
      file.close();
      file = null;
    }
  }
}
