package io.tidemark.database;

/**
 * The log does not reach back far enough any more: retention has deleted records that were asked
 * for. Who needs them has to begin with a {@link SnapshotSource}.
 */
public final class RecordsGoneException extends Exception {
  private static final long serialVersionUID = 1;

  private final long firstTxid;

  RecordsGoneException(String databaseName, long wantedTxid, long firstTxid) {
    super(
        "the log of '"
            + databaseName
            + "' begins at transaction "
            + firstTxid
            + ", transaction "
            + wantedTxid
            + " is not in it any more; a snapshot leads to where records are there");
    this.firstTxid = firstTxid;
  }

  /** The first transaction whose record is there; one above the position if there is none. */
  public long firstTxid() {
    return firstTxid;
  }
}
