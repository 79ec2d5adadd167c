package io.tidemark.stream.send;

import io.tidemark.database.Database;
import io.tidemark.database.RecordReader;
import io.tidemark.database.RecordsGoneException;
import io.tidemark.ltx.Txid;
import io.tidemark.stream.Protocol;
import io.tidemark.stream.RecordChunk;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;

/** The records of one database as frames, one after the other. Single-threaded. */
final class RecordFrames implements AutoCloseable {
  private final int id;
  private final RecordReader reader;

  /** How much of the present record was taken; its length when there is none. */
  private long offset;

  private long length;

  /**
   * @param id of the database in the stream
   * @param reader closed together with this
   */
  RecordFrames(int id, RecordReader reader) {
    this.id = id;
    this.reader = reader;
  }

  /**
   * The records of a database after a transaction.
   *
   * @throws RecordsGoneException when the log does not reach back so far
   */
  static RecordFrames after(Database database, int id, long txid)
      throws IOException, RecordsGoneException {
    return new RecordFrames(id, database.recordsAfter(txid));
  }

  /** Moves to the beginning of the next record; false when there is none now. */
  boolean begin() throws IOException {
    if (!reader.next()) {
      return false;
    }
    offset = 0;
    length = reader.bodyLength();
    return true;
  }

  /** Whether there is a record after the present one now. */
  boolean hasMore() {
    return reader.hasNext();
  }

  /** Of the present record, or of the one before the first. */
  long txid() {
    return reader.txid();
  }

  /** Of the present record. */
  long bodyLength() {
    return length;
  }

  /** As {@link RecordReader#skipTo}. */
  void skipTo(long txid) throws IOException {
    reader.skipTo(txid);
    offset = length;
  }

  /**
   * The next part of a record, or null when there is none now.
   *
   * @param commitTxid commit position to be told with it
   */
  RecordChunk next(long commitTxid) throws IOException {
    if (isAtEndOfRecord() && !begin()) {
      return null;
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(length - offset, Protocol.MAX_DATA));
    while (bytes.hasRemaining()) {
      int count = reader.read(bytes, offset + bytes.position());
      if (count <= 0) {
        throw new EOFException(
            "the record of transaction " + reader.txid() + " ends before its " + length + " bytes");
      }
    }
    RecordChunk chunk =
        new RecordChunk(
            id,
            reader.epoch(),
            new Txid(reader.txid()),
            reader.ltxLength(),
            reader.extraLength(),
            new Txid(commitTxid),
            offset,
            bytes.flip());
    offset += chunk.dataBytes();
    return chunk;
  }

  /** Whether the last frame ended a record. */
  boolean isAtEndOfRecord() {
    return offset == length;
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}
