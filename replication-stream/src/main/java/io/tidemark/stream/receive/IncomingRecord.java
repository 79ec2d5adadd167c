package io.tidemark.stream.receive;

import io.tidemark.database.ReplicaLog;
import io.tidemark.stream.ProtocolException;
import io.tidemark.stream.RecordChunk;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Puts the parts of a record together, in the log and not in memory: only the extra bytes, which
 * come first and are few, are held until all of them are there. Single-threaded.
 */
final class IncomingRecord {
  private final Log log;
  private RecordChunk first;
  private ByteBuffer extra;
  private long expected;

  /** Where records go: the log of a database, or a snapshot. */
  interface Log {
    /** As {@link ReplicaLog#begin}. */
    void begin(long epoch, long txid, byte[] extra, long ltxLength, long commitTxid)
        throws IOException;

    void write(ByteBuffer ltx) throws IOException;

    void finish() throws IOException;

    void abort();
  }

  IncomingRecord(Log log) {
    this.log = log;
  }

  /**
   * Takes the next part.
   *
   * @return whether the record is complete
   * @throws ProtocolException when it is not the next part
   */
  boolean add(RecordChunk chunk) throws IOException {
    if (chunk.isFirst()) {
      abort();
      first = chunk;
      extra = ByteBuffer.allocate(chunk.extraLength());
      expected = 0;
    }
    if (first == null
        || chunk.offset() != expected
        || chunk.epoch() != first.epoch()
        || !chunk.txid().equals(first.txid())
        || chunk.bodyLength() != first.bodyLength()) {
      throw new ProtocolException(
          ProtocolException.Kind.ORDER,
          "found "
              + chunk
              + ", expected "
              + (first == null
                  ? "the first part of a record"
                  : "byte " + expected + " of transaction " + first.txid()));
    }
    ByteBuffer bytes = chunk.bytes();
    boolean hadExtra = expected > 0 && !extra.hasRemaining();
    expected += bytes.remaining();
    if (!hadExtra) {
      int part = Math.min(bytes.remaining(), extra.remaining());
      extra.put(bytes.slice(bytes.position(), part));
      bytes.position(bytes.position() + part);
      if (!extra.hasRemaining()) {
        log.begin(
            first.epoch(),
            first.txid().value(),
            extra.array(),
            first.ltxLength(),
            first.commitTxid().value());
      }
    }
    if (bytes.hasRemaining()) {
      log.write(bytes);
    }
    if (expected == first.bodyLength()) {
      first = null;
      log.finish();
      return true;
    }
    return false;
  }

  /** Forgets a record that is not complete. */
  void abort() {
    if (first != null) {
      first = null;
      log.abort();
    }
  }
}
