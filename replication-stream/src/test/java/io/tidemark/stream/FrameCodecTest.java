package io.tidemark.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.tidemark.ltx.Txid;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class FrameCodecTest {

  static Stream<Frame> samples() {
    return SampleFrames.small().stream();
  }

  /** Fixed ones, and a new one in each run, whose number is in the name of the test. */
  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 20), LongStream.of(System.nanoTime()));
  }

  @Test
  void everyTypeHasASample() {
    Set<FrameType> types = samples().map(Frame::type).collect(Collectors.toSet());

    assertThat(types).containsExactlyInAnyOrder(FrameType.values());
  }

  @ParameterizedTest
  @MethodSource("samples")
  void whatWasSentIsWhatArrives(Frame frame) {
    for (boolean compress : new boolean[] {false, true}) {
      ByteBuf wire = Unpooled.wrappedBuffer(SampleFrames.encode(frame, compress));

      assertThat(FrameCodec.decode(wire, SampleFrames.phaseFor(frame.type()))).isEqualTo(frame);
      assertThat(wire.isReadable()).isFalse();
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void randomFramesArriveAsTheyWereSent(long seed) {
    Random random = new Random(seed);
    for (FrameType type : FrameType.values()) {
      Frame frame = SampleFrames.random(type, random);
      byte[] wire = SampleFrames.encode(frame, random.nextBoolean());

      try (Wire channel = new Wire(SampleFrames.phaseFor(type))) {
        channel.feed(wire, 1 + random.nextInt(wire.length));

        assertThat(channel.frames()).as("seed %d, %s", seed, type).containsExactly(frame);
        assertThat(wire.length)
            .isBetween(
                Protocol.HEADER + type.minPayload() + Protocol.TRAILER,
                Protocol.HEADER + type.maxPayload() + Protocol.TRAILER);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(FrameType.class)
  void randomFramesThatDifferAreNotEqual(FrameType type) {
    Random random = new Random(type.code());

    assertThat(SampleFrames.random(type, random)).isNotEqualTo(SampleFrames.random(type, random));
  }

  @Test
  void compressionIsUsedOnlyWhereItMakesAFrameShorter() {
    RecordChunk dull =
        new RecordChunk(1, 1, new Txid(1), 100_000, 0, new Txid(1), 0, SampleFrames.bytes(100_000));
    byte[] noise = new byte[100_000];
    new Random(1).nextBytes(noise);
    RecordChunk noisy =
        new RecordChunk(1, 1, new Txid(1), 100_000, 0, new Txid(1), 0, ByteBuffer.wrap(noise));

    assertThat(SampleFrames.encode(dull, true).length).isLessThan(60_000);
    assertThat(SampleFrames.encode(dull, false)).hasSize(100_060);
    assertThat(SampleFrames.encode(noisy, true)).hasSize(100_060);
  }

  @Test
  void aFrameIsReadFromABufferOfManyPartsAndFromMemoryOutsideTheHeap() {
    Frame frame = SampleFrames.random(FrameType.SNAPSHOT_PAGES, new Random(5));
    byte[] wire = SampleFrames.encode(frame, true);
    ByteBuf parts = Unpooled.compositeBuffer(100);
    for (int from = 0; from < wire.length; from += 1000) {
      int length = Math.min(1000, wire.length - from);
      parts = parts.writeBytes(Unpooled.wrappedBuffer(wire, from, length));
    }
    ByteBuf composite =
        Unpooled.wrappedBuffer(
            Unpooled.wrappedBuffer(wire, 0, 5),
            Unpooled.wrappedBuffer(wire, 5, 20),
            Unpooled.wrappedBuffer(wire, 25, wire.length - 25));
    ByteBuf direct = Unpooled.directBuffer().writeBytes(wire);

    for (ByteBuf in : List.of(parts, composite, direct)) {
      assertThat(FrameCodec.decode(in, StreamPhase.PRIMARY_STREAM)).isEqualTo(frame);
      assertThat(in.release()).isTrue();
    }
  }

  @Test
  void theEncoderCompressesTheTypesThatItWasToldTo() {
    Frame pages = new SnapshotPages(1, 1, 16, SampleFrames.bytes(16 * 4096));
    EmbeddedChannel plain = new EmbeddedChannel(new FrameEncoder(Set.of()));
    EmbeddedChannel small =
        new EmbeddedChannel(new FrameEncoder(EnumSet.of(FrameType.SNAPSHOT_PAGES)));
    List<Integer> lengths = new ArrayList<>();

    for (EmbeddedChannel channel : List.of(plain, small)) {
      channel.writeOutbound(pages);
      ByteBuf wire = channel.readOutbound();
      lengths.add(wire.readableBytes());
      assertThat(FrameCodec.decode(wire, StreamPhase.PRIMARY_STREAM)).isEqualTo(pages);
      assertThat(wire.release()).isTrue();
      channel.finish();
    }

    assertThat(lengths.get(0)).isEqualTo(Protocol.HEADER + 10 + 16 * 4096 + Protocol.TRAILER);
    assertThat(lengths.get(1)).isLessThan(lengths.get(0) / 2);
  }

  @Test
  void bytesOfAFrameAreAViewThatNobodyCanMoveOrChange() {
    SnapshotPages pages = new SnapshotPages(1, 1, 1, SampleFrames.bytes(512));
    pages.bytes().position(100);

    assertThat(pages.bytes().remaining()).isEqualTo(512);
    assertThat(pages.bytes().isReadOnly()).isTrue();
    assertThat(pages).isEqualTo(new SnapshotPages(1, 1, 1, SampleFrames.bytes(512)));
  }
}
