package io.tidemark.stream;

import io.tidemark.database.Database;
import io.tidemark.database.DatabasePosition;
import io.tidemark.database.LogPosition;
import io.tidemark.ltx.Txid;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * The past of a database of this node, as it is at the moment of construction: all that its log
 * has, also what is not known to be committed, but for a record that a commit has just appended and
 * may take back. What comes later only makes it longer; what retention takes away meanwhile is
 * found out when its records are asked for.
 */
public final class DatabaseHistory implements PrimaryHistory {
  /** A name that this node knows no database of. */
  public static final PrimaryHistory NONE =
      new PrimaryHistory() {
        @Override
        public Position position() {
          return Position.NONE;
        }

        @Override
        public boolean exists() {
          return false;
        }

        @Override
        public Txid firstInLog() {
          return new Txid(1);
        }

        @Override
        public Position at(Txid txid) {
          return null;
        }
      };

  /** Of a smaller database the records are sent: they take no time either, and keep the history. */
  private static final long LEAST_SNAPSHOT = 32L << 20;

  private final Database database;
  private final DatabasePosition now;
  private final Position end;
  private final long first;

  /**
   * @throws UncheckedIOException when the database has failed
   */
  public DatabaseHistory(Database database) {
    this.database = database;
    // In this order: the log may lose records in between, but never one after the position.
    this.now = database.position();
    Position offered = offered(database);
    this.end = offered.txid().value() <= now.txid() ? Position.of(now) : offered;
    this.first = Math.min(database.firstInLog(), now.txid() + 1);
  }

  private static Position offered(Database database) {
    try {
      return Position.of(database.offered());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Position position() {
    return end;
  }

  @Override
  public boolean exists() {
    return now.pageCount() > 0 || end.txid().value() > now.txid();
  }

  @Override
  public Txid firstInLog() {
    return new Txid(first);
  }

  @Override
  public Position at(Txid txid) {
    try {
      LogPosition then = database.offeredAt(txid.value());
      return then == null ? null : Position.of(then);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public boolean isSnapshotShorter() {
    long size = now.pageCount() * now.pageSize();
    return size >= LEAST_SNAPSHOT && size < 2 * database.status().logBytes();
  }
}
