package io.tidemark.stream.send;

import io.tidemark.database.RecordReader;
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
   * The next part of a record, or null when there is none now.
   *
   * @param commitTxid commit position to be told with it
   */
  RecordChunk next(long commitTxid) throws IOException {
    if (offset == length) {
      if (!reader.next()) {
        return null;
      }
      offset = 0;
      length = reader.bodyLength();
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
