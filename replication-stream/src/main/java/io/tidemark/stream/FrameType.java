package io.tidemark.stream;

import io.tidemark.stream.ProtocolException.Kind;
import java.util.function.BiConsumer;
import java.util.function.Function;

/** The table of all frames: number, who sends it, which flags and lengths it may have. */
public enum FrameType {
  /** The lengths of HELLO and WELCOME leave room for later versions, whose number must be read. */
  HELLO(1, Sender.REPLICA, 0, 2, 4096, Hello.class, Hello::read, Hello::write),
  WELCOME(2, Sender.PRIMARY, 0, 2, 4096, Welcome.class, Welcome::read, Welcome::write),
  POSITIONS(
      3,
      Sender.REPLICA,
      Positions.MORE,
      10,
      Positions.MAX_PAYLOAD,
      Positions.class,
      Positions::read,
      Positions::write),
  DATABASE_OPEN(
      4,
      Sender.PRIMARY,
      DatabaseOpen.APART,
      34,
      33 + Protocol.MAX_NAME + Protocol.MAX_TEXT,
      DatabaseOpen.class,
      DatabaseOpen::read,
      DatabaseOpen::write),
  RECORD_CHUNK(
      5,
      Sender.PRIMARY,
      RecordChunk.FIRST | RecordChunk.LAST | RecordChunk.LZ4,
      49,
      48 + Protocol.MAX_DATA,
      RecordChunk.class,
      RecordChunk::read,
      RecordChunk::write),
  COMMIT_POSITION(
      6,
      Sender.PRIMARY,
      0,
      20,
      20,
      CommitPosition.class,
      CommitPosition::read,
      CommitPosition::write),
  ACK(7, Sender.REPLICA, Ack.APART, 44, 44, Ack.class, Ack::read, Ack::write),
  SNAPSHOT_RESUME(
      8,
      Sender.REPLICA,
      0,
      16,
      16,
      SnapshotResume.class,
      SnapshotResume::read,
      SnapshotResume::write),
  SNAPSHOT_BEGIN(
      9,
      Sender.PRIMARY,
      SnapshotBegin.DIFFERENCES,
      52,
      52,
      SnapshotBegin.class,
      SnapshotBegin::read,
      SnapshotBegin::write),
  SNAPSHOT_PAGES(
      10,
      Sender.PRIMARY,
      SnapshotPages.LZ4,
      11,
      10 + Protocol.MAX_DATA,
      SnapshotPages.class,
      SnapshotPages::read,
      SnapshotPages::write),
  SNAPSHOT_END(
      11, Sender.PRIMARY, 0, 36, 36, SnapshotEnd.class, SnapshotEnd::read, SnapshotEnd::write),
  PAGE_SUMS_REQUEST(
      12,
      Sender.PRIMARY,
      0,
      12,
      12,
      PageSumsRequest.class,
      PageSumsRequest::read,
      PageSumsRequest::write),
  PAGE_SUMS(
      13,
      Sender.REPLICA,
      PageSums.LAST,
      12,
      12 + Protocol.MAX_DATA,
      PageSums.class,
      PageSums::read,
      PageSums::write),
  DROP(14, Sender.PRIMARY, 0, 31, 30 + Protocol.MAX_NAME, Drop.class, Drop::read, Drop::write),
  HEARTBEAT(15, Sender.EITHER, 0, 16, 16, Heartbeat.class, Heartbeat::read, Heartbeat::write),
  HEARTBEAT_REPLY(
      16,
      Sender.EITHER,
      0,
      16,
      16,
      HeartbeatReply.class,
      HeartbeatReply::read,
      HeartbeatReply::write),
  END(17, Sender.EITHER, 0, 4, 4 + Protocol.MAX_TEXT, End.class, End::read, End::write),
  REFUSAL(
      18,
      Sender.EITHER,
      0,
      6,
      6 + 2 * Protocol.MAX_TEXT,
      Refusal.class,
      Refusal::read,
      Refusal::write),
  ADMISSION(19, Sender.REPLICA, 0, 8, 8, Admission.class, Admission::read, Admission::write),
  STANDING(20, Sender.PRIMARY, 0, 13, 13, Standing.class, Standing::read, Standing::write),
  HANDOFF(21, Sender.PRIMARY, 0, 8, 8, Handoff.class, Handoff::read, Handoff::write);

