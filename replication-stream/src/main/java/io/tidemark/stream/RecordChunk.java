package io.tidemark.stream;

import io.tidemark.ltx.Txid;
import java.nio.ByteBuffer;

/**
 * A part of the body of a log record. The body is what the log holds behind a record's header: the
 * extra bytes (which say with which others a transaction commits), then the LTX file. It can be
 * larger than the memory of either node, so it travels in parts; parts of one record come in order
 * and without gaps, parts of different databases in any mixture.
 *
 * <p>All parts repeat what the header of the record needs, so that a receiver needs to remember
 * only how far it is.
 *
 * @param id database
 * @param epoch epoch in which the transaction was committed, at least 1
 * @param txid the transaction, 1 to 2^63-1
 * @param ltxLength bytes of the whole LTX file, 1 to 2^46-1
 * @param extraLength bytes before it, 0 unless the transaction is one of a group; at most 1 MiB
 * @param commitTxid commit position of the primary when this was sent, before or after {@code
 *     txid}, or {@link CommitPosition#NONE_YET}
 * @param offset where in the body {@code bytes} begin
 * @param bytes 1 to {@link Protocol#MAX_DATA}
 */
public record RecordChunk(
    int id,
    long epoch,
    Txid txid,
    long ltxLength,
    int extraLength,
    Txid commitTxid,
    long offset,
    ByteBuffer bytes)
    implements Frame {
  static final int FIRST = 1;
  static final int LAST = 2;
  static final int LZ4 = 4;

  private static final long MAX_LTX = (1L << 46) - 1;
  private static final int MAX_EXTRA = 1 << 20;

  public RecordChunk {
    FrameType type = FrameType.RECORD_CHUNK;
    bytes = bytes.slice().asReadOnlyBuffer();
    type.checkId(id);
    type.checkEpoch(epoch);
    type.check(txid.value() > 0, "TXID", txid, "1 to 2^63-1");
    type.check(
        ltxLength >= 1 && ltxLength <= MAX_LTX, "length of the LTX file", ltxLength, "1 to 2^46-1");
    type.check(
        extraLength >= 0 && extraLength <= MAX_EXTRA,
        "length of the extra bytes",
        extraLength,
        "0 to " + MAX_EXTRA);
    CommitPosition.checkValue(type, commitTxid);
    int count = bytes.remaining();
    type.check(
        count >= 1 && count <= Protocol.MAX_DATA,
        "number of bytes",
        count,
        "1 to " + Protocol.MAX_DATA);
    long body = ltxLength + extraLength;
    type.check(
        offset >= 0 && offset <= body - count,
        "offset",
        offset,
        "0 to ",
        body - count,
        ", where ",
        count,
        " of ",
        body,
        " bytes can begin");
  }

  /** Bytes of the whole body. */
  public long bodyLength() {
    return extraLength + ltxLength;
  }

  public boolean isFirst() {
    return offset == 0;
  }

  public boolean isLast() {
    return offset + bytes.remaining() == bodyLength();
  }

  /** A read-only view with a position of its own. */
  @Override
  public ByteBuffer bytes() {
    return bytes.duplicate();
  }

  @Override
  public FrameType type() {
    return FrameType.RECORD_CHUNK;
  }

  @Override
  public int dataBytes() {
    return bytes.remaining();
  }

  void write(PayloadWriter out) {
    out.flag(FIRST, isFirst()).flag(LAST, isLast());
    out.u32(id).u64(epoch).txid(txid).u64(ltxLength).u32(extraLength).txid(commitTxid).u64(offset);
    out.data(bytes(), LZ4);
  }

  static RecordChunk read(PayloadReader in) {
    RecordChunk chunk =
        new RecordChunk(
            in.id(),
            in.u64("epoch"),
            in.txid("TXID"),
            in.u64("length of the LTX file"),
            (int) Math.min(in.u32("length of the extra bytes"), Integer.MAX_VALUE),
            in.txid("commit position"),
            in.u64("offset"),
            in.data("bytes", LZ4));
    // The flags follow from the numbers; a sender that has them wrong has the numbers wrong.
    FrameType type = FrameType.RECORD_CHUNK;
    type.check(
        in.flag(FIRST) == chunk.isFirst(),
        "flag 'first'",
        in.flag(FIRST),
        chunk.isFirst(),
        " at offset ",
        chunk.offset);
    type.check(
        in.flag(LAST) == chunk.isLast(),
        "flag 'last'",
        in.flag(LAST),
        chunk.isLast(),
        " for a part that ends at ",
        chunk.offset + chunk.dataBytes());
    return chunk;
  }

  @Override
  public String toString() {
    return "RecordChunk[id="
        + id
        + ", epoch="
        + epoch
        + ", txid="
        + txid
        + ", commitTxid="
        + commitTxid
        + ", bytes "
        + offset
        + " to "
        + (offset + dataBytes())
        + " of "
        + extraLength
        + "+"
        + ltxLength
        + "]";
  }
}
