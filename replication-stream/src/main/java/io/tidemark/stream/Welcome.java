package io.tidemark.stream;

import java.util.Objects;

/**
 * The primary accepts a replica and says who it is and how it will behave.
 *
 * @param clusterId cluster, never {@link Id#NONE}
 * @param nodeId the primary, never {@link Id#NONE}
 * @param processNonce its running process, never {@link Id#NONE}
 * @param epoch the epoch in which it is primary, at least 1
 * @param recordVersion version of the cluster record on which it acts, 0 without a lease store
 * @param standing what the replica is in that record, going by its greeting
 * @param heartbeatMillis how often each side sends a heartbeat, 1 ms to 1 hour
 * @param deadlineMillis silence after which a side gives the connection up; at least three
 *     heartbeats, so that one that is late does not end it, at most 24 hours
 */
public record Welcome(
    Id clusterId,
    Id nodeId,
    Id processNonce,
    long epoch,
    long recordVersion,
    CommitMode commitMode,
    MemberStanding standing,
    long heartbeatMillis,
    long deadlineMillis)
    implements Frame {
  private static final long HOUR = 3_600_000;
  private static final int BEATS = 3;

  public Welcome {
    FrameType type = FrameType.WELCOME;
    Objects.requireNonNull(commitMode, "commitMode");
    Objects.requireNonNull(standing, "standing");
    type.check(!clusterId.isNone(), "cluster id", clusterId, "one that is not 0");
    type.check(!nodeId.isNone(), "node id", nodeId, "one that is not 0");
    type.check(!processNonce.isNone(), "process nonce", processNonce, "one that is not 0");
    type.checkEpoch(epoch);
    type.check(recordVersion >= 0, "record version", recordVersion, "0 to 2^63-1");
    type.check(
        heartbeatMillis >= 1 && heartbeatMillis <= HOUR,
        "heartbeat interval",
        heartbeatMillis + " ms",
        "1 ms to 1 hour");
    type.check(
        deadlineMillis >= BEATS * heartbeatMillis && deadlineMillis <= 24 * HOUR,
        "deadline",
        deadlineMillis + " ms",
        BEATS * heartbeatMillis + " ms (three heartbeats) to 24 hours");
  }

  @Override
  public FrameType type() {
    return FrameType.WELCOME;
  }

  void write(PayloadWriter out) {
    out.u16(Protocol.VERSION).id(clusterId).id(nodeId).id(processNonce).u64(epoch);
    out.u64(recordVersion).u8(commitMode.code()).u8(standing.code());
    out.u32(heartbeatMillis).u32(deadlineMillis);
  }

  static Welcome read(PayloadReader in) {
    Protocol.checkVersion(FrameType.WELCOME, in.u16("protocol version"));
    return new Welcome(
        in.randomId("cluster id"),
        in.randomId("node id"),
        in.randomId("process nonce"),
        in.u64("epoch"),
        in.u64("record version"),
        CommitMode.of(in.u8("commit mode")),
        MemberStanding.of(FrameType.WELCOME, in.u8("standing")),
        in.u32("heartbeat interval"),
        in.u32("deadline"));
  }
}
