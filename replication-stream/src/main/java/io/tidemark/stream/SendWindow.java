package io.tidemark.stream;

/**
 * How much of one database may be under way to one replica: what was sent and what the replica has
 * taken out of memory since ({@link Ack#consumed}). Counted in {@link Frame#dataBytes}, the same on
 * both sides whether frames are compressed or not.
 *
 * @param limit most bytes under way, at least {@link Protocol#MAX_DATA}
 * @param sent bytes since the connection began
 * @param consumed of these, bytes that the replica does not hold in memory any more
 */
public record SendWindow(long limit, long sent, long consumed) {
  public SendWindow {
    if (limit < Protocol.MAX_DATA) {
      throw new IllegalArgumentException(
          "window of " + limit + " bytes: expected at least one frame, " + Protocol.MAX_DATA);
    }
    if (consumed < 0 || consumed > sent || sent - consumed > limit) {
      throw new IllegalArgumentException(
          "window of " + limit + " bytes with " + sent + " sent and " + consumed + " consumed");
    }
  }

  public static SendWindow open(long limit) {
    return new SendWindow(limit, 0, 0);
  }

  /** Bytes under way, 0 to {@code limit}. */
  public long inFlight() {
    return sent - consumed;
  }

  /**
   * Whether a frame of the largest size may be sent. Smaller ones wait as well: otherwise a window
   * that is nearly full would break a record into crumbs.
   */
  public boolean hasRoom() {
    return limit - inFlight() >= Protocol.MAX_DATA;
  }

  /**
   * @param bytes of one frame, 0 to {@link Protocol#MAX_DATA}; there must be room
   */
  public SendWindow afterSending(int bytes) {
    if (bytes < 0 || bytes > Protocol.MAX_DATA || !hasRoom()) {
      throw new IllegalStateException("no room for " + bytes + " bytes: " + this);
    }
    return new SendWindow(limit, sent + bytes, consumed);
  }

  /**
   * @param total as the replica counts, since the connection began
   * @throws ProtocolException when it is more than was sent, or less than before
   */
  public SendWindow afterAck(long total) {
    FrameType.ACK.check(
        total >= consumed && total <= sent,
        "consumed bytes",
        total,
        "from ",
        consumed,
        ", acknowledged before, to ",
        sent,
        ", which were sent");
    return new SendWindow(limit, sent, total);
  }
}
