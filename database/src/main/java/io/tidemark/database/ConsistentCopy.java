package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.Checksum;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;

/**
 * A copy of a committed image that stands at one transaction although nobody waits for it. The
 * pages are copied as they are, some older and some newer, and then the log records since the redo
 * point at the beginning are applied: whatever changed meanwhile is in one of them. The rolling
 * checksum proves the result before a byte of it leaves.
 *
 * <p>Takes the lock of the database only for a moment, to learn where the image stands.
 */
final class ConsistentCopy {
  private static final int CHUNK = 256 << 10;
  private static final int MAX_PAGE = 65536;

  private final DatabaseFiles files;
  private final ReentrantLock lock;
  private final TransactionLog log;
  private final CommittedState committed;
  private final Checkpointer checkpointer;
  private final Path temporary;

  /**
   * @param temporary where the copy is made; nothing of it stays
   */
  ConsistentCopy(
      DatabaseFiles files,
      ReentrantLock lock,
      TransactionLog log,
      CommittedState committed,
      Checkpointer checkpointer,
      Path temporary) {
    this.files = files;
    this.lock = lock;
    this.log = log;
    this.committed = committed;
    this.checkpointer = checkpointer;
    this.temporary = temporary;
  }

  /** Makes the copy and writes it out. */
  DatabasePosition writeTo(WritableByteChannel out, LongConsumer progress) throws IOException {
    try (DiskFile file = files.disk().open(temporary)) {
      Files.deleteIfExists(temporary); // nameless from here on, whatever happens
      DatabasePosition position = make(file);
      long size = position.pageCount() * position.pageSize();
      ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
      for (long offset = 0; offset < size; ) {
        chunk.clear().limit((int) Math.min(chunk.capacity(), size - offset));
        WorkingImage.readZeroFilled(file, chunk, offset);
        chunk.flip();
        offset += chunk.remaining();
        while (chunk.hasRemaining()) {
          out.write(chunk);
        }
        progress.accept(offset);
      }
      return position;
    }
  }

  private DatabasePosition make(DiskFile copy) throws IOException {
    long pin = checkpointer.pinRedo();
    try {
      try (DiskFile source = files.disk().openReadOnly(files.database())) {
        copyPages(source, copy);
      }
      Progress progress = progressSince(pin);
      ByteBuffer page = ByteBuffer.allocateDirect(MAX_PAGE);
      try (LogCursor records = progress.records()) {
        while (records.next()) {
          PageScan.redo(copy, records.decoder(), page, (pgno, sum) -> {});
        }
      }
      verify(copy, progress.position());
      return progress.position();
    } finally {
      checkpointer.unpin(pin);
    }
  }

  /** Where the image stands now, and the records that lead there. */
  private record Progress(DatabasePosition position, LogCursor records) {}

  private Progress progressSince(long txid) {
    lock.lock();
    try {
      DatabasePosition position = committed.position();
      return new Progress(position, log.cursor(txid, position.txid()));
    } finally {
      lock.unlock();
    }
  }

  private static void copyPages(DiskFile source, DiskFile copy) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
    long size = source.size();
    for (long offset = 0; offset < size; ) {
      int n = source.read(chunk.clear(), offset);
      if (n <= 0) {
        break;
      }
      copy.write(chunk.flip(), offset);
      offset += n;
    }
  }

  private void verify(DiskFile copy, DatabasePosition position) throws IOException {
    if (position.pageCount() == 0) {
      throw new InvalidDatabaseException("'" + files.name() + "' was dropped meanwhile");
    }
    copy.truncate(position.pageCount() * position.pageSize());
    long[] rolling = {Checksum.FLAG};
    PageScan.forEachPage(
        copy,
        position.pageSize(),
        position.pageCount(),
        (pgno, sum) -> rolling[0] = (rolling[0] ^ sum) | Checksum.FLAG);
    if (rolling[0] != position.checksum()) {
      throw new CorruptLogException(
          "the copy of '"
              + files.name()
              + "' has checksum "
              + new Checksum(rolling[0])
              + " instead of "
              + new Checksum(position.checksum())
              + ": the database file is damaged. Its log can be checked with 'tidemark ltx verify'");
    }
  }
}
