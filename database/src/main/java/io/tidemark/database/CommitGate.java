package io.tidemark.database;

import java.time.Duration;

/**
 * Who decides when a transaction is committed. Asked on the way of each commit of this node.
 *
 * <p>With {@link #ASYNC} that is when this node's log has it. With a gate that {@link #waits}, a
 * record is appended, offered to other nodes, and counts only when {@link Database#committedUpTo}
 * says that they have it. Before the append a transaction can be refused; afterwards it is either
 * waited for or in doubt ({@link Database#inDoubt}).
 *
 * <p>All methods but {@link #offered} and {@link #durable} are called under the lock of the
 * database, and none may wait, do I/O, or call what takes the lock of another database.
 */
public interface CommitGate {
  /** A transaction is committed when the log of this node has it. */
  CommitGate ASYNC = new CommitGate() {};

  /** Whether transactions count only when other nodes have them. */
  default boolean waits() {
    return false;
  }

  /**
   * Asked just before a record is appended.
   *
   * @throws RefusedException when no transaction may be begun to commit now: the lease is gone
   *     (READ_ONLY), or too few other nodes are there (BUSY if they may soon be, else IO). It
   *     leaves no trace.
   */
  default void check() throws RefusedException {}

  /**
   * Other nodes may be sent a record from now on: {@link Database#appendedAfter} has it. It is not
   * taken back any more. Called without locks, by the thread that commits.
   */
  default void offered(Database database, long epoch, long txid) {}

  /**
   * The log of this node has a record on its disk. Called without locks, by the thread that
   * commits.
   */
  default void durable(Database database, long epoch, long txid) {}

  /**
   * Asked just before a commit is answered: whether this node is still the primary of an epoch, as
   * far as its own clock tells. If not, a transaction that nobody else can have is refused, and any
   * other is in doubt.
   */
  default boolean holds(long epoch) {
    return true;
  }

  /**
   * How long a commit waits at most before it is in doubt. Well below the two minutes after which
   * the kernel reports a hung task.
   */
  default Duration ackTimeout() {
    return Duration.ofSeconds(10);
  }
}
