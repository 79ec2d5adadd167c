package io.tidemark.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.stream.FrameType.Sender;
import org.junit.jupiter.api.Test;

class StreamPhaseTest {

  @Test
  void eachSideMaySendItsOwnFramesOnly() {
    for (StreamPhase phase : StreamPhase.values()) {
      for (FrameType type : FrameType.values()) {
        Sender stranger = phase.name().startsWith("REPLICA") ? Sender.PRIMARY : Sender.REPLICA;
        if (type.sender() == stranger) {
          assertThat(phase.allows(type)).as("%s in %s", type, phase).isFalse();
        }
      }
    }
  }

  @Test
  void everyFrameMayBeSentAtSomeTime() {
    for (FrameType type : FrameType.values()) {
      assertThat(SampleFrames.phaseFor(type)).isNotNull();
    }
  }

  @Test
  void onlyTheFirstFrameAndTheLastPositionsOpenTheNextPhase() {
    for (StreamPhase phase : StreamPhase.values()) {
      for (Frame frame : SampleFrames.small()) {
        if (!phase.allows(frame.type())) {
          assertThatThrownBy(() -> phase.after(frame)).isInstanceOf(ProtocolException.class);
          continue;
        }
        StreamPhase expected =
            switch (frame.type()) {
              case HELLO -> StreamPhase.REPLICA_POSITIONS;
              case POSITIONS ->
                  ((Positions) frame).more()
                      ? StreamPhase.REPLICA_POSITIONS
                      : StreamPhase.REPLICA_STREAM;
              case WELCOME -> StreamPhase.PRIMARY_STREAM;
              case END, REFUSAL -> StreamPhase.ENDED;
              default -> phase;
            };
        assertThat(phase.after(frame)).isEqualTo(expected);
      }
    }
  }
}
