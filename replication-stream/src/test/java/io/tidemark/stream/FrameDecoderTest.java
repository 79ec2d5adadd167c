package io.tidemark.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.ltx.Txid;
import io.tidemark.stream.ProtocolException.Kind;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class FrameDecoderTest {
  private static final Ack ACK = new Ack(1, 3, new Txid(9), new Txid(8), new Txid(7), 123456);
  private static final Frame HELLO = SampleFrames.small().get(0);
  private static final Frame HEARTBEAT = new Heartbeat(1, 2);

  @Test
  void tenThousandTinyFramesInOneBufferAllArrive() {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int i = 1; i <= 10_000; i++) {
      all.writeBytes(SampleFrames.encode(new Heartbeat(i, -i)));
    }
    try (Wire wire = new Wire(StreamPhase.PRIMARY_STREAM)) {
      wire.feed(all.toByteArray());

      assertThat(wire.frames()).hasSize(10_000);
      assertThat(wire.frames().get(9_999)).isEqualTo(new Heartbeat(10_000, -10_000));
      assertThat(wire.bytesHeld()).isZero();
    }
  }

  @Test
  void framesInPiecesOfOneByteAllArrive() {
    for (Frame frame : SampleFrames.small()) {
      try (Wire wire = new Wire(SampleFrames.phaseFor(frame.type()))) {
        wire.feed(SampleFrames.encode(frame), 1);

        assertThat(wire.frames()).containsExactly(frame);
      }
    }
  }

  @Test
  void aWholeConversationOfAReplicaIsAccepted() {
    try (Wire wire = new Wire(StreamPhase.REPLICA_HELLO)) {
      for (Frame frame :
          List.of(
              HELLO,
              new Positions(4, List.of(new NamedPosition("a", Position.NONE)), true),
              new Positions(4, List.of(), false),
              HEARTBEAT,
              ACK,
              new End(End.Reason.SHUTDOWN, "bye"))) {
        wire.feed(SampleFrames.encode(frame), 3);
      }
      wire.cut();

      assertThat(wire.frames()).hasSize(6);
      assertThat(wire.faults()).isEmpty();
      assertThat(wire.phase()).isEqualTo(StreamPhase.ENDED);
    }
  }

  @Test
  void aStrangerIsRefusedByTheTypeInItsHeaderBeforeAnythingIsWaitedFor() {
    try (Wire wire = new Wire(StreamPhase.REPLICA_HELLO)) {
      byte[] ack = SampleFrames.encode(ACK);
      wire.feed(Arrays.copyOf(ack, Protocol.HEADER));

      assertThat(wire.fault()).isEqualTo(Kind.ORDER);
      assertThat(wire.faults().get(0)).hasMessageContainingAll("ACK", "REPLICA_HELLO", "HELLO");
    }
  }

  @Test
  void aFrameOfTheOtherSideIsRefused() {
    try (Wire wire = new Wire(StreamPhase.REPLICA_STREAM)) {
      wire.feed(SampleFrames.encode(new CommitPosition(1, 1, SampleFrames.POSITION.txid())));

      assertThat(wire.fault()).isEqualTo(Kind.ORDER);
    }
  }

  @Test
  void nothingMayFollowTheLastWord() {
    for (Frame last :
        List.of(new End(End.Reason.HANDOFF, ""), new Refusal(Refusal.Reason.NOT_PRIMARY, "", ""))) {
      try (Wire wire = new Wire(StreamPhase.PRIMARY_WELCOME)) {
        wire.feed(SampleFrames.encode(last)).feed(SampleFrames.encode(HEARTBEAT));

        assertThat(wire.frames()).containsExactly(last);
        assertThat(wire.fault()).isEqualTo(Kind.ORDER);
      }
    }
  }

  @Test
  void afterAFaultEverythingIsThrownAwayAndNothingMoreIsReported() {
    byte[] bad = SampleFrames.encode(HEARTBEAT);
    bad[10] ^= 1;
    try (Wire wire = new Wire(StreamPhase.PRIMARY_STREAM)) {
      wire.feed(SampleFrames.encode(HEARTBEAT)).feed(bad);
      for (int i = 0; i < 1000; i++) {
        wire.feed(SampleFrames.encode(HEARTBEAT)).feed(new byte[10_000]);
      }
      wire.cut();

      assertThat(wire.frames()).containsExactly(HEARTBEAT);
      assertThat(wire.fault()).isEqualTo(Kind.CRC);
      assertThat(wire.mostBytesHeld()).isZero();
    }
  }

  @Test
  void framesBeforeABadOneInTheSameBufferArrive() {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(SampleFrames.encode(HEARTBEAT));
    all.writeBytes(new byte[100]);
    try (Wire wire = new Wire(StreamPhase.PRIMARY_STREAM)) {
      wire.feed(all.toByteArray());

      assertThat(wire.frames()).containsExactly(HEARTBEAT);
      assertThat(wire.fault()).isEqualTo(Kind.TYPE);
    }
  }
}
