package io.tidemark.ltx;

import io.tidemark.ltx.LtxException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * A window on the source. It reads ahead when the file is all there is, and never past what the
 * format promises to follow when something else may come after the file.
 */
final class InputBuffer {

  private static final int INITIAL = 8 * 1024;
  private static final int MAX_READ_AHEAD = 64 * 1024;

  /** A blocking source that keeps returning nothing is broken; waiting on would be a hang. */
  private static final int MAX_EMPTY_READS = 1000;

  private byte[] bytes = new byte[INITIAL];
  private ByteBuffer view = ByteBuffer.wrap(bytes);
  private int position;
  private int limit;
  private long discarded;
  private LtxSource source;
  private boolean readAhead;
  private boolean lastReadFilled;

  void begin(LtxSource from, boolean mayReadAhead) {
    source = Objects.requireNonNull(from, "source");
    readAhead = mayReadAhead;
    position = 0;
    limit = 0;
    discarded = 0;
    lastReadFilled = false;
  }

  byte[] array() {
    return bytes;
  }

  /** Index of the next byte in {@link #array}. */
  int position() {
    return position;
  }

  void skip(int count) {
    position += count;
  }

  /** Offset of the next byte in the file. */
  long offset() {
    return discarded + position;
  }

  int intAt(int ahead) {
    return view.getInt(position + ahead);
  }

  /**
   * Waits until {@code needed} bytes can be read at {@link #position}.
   *
   * @param promised how many more bytes the format says must follow those
   * @throws LtxException if the source ends before
   */
  void require(int needed, int promised, String what) throws IOException {
    if (limit - position < needed) {
      makeRoom(needed + promised);
      while (limit - position < needed) {
        if (read(needed + promised - (limit - position)) < 0) {
          throw new LtxException(
              Kind.TRUNCATED,
              discarded + limit,
              what + ": expected " + needed + " bytes, got " + (limit - position));
        }
      }
    }
  }

  /** Whether the source ends here. */
  boolean atEnd() throws IOException {
    if (position < limit) {
      return false;
    }
    makeRoom(1);
    return read(1) < 0;
  }

  private void makeRoom(int total) {
    int buffered = limit - position;
    int capacity = Math.max(bytes.length, total);
    if (readAhead && lastReadFilled && bytes.length < MAX_READ_AHEAD) {
      capacity = Math.max(capacity, Math.min(2 * bytes.length, MAX_READ_AHEAD));
    }
    if (capacity > bytes.length) {
      byte[] larger = new byte[capacity];
      System.arraycopy(bytes, position, larger, 0, buffered);
      bytes = larger;
      view = ByteBuffer.wrap(larger);
    } else if (position > 0) {
      System.arraycopy(bytes, position, bytes, 0, buffered);
    }
    discarded += position;
    position = 0;
    limit = buffered;
  }

  /** Reads at least one byte, or returns -1 at the end of the source. */
  private int read(int wanted) throws IOException {
    int most = readAhead ? bytes.length - limit : wanted;
    for (int attempt = 0; attempt < MAX_EMPTY_READS; attempt++) {
      view.limit(limit + most).position(limit);
      int n = source.read(view);
      view.clear();
      if (n < 0) {
        return -1;
      }
      if (n > most) {
        throw new IOException("source returned " + n + " bytes where " + most + " were asked for");
      }
      if (n > 0) {
        lastReadFilled = n == most;
        limit += n;
        return n;
      }
    }
    throw new IOException("source returned no bytes " + MAX_EMPTY_READS + " times in a row");
  }
}
