package io.tidemark.database;

import io.tidemark.database.RefusedException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Captures what programs write to the database file outside WAL mode. A transaction is what then
 * differs from the committed image. {@link JournalCapture} says when one with a journal ends;
 * without a journal (journal_mode MEMORY and OFF, and tools that copy files) it ends when the file
 * is synced, its writer gives up the lock or closes it, and its bytes are a whole database.
 *
 * <p>Invariant: what was refused without a journal is undone at once, because nobody would roll it
 * back; what nobody was told of waits for the disk, or for the next writer to hear of it.
 *
 * <p>Guarded by the lock of the database; the volatile fields may be read without it.
 */
final class RollbackCapture {
  private static final Logger LOG = LoggerFactory.getLogger(RollbackCapture.class);

  private final DatabaseFiles files;
  private final DatabaseEvents events;
  private final CommittedState committed;
  private final MainContent content;
  private final TransactionWriter writer;
  private final ImageTransaction transaction = new ImageTransaction();

  private boolean syncRequested;
  private volatile boolean unjournaled;

  /** Why writes were undone when no program was there to hear of it. */
  private volatile RefusedException unheard;

  /** Counts what programs change in the database file. */
  private volatile long changes;

  RollbackCapture(
      DatabaseFiles files,
      DatabaseEvents events,
      CommittedState committed,
      MainContent content,
      TransactionWriter writer) {
    this.files = files;
    this.events = events;
    this.committed = committed;
    this.content = content;
    this.writer = writer;
  }

  // ----------------------------------------------------------------- writes

  /**
   * Takes a write.
   *
   * @param journaled whether a journal can undo it
   */
  void write(ByteBuffer src, long offset, boolean journaled) throws IOException {
    noteUnjournaled(journaled);
    changes++;
    content.image().write(src, offset);
  }

  /** Takes a truncation; what {@link #write} says of journals holds here too. */
  void truncate(long size, long visibleSize, boolean journaled) throws IOException {
    if (size == 0 && committed.size() > 0 && !journaled) {
      throw new RefusedException(
          Kind.NOT_PERMITTED,
          files.name()
              + " holds a database and cannot be emptied; delete it, or replace its content with"
              + " 'tidemark import'");
    }
    if (size < visibleSize && (size < committed.size() || content.image().hasUncommitted())) {
      noteUnjournaled(journaled);
      changes++;
      content.image().cut(size, visibleSize);
    }
  }

  private void noteUnjournaled(boolean journaled) {
    if (!journaled && !unjournaled) {
      unjournaled = true;
      events.unjournaledWrites();
    }
  }

  /** A journal covers the writes from now on, or there are none. */
  void forgetUnjournaled() {
    unjournaled = false;
  }

  boolean hasUnjournaled() {
    return unjournaled;
  }

  /** Number of changes so far. */
  long changes() {
    return changes;
  }

  /** The transaction that is going on is to be durable when it commits. */
  void requestSync() {
    syncRequested = true;
  }

  // ---------------------------------------------------- without any journal

  boolean hasUnheard() {
    return unheard != null;
  }

  void tellUnheard() throws RefusedException {
    RefusedException reason = unheard;
    if (reason != null) {
      unheard = null;
      throw reason;
    }
  }

  /**
   * Commits what was written without a journal, if it is a whole database.
   *
   * @param heard whether the writer hears of a failure
   */
  void commitUnjournaled(boolean sync, boolean heard) throws RefusedException {
    if (!content.image().hasUncommitted()) {
      unjournaled = false;
      return;
    }
    if (content.problem() != null) {
      return; // not a whole database yet, or none at all: its owner may still be writing
    }
    syncRequested = sync;
    try {
      commit();
    } catch (RefusedException e) {
      // There is no journal that somebody could roll back. What was refused must not come back when
      // the reason is gone, and what is in doubt is in the log; what nobody was told of waits for
      // the disk.
      if (heard || e.kind() == Kind.READ_ONLY || e.kind() == Kind.IN_DOUBT) {
        LOG.warn("{}: writes that were refused are undone", files.name());
        unheard = heard ? null : e; // first: whoever finds the writes gone finds this
        discard();
      }
      throw e;
    }
    unheard = null;
    finish();
    unjournaled = false;
  }

