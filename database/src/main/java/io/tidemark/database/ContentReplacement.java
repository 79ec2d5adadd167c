package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Transactions that end one incarnation of the content and may begin another: deletion and import.
 *
 * <p>Invariant: the old content goes, and the new one comes, only when the record is durable; from
 * there on only forwards. If the files cannot follow, the database is not served until recovery has
 * brought them to where the log is.
 *
 * <p>Guarded by the lock of the database.
 */
final class ContentReplacement {
  private static final Logger LOG = LoggerFactory.getLogger(ContentReplacement.class);

  private final DatabaseFiles files;
  private final Availability availability;
  private final DatabaseEvents events;
  private final CommittedState committed;
  private final MainContent content;
  private final TransactionWriter writer;
  private final RollbackCapture rollback;
  private final JournalCapture journal;
  private final WalMode walMode;

  ContentReplacement(
      DatabaseFiles files,
      Availability availability,
      DatabaseEvents events,
      CommittedState committed,
      MainContent content,
      TransactionWriter writer,
      RollbackCapture rollback,
      JournalCapture journal,
      WalMode walMode) {
    this.files = files;
    this.availability = availability;
    this.events = events;
    this.committed = committed;
    this.content = content;
    this.writer = writer;
    this.rollback = rollback;
    this.journal = journal;
    this.walMode = walMode;
  }

  /** Deletes the database as one transaction. Handles that are open keep the content. */
  void drop() throws IOException {
    if (committed.exists()) {
      writer.appendDrop();
      writer.publish();
      try {
        writer.keepCommitted();
      } catch (RefusedException e) {
        availability.fail(
            files.name()
                + " is deleted, but its files could not be removed ("
                + e.getMessage()
                + "); restart when the disk works again");
        throw e;
      }
      FaultPoint.DROP_AFTER_SYNC.pass();
    }
    // What was the database is a nameless file from now on, with what programs saw last.
    content.unlink();
    leave(MainFile.State.ORPHAN);
  }

  /**
   * Makes the content of a file the content of this database, as one transaction. The file is used
   * up: it becomes the database file.
   *
   * @param source a whole SQLite database on the same file system as the data directory
   */
  void replaceWith(Path source) throws IOException {
    String wasFailed = availability.failure();
    availability.set(null);
    try (DiskFile file = files.disk().open(source)) {
      ByteBuffer first = ByteBuffer.allocate(SqliteHeader.SIZE);
      file.read(first, 0);
      SqliteHeader header = new SqliteHeader(first.flip());
      String problem = header.problem(file.size());
      if (problem != null) {
        throw new InvalidDatabaseException("the file is not a SQLite database: " + problem);
      }
      CapturedTransaction imported = new Import(file);
      imported.pageSize = header.pageSize();
      imported.pageCount = header.pageCount(file.size());
      if (writer.append(imported, CapturedTransaction.allPages(imported.pageCount), null)) {
        writer.commit(true);
        FaultPoint.IMPORT_AFTER_SYNC.pass();
        try {
          writer.keepCommitted();
          file.truncate(imported.pageCount * imported.pageSize);
          file.sync();
          install(source);
        } catch (IOException | RuntimeException e) {
          // The log is ahead of the image now, and only recovery can bring them together again.
          wasFailed =
              "the import of "
                  + files.name()
                  + " is recorded but could not be put in place ("
                  + (e instanceof IOException ? e.getMessage() : e.toString())
                  + "); restart when the disk works again, the log has the import";
          LOG.error("{}", wasFailed);
          throw e;
        }
        writer.publish();
        events.replaced();
      }
    } catch (IOException | RuntimeException e) {
      availability.set(wasFailed);
      throw e;
    }
  }

  /** A whole file, over whatever the committed image is. */
  private final class Import extends CapturedTransaction {
    private final DiskFile file;

    Import(DiskFile file) {
      this.file = file;
    }

    @Override
    void readNew(long pgno, ByteBuffer dst) throws IOException {
      WorkingImage.readZeroFilled(file, dst, (pgno - 1) * pageSize);
    }

    @Override
    void readOld(long pgno, ByteBuffer dst) throws IOException {
      walMode.readCommitted(pgno, dst);
    }
  }

  /** The record is durable: from here on only forwards. */
  private void install(Path source) throws IOException {
    files.createDirectory();
    files.disk().rename(source, files.database());
    FaultPoint.IMPORT_APPLYING.pass();
    files.disk().syncDirectory(files.directory());
    leave(MainFile.State.REPLACED);
    content.startWithNewFile();
  }

  /** The same content in a new incarnation: handles of the old one fail. */
  void renew() throws IOException {
    content.settle();
    walMode.finish();
    leave(MainFile.State.REPLACED);
    content.startWithNewFile();
    content.current().size = committed.size();
    events.replaced();
  }

  /** The name stands for nothing from now on; handles keep the content as {@code state} says. */
  void leave(MainFile.State state) {
    content.leave(state);
    rollback.forgetTransaction();
    walMode.drop();
    journal.drop();
  }
}
