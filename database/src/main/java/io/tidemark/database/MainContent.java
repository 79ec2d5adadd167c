package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.database.RefusedException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The content of the database file: its current incarnation, what lies over the file on the disk,
 * and how committed pages get from there into the file.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>No-steal: the file never holds a byte of a transaction that is not committed.
 *   <li>Write-ahead: the file gets a committed page only after its record is durable. What must
 *       wait stands in {@link WorkingImage}, and the file lacks nothing up to {@link #redoTxid}.
 *   <li>A committed page that cannot be written stays in the image, is served from there and is
 *       tried again; new transactions are refused until then.
 * </ul>
 *
 * <p>Guarded by the lock of the database. {@link #read} takes it only for what is not in the file:
 * SQLite's own locks keep readers and writers of a page apart.
 */
final class MainContent {
  private static final Logger LOG = LoggerFactory.getLogger(MainContent.class);

  private final DatabaseFiles files;
  private final ReentrantLock lock;
  private final Availability availability;
  private final TransactionLog log;
  private final CommittedState committed;

  private volatile MainFile current;
  private volatile WorkingImage image;

  /** The last transaction before those whose pages wait in the image. */
  private long unappliedSince;

  private volatile String applyProblem;

  MainContent(
      DatabaseFiles files,
      ReentrantLock lock,
      Availability availability,
      TransactionLog log,
      CommittedState committed) {
    this.files = files;
    this.lock = lock;
    this.availability = availability;
    this.log = log;
    this.committed = committed;
    this.image = files.newImage();
  }

  // ----------------------------------------------------------- incarnations

  /** The current content of the name, or null if there is no such file. */
  MainFile current() {
    return current;
  }

  WorkingImage image() {
    return image;
  }

  /** Starts with an empty file. */
  void create() throws IOException {
    files.createDirectory();
    DiskFile file = files.openDatabase();
    file.truncate(0);
    current = new MainFile(file, 0);
    image.file(file);
  }

  /** Starts with a database file that has just what the committed state says. */
  void start(DiskFile file) throws IOException {
    image.file(file);
    current = committed.pageCount() > 0 ? new MainFile(file, committed.size()) : null;
    if (current == null) {
      file.close();
    }
  }

  /** Goes on with the database file that stands there now, after {@link #leave}. */
  void startWithNewFile() throws IOException {
    DiskFile file = files.openDatabase();
    image.file(file);
    current = new MainFile(file, file.size());
  }

  void opened(MainFile file) {
    file.handles++;
  }

  /** A handle is gone. */
  void released(MainFile file) {
    file.handles--;
    closeIfUnused(file);
  }

  private void closeIfUnused(MainFile file) {
    if (file.handles <= 0 && file.state != MainFile.State.LIVE) {
      close(file);
    }
  }

  private void close(MainFile file) {
    try {
      file.file.close();
    } catch (IOException e) {
      LOG.warn("{}: closing: {}", files.name(), e.toString());
    }
  }

  /** The name stands for nothing from now on; handles keep the file as {@code state} says. */
  void detach(MainFile.State state) {
    MainFile old = current;
    current = null;
    image.discard();
    if (old != null) {
      old.state = state;
      closeIfUnused(old);
    }
  }

  /** Like {@link #detach}; nothing that waited for the old file concerns the next one. */
  void leave(MainFile.State state) {
    image.close();
    image = files.newImage();
    detach(state);
    applyProblem = null;
  }

  /** Makes the database file nameless, with what programs saw last if any still has it open. */
  void unlink() throws IOException {
    MainFile old = current;
    if (old != null && old.handles > 0 && !image.isPlain()) {
      // All layers into the file: it is nobody's committed image any more.
      files.disk().delete(files.database());
      image.apply(old.size);
    }
    files.disk().delete(files.database());
  }

  /** Copies what programs see to another file. */
  void copyTo(Path target) throws IOException {
    try (DiskFile out = files.disk().open(target)) {
      ByteBuffer chunk = ByteBuffer.allocateDirect(64 * 1024);
      for (long offset = 0; offset < current.size; ) {
        chunk.clear().limit((int) Math.min(chunk.capacity(), current.size - offset));
        image.read(chunk, offset);
        int length = chunk.flip().limit();
        out.write(chunk, offset);
        offset += length;
      }
    }
  }

  /**
   * @return true for the current content, false for that of a deleted name
   */
  boolean checkLive(MainFile file) throws RefusedException {
    availability.check();
    checkNotReplaced(file);
    return file.state == MainFile.State.LIVE;
  }

  private void checkNotReplaced(MainFile file) throws RefusedException {
    if (file.state == MainFile.State.REPLACED) {
      throw new RefusedException(
          Kind.STALE, files.name() + " was replaced while it was open; open it again");
    }
  }

  // ---------------------------------------------------------------- reading

  /**
   * Reads what programs see.
   *
   * @return bytes read, less than asked for only at the end of the file
   */
  int read(MainFile file, ByteBuffer dst, long offset) throws IOException {
    checkNotReplaced(file);
    availability.check();
    long available = file.size - offset;
    if (available <= 0) {
      return 0;
    }
    int length = (int) Math.min(dst.remaining(), available);
    int limit = dst.limit();
    dst.limit(dst.position() + length);
    if (file.state == MainFile.State.LIVE && !image.isPlain()) {
      lock.lock();
      try {
        image.read(dst, offset);
      } finally {
        lock.unlock();
      }
    } else {
      WorkingImage.readZeroFilled(file.file, dst, offset);
    }
    dst.limit(limit);
    return length;
  }

  /** The header of SQLite in what programs see. */
  SqliteHeader visibleHeader() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(SqliteHeader.SIZE);
    image.read(bytes, 0);
    return new SqliteHeader(bytes.flip());
  }

  /** Why what programs see is not a whole SQLite database, or null. */
  String problem() throws RefusedException {
    try {
      MainFile now = current;
      if (now == null || now.size == 0) {
        return "it is empty";
      }
      return visibleHeader().problem(now.size);
    } catch (IOException e) {
      throw files.refused("reading", e);
    }
  }

  // --------------------------------------------------------- into the file

  /** Why committed pages cannot be written to the file, or null. */
  String applyProblem() {
    return applyProblem;
  }

  /**
   * @throws RefusedException when pages of earlier transactions still cannot be written
   */
  void checkApplied() throws RefusedException {
    if (applyProblem != null && !retryApply()) {
      boolean full = applyProblem.contains("No space left");
      throw new RefusedException(full ? Kind.NO_SPACE : Kind.IO, applyProblem);
    }
  }

  private boolean retryApply() {
    try {
      image.applyLeftOver(committed.size());
      LOG.info("{}: the database file can be written again", files.name());
      applyProblem = null;
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** After a commit or a rollback: nothing is uncommitted any more. */
  void finish() throws RefusedException {
    if (!image.hasUncommitted() && !image.hasUnapplied()) {
      image.discard();
      return;
    }
    long committedSize = committed.size();
    try {
      if (isDurable() && (applyProblem == null || retryApply())) {
        image.apply(committedSize);
      } else {
        keepUnapplied(committedSize);
      }
    } catch (IOException e) {
      noteApplyProblem(e);
      try {
        keepUnapplied(committedSize);
      } catch (IOException again) {
        again.addSuppressed(e);
        // Memory and disk are both exhausted. The log has the transaction; the image is no longer
        // known to be right, so it must not be served.
        availability.fail(
            "the committed pages of "
                + files.name()
                + " can be neither written nor kept ("
                + again.getMessage()
                + "); free disk space and restart, the log has all transactions");
        throw files.refused("applying a transaction of", again);
      }
    }
  }

  /** Whether recovery would know all that counts; the log may have more. */
  private boolean isDurable() {
    return log.isApplicable(committed.position().txid());
  }

  private void keepUnapplied(long committedSize) throws IOException {
    if (!image.hasUnapplied()) {
      unappliedSince = Math.max(0, committed.position().txid() - 1);
    }
    image.keepUnapplied(committedSize);
  }

  private void noteApplyProblem(IOException e) {
    applyProblem =
        "the database file of "
            + files.name()
            + " cannot be written ("
            + e.getMessage()
            + "); its transactions are safe in the log, new ones are refused until the disk works"
            + " again";
    LOG.error("{}", applyProblem);
  }

  /** WAL mode reads the database file directly, so what is committed must be in it. */
  void settle() throws IOException {
    if (image.hasUnapplied()) {
      log.awaitApplicable(committed.position().txid());
      image.applyLeftOver(committed.size());
    }
  }

  /** Writes what waited, if its records are durable by now; a failure is noted. */
  void applyWhatWaited() {
    if (image.hasUnapplied() && isDurable()) {
      try {
        image.applyLeftOver(committed.size());
        applyProblem = null;
      } catch (IOException e) {
        if (applyProblem == null) {
          noteApplyProblem(e);
        }
      }
    }
  }

  /**
   * The last transaction of which the file has everything.
   *
   * @param outsideImage the same, of transactions that do not go through the image
   */
  long redoTxid(long outsideImage) {
    return image.hasUnapplied() ? Math.min(outsideImage, unappliedSince) : outsideImage;
  }

  /** What programs see can be right no more until recovery has made it anew. */
  void fail(String reason) {
    availability.fail(reason);
  }

  /** Nothing is served any more; handles fail. */
  void close() {
    image.close();
    if (current != null) {
      close(current);
    }
  }
}
