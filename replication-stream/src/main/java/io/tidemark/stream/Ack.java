package io.tidemark.stream;

import io.tidemark.ltx.Txid;

/**
 * How far a replica is with one database. The three TXIDs answer for transactions, {@code consumed}
 * for memory: a record can be larger than what may be under way, so progress within it has to be
 * told before there is a TXID to tell.
 *
 * @param id database
 * @param epoch the primary's epoch, made durable by the replica before it acknowledges in it
 * @param received the replica's log has everything up to here
 * @param durable and on disk up to here; not above {@code received}
 * @param applied and readers see everything up to here; not above {@code durable}, because a
 *     replica shows nothing that a power cut could take away
 * @param consumed how many bytes of records and pages ({@link Frame#dataBytes}) of this database
 *     the replica has taken out of memory, since the connection began
 * @param apart whether what the replica has is not known to be a part of the primary's log, because
 *     it is getting a copy; the TXIDs are 0 then and mean nothing
 */
public record Ack(
    int id, long epoch, Txid received, Txid durable, Txid applied, long consumed, boolean apart)
    implements Frame {
  static final int APART = 1;

  /** Of a log that is a part of the primary's. */
  public Ack(int id, long epoch, Txid received, Txid durable, Txid applied, long consumed) {
    this(id, epoch, received, durable, applied, consumed, false);
  }

  /** While a copy is coming: only bytes are acknowledged. */
  public static Ack ofBytes(int id, long epoch, long consumed) {
    return new Ack(id, epoch, Txid.ZERO, Txid.ZERO, Txid.ZERO, consumed, true);
  }

  public Ack {
    FrameType type = FrameType.ACK;
    type.checkId(id);
    type.checkEpoch(epoch);
    type.check(received.value() >= 0, "received TXID", received, "0 to 2^63-1");
    type.check(
        durable.value() >= 0 && durable.compareTo(received) <= 0,
        "durable TXID",
        durable,
        "at most the received ",
        received);
    type.check(
        applied.value() >= 0 && applied.compareTo(durable) <= 0,
        "applied TXID",
        applied,
        "at most the durable ",
        durable);
    type.check(!apart || received.isZero(), "received TXID", received, "0 with flag 'apart'");
    type.check(consumed >= 0, "consumed bytes", consumed, "0 to 2^63-1");
  }

  @Override
  public FrameType type() {
    return FrameType.ACK;
  }

  void write(PayloadWriter out) {
    out.flag(APART, apart)
        .u32(id)
        .u64(epoch)
        .txid(received)
        .txid(durable)
        .txid(applied)
        .u64(consumed);
  }

  static Ack read(PayloadReader in) {
    return new Ack(
        in.id(),
        in.u64("epoch"),
        in.txid("received TXID"),
        in.txid("durable TXID"),
        in.txid("applied TXID"),
        in.u64("consumed bytes"),
        in.flag(APART));
  }
}