  /** Which side of a connection a frame comes from. */
  public enum Sender {
    REPLICA,
    PRIMARY,
    EITHER
  }

  private static final FrameType[] BY_CODE = new FrameType[22];

  static {
    for (FrameType type : values()) {
      BY_CODE[type.code] = type;
    }
  }

  private final int code;
  private final Sender sender;
  private final int knownFlags;
  private final int minPayload;
  private final int maxPayload;
  private final Function<PayloadReader, ? extends Frame> reader;
  private final BiConsumer<Frame, PayloadWriter> writer;

  <F extends Frame> FrameType(
      int code,
      Sender sender,
      int knownFlags,
      int minPayload,
      int maxPayload,
      Class<F> frame,
      Function<PayloadReader, F> reader,
      BiConsumer<F, PayloadWriter> writer) {
    this.code = code;
    this.sender = sender;
    this.knownFlags = knownFlags;
    this.minPayload = minPayload;
    this.maxPayload = maxPayload;
    this.reader = reader;
    this.writer = (value, out) -> writer.accept(frame.cast(value), out);
  }

  /**
   * @param code the byte in the header, 0 to 255
   * @throws ProtocolException when there is no such type
   */
  static FrameType of(int code) {
    if (code >= BY_CODE.length || BY_CODE[code] == null) {
      throw new ProtocolException(
          Kind.TYPE, "frame type: found " + code + ", expected 1 to " + (BY_CODE.length - 1));
    }
    return BY_CODE[code];
  }

  int code() {
    return code;
  }

  Sender sender() {
    return sender;
  }

  /** Fewest bytes of the payload. */
  int minPayload() {
    return minPayload;
  }

  /** Most bytes of the payload. */
  int maxPayload() {
    return maxPayload;
  }

  int knownFlags() {
    return knownFlags;
  }

  /** Checks what the header says, before any of the payload is waited for. */
  void checkHeader(long length, int flags, int reserved) {
    if (length < minPayload || length > maxPayload) {
      throw new ProtocolException(
          Kind.LENGTH,
          this
              + ": found a length of "
              + length
              + " bytes, expected "
              + (minPayload == maxPayload
                  ? Integer.toString(minPayload)
                  : minPayload + " to " + maxPayload));
    }
    if ((flags & ~knownFlags) != 0) {
      throw new ProtocolException(
          Kind.FLAGS,
          String.format("%s: found flags %02x, expected only %02x", this, flags, knownFlags));
    }
    if (reserved != 0) {
      throw new ProtocolException(
          Kind.FLAGS,
          String.format("%s: found %04x in the reserved field, expected 0", this, reserved));
    }
  }

  /**
   * Every field of every frame comes through here, so the message is put together only when it is
   * needed.
   *
   * @param found the value; numbers are shown as unsigned
   * @param expected parts of a text
   * @throws ProtocolException naming field, value and what was expected, unless {@code valid}
   */
  void check(boolean valid, String field, Object found, Object... expected) {
    if (!valid) {
      StringBuilder message = new StringBuilder();
      message.append(this).append(", ").append(field).append(": found ");
      message.append(unsigned(found)).append(", expected ");
      for (Object part : expected) {
        message.append(part);
      }
      throw new ProtocolException(Kind.FIELD, message.toString());
    }
  }

  private static Object unsigned(Object value) {
    if (value instanceof Long number) {
      return Long.toUnsignedString(number);
    }
    return value instanceof Integer number ? Integer.toUnsignedString(number) : value;
  }

  /** Stream-local numbers of databases begin at 1: 0 is what a forgotten field would have. */
  void checkId(int id) {
    check(id > 0, "database id", id, "1 to 2147483647");
  }

  void checkEpoch(long epoch) {
    check(epoch > 0, "epoch", epoch, "1 to 2^63-1");
  }

  Frame read(PayloadReader in) {
    Frame frame = reader.apply(in);
    in.end();
    return frame;
  }

  void write(Frame frame, PayloadWriter out) {
    writer.accept(frame, out);
  }
}
