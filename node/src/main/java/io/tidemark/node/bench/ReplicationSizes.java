package io.tidemark.node.bench;

/**
 * How much the rows of the replication benchmark do.
 *
 * @param seconds measuring time of a row that has one
 * @param rounds of each row
 * @param warmUpCommits with each new process, until its compiler has done its work
 * @param missed transactions that a replica has to catch up with
 * @param big bytes of the database that is synchronised
 */
public record ReplicationSizes(int seconds, int rounds, int warmUpCommits, int missed, long big) {
  /** Everything small: shows that it works, measures nothing. */
  public static ReplicationSizes quick() {
    return new ReplicationSizes(1, 1, 200, 500, 40L << 20);
  }

  /** Sizes that the targets speak of. */
  public static ReplicationSizes full(int seconds, long big) {
    return new ReplicationSizes(seconds, 3, 100_000, 100_000, big);
  }

  long roundNanos() {
    return Math.max(1, seconds * 1_000_000_000L / rounds);
  }
}
