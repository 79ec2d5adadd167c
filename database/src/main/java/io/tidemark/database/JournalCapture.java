package io.tidemark.database;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The rollback journal of a database, and the moment at which it says that a transaction ends:
 * finalising it (deleting it, cutting it off or destroying its magic) commits or rolls back what
 * {@link RollbackCapture} holds.
 *
 * <p>Invariants: the decision comes before the journal changes, so that a refusal leaves a hot
 * journal and SQLite rolls back; after the decision no journal of that transaction stays hot.
 *
 * <p>Guarded by the lock of the database; {@link #file} and {@link #isActive} may be read without
 * it.
 */
final class JournalCapture {
  private static final Logger LOG = LoggerFactory.getLogger(JournalCapture.class);

  private final DatabaseFiles files;
  private final Availability availability;
  private final CommittedState committed;
  private final MainContent content;
  private final RollbackCapture rollback;

  private volatile SideFile journal;
  private volatile boolean active;

  /** The transaction was discarded, and its program was not told yet. */
  private boolean discarded;

  /** The program knows that its commit failed: what follows is its rollback, or another's. */
  private boolean refused;

  JournalCapture(
      DatabaseFiles files,
      Availability availability,
      CommittedState committed,
      MainContent content,
      RollbackCapture rollback) {
    this.files = files;
    this.availability = availability;
    this.committed = committed;
    this.content = content;
    this.rollback = rollback;
  }

  /** The journal, or null. */
  SideFile file() {
    return journal;
  }

  /** Whether the journal has a valid header: a transaction is going on, and can be rolled back. */
  boolean isActive() {
    return active;
  }

  /** Creates the journal, or returns the one that is there. */
  SideFile create() throws IOException {
    if (journal == null) {
      journal = files.newSideFile("journal");
      active = false;
      discarded = false;
      refused = false;
    }
    return journal;
  }

  void write(SideFile file, ByteBuffer src, long offset) throws IOException {
    boolean header = file == journal && offset < JournalFormat.MAGIC_BYTES;
    boolean activeAfter = header ? JournalFormat.isActiveAfter(file, src, offset) : active;
    if (header && active && !activeAfter) {
      finalise(() -> file.write(src, offset));
      return;
    }
    file.write(src, offset);
    if (header) {
      active = activeAfter;
      if (active) {
        refused = false;
        rollback.forgetUnjournaled();
      }
    }
  }

  void truncate(SideFile file, long size) throws IOException {
    if (file == journal && active && size < JournalFormat.MAGIC_BYTES) {
      finalise(() -> file.truncate(size));
    } else {
      file.truncate(size);
    }
  }

  void unlink() throws RefusedException {
    SideFile file = journal;
    if (file == null) {
      return;
    }
    if (!availability.isFailed() && active) {
      finalise(() -> {});
    }
    journal = null;
    file.detach();
  }

  /**
   * The pages of the transaction were taken back: finalising the journal must not look like a
   * commit.
   */
  void transactionDiscarded() {
    discarded = active && !refused;
  }

  /** The program that writes under this journal was told that it may not. */
  void told() {
    discarded = false;
  }

  /** The database of this journal is gone; so is the transaction. */
  void drop() {
    if (journal != null) {
      SideFile old = journal;
      journal = null;
      active = false;
      old.detach();
    }
  }

  private interface Step {
    void run() throws IOException;
  }

  /**
   * Finalising the journal is the commit of a rollback-mode transaction: decided here, before the
   * journal changes, so that a refusal leaves a hot journal and SQLite rolls back. If what SQLite
   * wrote equals the committed image (a rollback) there is no transaction.
   */
  private void finalise(Step step) throws RefusedException {
    if (discarded) {
      discarded = false;
      throw new RefusedException(
          RefusedException.Kind.READ_ONLY,
          "the transaction of " + files.name() + " was discarded: this node became a replica");
    }
    if (isRolledBack()) {
      rollback.discard();
    } else {
      refused = true;
      rollback.commit();
    }
    refused = false;
    FaultPoint.COMMIT_BEFORE_FINALISE.pass();
    active = false;
    rollback.finish();
    try {
      step.run();
    } catch (IOException e) {
      // The transaction is committed; the journal is volatile and must not stay hot.
      dropContent();
      throw files.refused("finalising the journal of", e);
    }
  }

  /**
   * Whether every page of the journal and the size are what they were. Then nothing happened, even
   * if other pages differ: SQLite does not journal free pages that it reuses, because nobody reads
   * what they held, and so does not restore them either.
   */
  private boolean isRolledBack() throws RefusedException {
    WorkingImage image = content.image();
    MainFile main = content.current();
    if (!image.hasUncommitted() || main == null || main.size != committed.size()) {
      return false;
    }
    try {
      int size = committed.pageSize();
      ByteBuffer now = Scratch.get().page;
      ByteBuffer before = Scratch.get().compare;
      int[] restored = {0};
      boolean allEqual =
          JournalFormat.forEachPage(
              journal,
              pgno -> {
                restored[0]++;
                image.read(now.clear().limit(size), (pgno - 1) * size);
                image.readCommitted(before.clear().limit(size), (pgno - 1) * size);
                return now.flip().equals(before.flip());
              });
      return allEqual && restored[0] > 0;
    } catch (IOException e) {
      throw files.refused("reading the journal of", e);
    }
  }

  private void dropContent() {
    try {
      journal.truncate(0);
    } catch (IOException e) {
      LOG.error("{}: the journal of a committed transaction stays: {}", files.name(), e.toString());
    }
  }

  /** The super-journal that the active journal names, or null. */
  String superJournal() throws IOException {
    return journal != null && active ? JournalFormat.superJournal(journal) : null;
  }
}
