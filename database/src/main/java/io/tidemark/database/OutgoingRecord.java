package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.LtxSink;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * The LTX file of a transaction that the primary is to commit for this replica. It is kept apart
 * from the log, which must have nothing that the primary does not have.
 *
 * <p>Guarded by the lock of the database.
 */
final class OutgoingRecord implements LtxSink, AutoCloseable {
  private final Disk disk;
  private final Path path;
  private final DiskFile file;
  private final Forwarder forwarder;
  private final LogPosition base;
  private final long epoch;
  private long length;

  OutgoingRecord(Disk disk, Path path, Forwarder forwarder, LogPosition base, long epoch)
      throws IOException {
    this.disk = disk;
    this.path = path;
    this.forwarder = forwarder;
    this.base = base;
    this.epoch = epoch;
    this.file = disk.open(path);
    file.truncate(0);
  }

  @Override
  public void write(ByteBuffer src) throws IOException {
    int bytes = src.remaining();
    file.write(src, length);
    length += bytes;
  }

  long epoch() {
    return epoch;
  }

  /**
   * Returns when the primary has committed it. The stream may have brought it by then, because the
   * primary of a sync cluster waits until this node has it, too.
   */
  void send(LendingLock lock) throws RefusedException {
    CompletableFuture<Void> answer = forwarder.forward(path, base, epoch);
    lock.lendUntil(answer);
    try {
      answer.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RefusedException refused) {
        throw refused;
      }
      throw e;
    }
  }

  /** The same bytes again. */
  void copyTo(LtxSink sink) throws IOException {
    ByteBuffer chunk = Scratch.get().compare;
    for (long at = 0; at < length; at += chunk.limit()) {
      chunk.clear().limit((int) Math.min(chunk.capacity(), length - at));
      if (file.read(chunk, at) < chunk.limit()) {
        throw new IOException("cannot read back what was written at " + at + " of " + path);
      }
      sink.write(chunk.flip());
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
    disk.delete(path);
  }
}
