package io.tidemark.stream;

/**
 * One message of the replication stream. Frames are values: what a constructor accepts can be sent,
 * and what was received has been through the same constructor, which throws a {@link
 * ProtocolException} for anything else.
 *
 * <p>Bytes that a frame carries are given and taken as {@link java.nio.ByteBuffer}: the frame keeps
 * a read-only view from position to limit and copies nothing, so the bytes under it must not change
 * afterwards. Each call of the accessor gives a view with a position of its own. Equal bytes make
 * equal frames.
 */
public sealed interface Frame
    permits Hello,
        Welcome,
        Positions,
        DatabaseOpen,
        RecordChunk,
        CommitPosition,
        Ack,
        SnapshotResume,
        SnapshotBegin,
        SnapshotPages,
        SnapshotEnd,
        PageSumsRequest,
        PageSums,
        Drop,
        Heartbeat,
        HeartbeatReply,
        Admission,
        Standing,
        Handoff,
        End,
        Refusal {
  FrameType type();

  /**
   * Bytes of records or pages in this frame before compression: what it occupies in the memory of
   * the receiver, and what {@link SendWindow} counts.
   */
  default int dataBytes() {
    return 0;
  }
}
