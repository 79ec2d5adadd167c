package io.tidemark.stream;

import io.tidemark.ltx.Txid;

/**
 * Up to here the transactions of a database are committed: a replica may apply and show them. Sent
 * when no record is on its way that could carry it.
 *
 * @param id database
 * @param epoch the primary's epoch, at least 1
 * @param txid 0 to 2^63-1, or {@link #NONE_YET}
 */
public record CommitPosition(int id, long epoch, Txid txid) implements Frame {
  /**
   * The primary has not settled yet what it found in its log when its epoch began, so it does not
   * say how much of it is committed.
   */
  public static final Txid NONE_YET = new Txid(-1);

  public CommitPosition {
    FrameType.COMMIT_POSITION.checkId(id);
    FrameType.COMMIT_POSITION.checkEpoch(epoch);
    checkValue(FrameType.COMMIT_POSITION, txid);
  }

  static void checkValue(FrameType type, Txid txid) {
    type.check(
        txid.value() >= 0 || txid.equals(NONE_YET),
        "commit position",
        txid,
        "0 to 2^63-1, or 2^64-1 for none");
  }

  @Override
  public FrameType type() {
    return FrameType.COMMIT_POSITION;
  }

  void write(PayloadWriter out) {
    out.u32(id).u64(epoch).txid(txid);
  }

  static CommitPosition read(PayloadReader in) {
    return new CommitPosition(in.id(), in.u64("epoch"), in.txid("TXID"));
  }
}