  /**
   * Whether programs wrote something past SQLite that cannot be committed.
   *
   * @return for people, or null
   */
  String strayBytes() {
    if (!unjournaled || !committed.exists()) {
      return null;
    }
    try {
      String problem = content.problem();
      return problem == null
          ? null
          : "written past SQLite, no database any more ("
              + problem
              + "); not recorded. 'tidemark export' gives the last good state, a restart brings it"
              + " back";
    } catch (RefusedException e) {
      return e.getMessage();
    }
  }

  // ---------------------------------------------------------------- commits

  /** Commits what the image holds, if it differs from the committed one. */
  void commit() throws RefusedException {
    if (!content.image().hasUncommitted() || isEmptyAgain()) {
      return;
    }
    boolean appended = append(null, false);
    if (appended) {
      writer.commit(syncRequested);
      writer.publish();
    }
  }

  /** After a commit or a rollback: nothing is uncommitted any more. */
  void finish() throws RefusedException {
    content.finish();
    syncRequested = false;
  }

  /**
   * This node may not write any more: restores the committed image.
   *
   * @param journaled whether finalising a journal will tell the program; otherwise the next sync
   *     does
   */
  void discardAsReplica(boolean journaled) {
    MainFile main = content.current();
    if (main == null || !committed.exists() || !content.image().hasUncommitted()) {
      return;
    }
    long seen = Math.max(main.size, committed.size());
    if (!journaled) {
      unheard =
          new RefusedException(
              Kind.READ_ONLY,
              "writes to " + files.name() + " were discarded: this node became a replica");
    }
    discard();
    events.rangeReverted(0, seen);
  }

  /** Restores the committed image. */
  void discard() {
    int[] blocks = content.image().uncommittedBlocks();
    content.image().discard();
    forgetTransaction();
    MainFile main = content.current();
    if (main != null) {
      main.size = committed.size();
      for (int key : blocks) {
        events.rangeReverted((key - 1L) * Overlay.BLOCK, Overlay.BLOCK);
      }
    }
  }

  /** The content that the transaction was to change is not there any more. */
  void forgetTransaction() {
    unjournaled = false;
    syncRequested = false;
  }

  /** Whether {@link #appendOfGroup} would make a record. */
  boolean wouldAppend() throws RefusedException {
    return content.image().hasUncommitted() && !isEmptyAgain() && append(null, true);
  }

  /** Appends the record of this database to a commit over several; it does not count yet. */
  void appendOfGroup(GroupInfo group) throws RefusedException {
    append(group, false);
  }

  /** The first transaction of a file was rolled back: nothing was there before, nothing is now. */
  private boolean isEmptyAgain() {
    MainFile main = content.current();
    return committed.pageCount() == 0 && main != null && main.size == 0;
  }

  /**
   * @param onlyAsk says whether there would be a record, and appends none
   */
  private boolean append(GroupInfo group, boolean onlyAsk) throws RefusedException {
    long size = content.current().size;
    if (size == 0 && !committed.exists()) {
      return false; // the first transaction of all was rolled back
    }
    try {
      SqliteHeader header = content.visibleHeader();
      // SQLite takes what the last page lacks for zeros; its backup can leave such a file.
      long wholePages = roundUp(size, Math.max(1, header.pageSize()));
      String problem = header.problem(wholePages);
      if (problem != null) {
        throw new RefusedException(Kind.IO, files.name() + " would not be a database: " + problem);
      }
      int pageSize = header.pageSize();
      long pageCount = header.pageCount(wholePages);
      boolean whole = pageSize != committed.pageSize();
      HeapRoom.checkAdded(files.name(), pageCount - (whole ? 0 : committed.pageCount()));
      int[] pages =
          whole
              ? CapturedTransaction.allPages(pageCount)
              : content.image().touchedPages(pageSize, committed.pageCount(), pageCount);
      transaction.pageSize = pageSize;
      transaction.pageCount = pageCount;
      return onlyAsk
          ? writer.wouldAppend(transaction, pages)
          : writer.append(transaction, pages, group);
    } catch (IOException e) {
      throw files.refused("capturing a transaction of", e);
    }
  }

  private static long roundUp(long size, int multiple) {
    return (size + multiple - 1) / multiple * multiple;
  }

  /** What programs see, over the committed image. */
  private final class ImageTransaction extends CapturedTransaction {
    @Override
    void readNew(long pgno, ByteBuffer dst) throws IOException {
      content.image().read(dst, (pgno - 1) * pageSize);
    }

    @Override
    void readOld(long pgno, ByteBuffer dst) throws IOException {
      content.image().readCommitted(dst, (pgno - 1) * pageSize);
    }
  }
}
