package io.tidemark.stream;

import io.tidemark.ltx.Txid;

/**
 * Up to here the transactions of a database are committed: a replica may apply and show them. Sent
 * when no record is on its way that could carry it.
 *
 * @param id database
 * @param epoch the primary's epoch, at least 1
 * @param txid 0 to 2^63-1
 */
public record CommitPosition(int id, long epoch, Txid txid) implements Frame {
  public CommitPosition {
    FrameType.COMMIT_POSITION.checkId(id);
    FrameType.COMMIT_POSITION.checkEpoch(epoch);
    FrameType.COMMIT_POSITION.check(txid.value() >= 0, "TXID", txid, "0 to 2^63-1");
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
