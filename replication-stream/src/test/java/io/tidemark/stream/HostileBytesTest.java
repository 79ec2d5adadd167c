package io.tidemark.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.Unpooled;
import io.tidemark.stream.ProtocolException.Kind;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Factory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever comes in: a correct frame or a clear fault, in bounded memory, and never a hang. */
@Timeout(60)
class HostileBytesTest {
  /** A frame that is being collected, in a buffer that grows by doubling, and one piece. */
  private static final long MEMORY_BOUND = 2L * Protocol.MAX_DATA + 1024;

  static Stream<Frame> samples() {
    return SampleFrames.small().stream();
  }

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 10), LongStream.of(System.nanoTime()));
  }

  @ParameterizedTest
  @MethodSource("samples")
  void everyFlippedBitIsNoticed(Frame frame) {
    byte[] good = SampleFrames.encode(frame, true);
    for (int bit = 0; bit < good.length * 8; bit++) {
      byte[] bad = good.clone();
      bad[bit / 8] ^= (byte) (1 << bit % 8);
      try (Wire wire = new Wire(SampleFrames.phaseFor(frame.type()))) {
        wire.feed(bad).cut();

        assertThat(wire.frames()).as("bit %d", bit).isEmpty();
        assertThat(wire.fault()).as("bit %d", bit).isNotNull();
        assertThat(wire.faults().get(0).getMessage()).isNotBlank();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("samples")
  void everyTruncationIsNoticedAtTheEndOfTheConnection(Frame frame) {
    byte[] good = SampleFrames.encode(frame);
    for (int length = 1; length < good.length; length++) {
      try (Wire wire = new Wire(SampleFrames.phaseFor(frame.type()))) {
        wire.feed(Arrays.copyOf(good, length));

        assertThat(wire.faults()).isEmpty();
        assertThat(wire.cut().fault()).isEqualTo(Kind.CUT);
        assertThat(wire.frames()).isEmpty();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("samples")
  void aPayloadCutShortUnderAValidChecksumIsNoticedOrAnotherFrame(Frame frame) {
    byte[] good = SampleFrames.encode(frame);
    int payload = good.length - Protocol.HEADER - Protocol.TRAILER;
    for (int length = 0; length < payload; length++) {
      byte[] bad = Arrays.copyOf(good, Protocol.HEADER + length + Protocol.TRAILER);
      ByteBuffer.wrap(bad).putInt(0, length);

      assertCorrectOrRefused(sealed(bad), frame.type());
    }
  }

  @ParameterizedTest
  @MethodSource("samples")
  void everyFlippedBitUnderAValidChecksumIsNoticedOrAnotherFrame(Frame frame) {
    byte[] good = SampleFrames.encode(frame, true);
    for (int bit = 0; bit < (good.length - Protocol.TRAILER) * 8; bit++) {
      byte[] bad = good.clone();
      bad[bit / 8] ^= (byte) (1 << bit % 8);

      assertCorrectOrRefused(sealed(bad), frame.type());
    }
  }

  @ParameterizedTest
  @MethodSource("samples")
  void aByteMoreUnderAValidChecksumIsRefusedOrAnotherFrame(Frame frame) {
    byte[] good = SampleFrames.encode(frame);
    byte[] bad = Arrays.copyOf(good, good.length + 1);
    ByteBuffer.wrap(bad).putInt(0, good.length + 1 - Protocol.HEADER - Protocol.TRAILER);

    // A part in the middle of a record may have a byte more; everything else has its length.
    if (frame instanceof RecordChunk chunk && !chunk.isLast()) {
      assertThat(decode(sealed(bad), frame.type())).isNotEqualTo(frame);
    } else {
      assertThatThrownBy(() -> decode(sealed(bad), frame.type()))
          .isInstanceOf(ProtocolException.class);
    }
  }

  @ParameterizedTest
  @EnumSource(FrameType.class)
  void absurdLengthsAreRefusedByTheHeaderAlone(FrameType type) {
    long[] lengths = {
      0,
      type.minPayload() - 1,
      type.maxPayload() + 1L,
      1 << 30,
      Integer.MAX_VALUE,
      1L << 31,
      0xffffffffL
    };
    for (long length : lengths) {
      if (length >= type.minPayload() && length <= type.maxPayload()) {
        continue;
      }
      try (Wire wire = new Wire(SampleFrames.phaseFor(type))) {
        ByteBuffer header = ByteBuffer.allocate(Protocol.HEADER);
        header.putInt((int) length).put((byte) type.code());
        wire.feed(header.array(), 1);

        assertThat(wire.fault()).isEqualTo(Kind.LENGTH);
        assertThat(wire.faults().get(0))
            .hasMessageContainingAll(type.name(), Long.toString(length));
        assertThat(wire.mostBytesHeld()).isLessThan(1024);
      }
    }
  }

  @Test
  void unknownTypesFlagsAndReservedBitsAreRefusedByTheHeaderAlone() {
    byte[] good = SampleFrames.encode(new Heartbeat(1, 1));
    for (int type = 0; type < 256; type++) {
      byte[] header = Arrays.copyOf(good, Protocol.HEADER);
      header[4] = (byte) type;
      if (type == 0 || type > 21) {
        assertThatThrownBy(() -> decode(header, FrameType.HEARTBEAT))
            .isInstanceOfSatisfying(
                ProtocolException.class, e -> assertThat(e.kind()).isEqualTo(Kind.TYPE))
            .hasMessageContaining("expected 1 to 21");
      }
    }
    for (int at = 5; at < 8; at++) {
      byte[] header = Arrays.copyOf(good, Protocol.HEADER);
      header[at] = 1;
      assertThatThrownBy(() -> decode(header, FrameType.HEARTBEAT))
          .isInstanceOfSatisfying(
              ProtocolException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FLAGS));
    }
  }

  @Test
  void aRequestOfAnotherProtocolIsRefusedAtOnce() {
    try (Wire wire = new Wire(StreamPhase.REPLICA_HELLO)) {
      wire.feed("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII), 1);

      assertThat(wire.fault()).isEqualTo(Kind.TYPE);
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void randomBytesAreRefusedInBoundedMemory(long seed) {
    Random random = new Random(seed);
    for (StreamPhase phase : StreamPhase.values()) {
      for (int round = 0; round < 200; round++) {
        byte[] bytes = new byte[1 + random.nextInt(4000)];
        random.nextBytes(bytes);
        try (Wire wire = new Wire(phase)) {
          wire.feed(bytes, 1 + random.nextInt(bytes.length)).cut();

          assertThat(wire.frames()).as("seed %d", seed).isEmpty();
          assertThat(wire.fault()).as("seed %d", seed).isNotNull();
          assertThat(wire.mostBytesHeld()).isLessThan(16 * 1024);
        }
      }
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void randomPayloadsUnderAValidChecksumAreRefusedOrAFrame(long seed) {
    Random random = new Random(seed);
    for (FrameType type : FrameType.values()) {
      for (int round = 0; round < 200; round++) {
        int length = type.minPayload() + random.nextInt(type.maxPayload() - type.minPayload() + 1);
        length = Math.min(length, type.minPayload() + random.nextInt(2000));
        byte[] bytes = new byte[Protocol.HEADER + length + Protocol.TRAILER];
        random.nextBytes(bytes);
        if (random.nextBoolean()) {
          // Small numbers get further than random ones.
          for (int i = Protocol.HEADER; i < bytes.length; i++) {
            bytes[i] = random.nextInt(4) == 0 ? (byte) random.nextInt(4) : 0;
          }
        }
        ByteBuffer.wrap(bytes)
            .putInt(0, length)
            .put(4, (byte) type.code())
            .put(5, (byte) (bytes[5] & type.knownFlags()))
            .putShort(6, (short) 0);

        assertCorrectOrRefused(sealed(bytes), type);
      }
    }
  }

  @Test
  void aCompressedFrameCannotClaimMoreThanItsBytesCanHold() {
    for (long claimed : new long[] {0, 10, 12 * 255 + 1, Protocol.MAX_DATA + 1, 0xffffffffL}) {
      assertThatThrownBy(() -> decode(compressed(claimed, new byte[12]), FrameType.RECORD_CHUNK))
          .isInstanceOfSatisfying(
              ProtocolException.class, e -> assertThat(e.kind()).isEqualTo(Kind.LZ4))
          .hasMessageContainingAll("12 compressed", Long.toString(claimed), "at most 255 for");
    }
  }

  @Test
  void aBombExpandsToOneFrameAtMost() {
    byte[] block = LZ4Factory.fastestInstance().fastCompressor().compress(new byte[64 << 20]);
    byte[] small = Arrays.copyOf(block, 200_000);

    assertThatThrownBy(() -> decode(compressed(Protocol.MAX_DATA, small), FrameType.RECORD_CHUNK))
        .isInstanceOfSatisfying(
            ProtocolException.class, e -> assertThat(e.kind()).isEqualTo(Kind.LZ4));
  }

  @Test
  void aBlockThatExpandsToLessThanItClaimsIsRefused() {
    byte[] block = LZ4Factory.fastestInstance().fastCompressor().compress(new byte[1000]);

    assertThatThrownBy(() -> decode(compressed(1001, block), FrameType.RECORD_CHUNK))
        .isInstanceOfSatisfying(
            ProtocolException.class, e -> assertThat(e.kind()).isEqualTo(Kind.LZ4))
        .hasMessageContainingAll("1000", "1001");
  }

  @Test
  void aSlowFrameOfTheLargestSizeHoldsNoMoreThanTwiceItsSize() {
    Frame frame = new SnapshotPages(1, 1, 64, ByteBuffer.wrap(new byte[64 * 4096]));
    try (Wire wire = new Wire(StreamPhase.PRIMARY_STREAM)) {
      byte[] bytes = SampleFrames.encode(frame);
      for (int i = 0; i < 4; i++) {
        wire.feed(bytes, 700);
      }

      assertThat(wire.frames()).containsOnly(frame).hasSize(4);
      assertThat(wire.mostBytesHeld()).isLessThanOrEqualTo(MEMORY_BOUND);
    }
  }

  @Test
  void aLaterVersionIsRefusedByBothNumbersWhateverElseItsGreetingHas() {
    for (FrameType type : new FrameType[] {FrameType.HELLO, FrameType.WELCOME}) {
      for (int payload : new int[] {2, 60, 4096}) {
        byte[] bytes = new byte[Protocol.HEADER + payload + Protocol.TRAILER];
        ByteBuffer.wrap(bytes)
            .putInt(0, payload)
            .put(4, (byte) type.code())
            .putShort(Protocol.HEADER, (short) 2);

        assertThatThrownBy(() -> decode(sealed(bytes), type))
            .isInstanceOfSatisfying(
                ProtocolException.class, e -> assertThat(e.kind()).isEqualTo(Kind.VERSION))
            .hasMessageContainingAll("version 2", "version 1", "upgrade this node");
      }
    }
  }

  /** A frame that was accepted must be one that can be sent and arrives as the same. */
  private static void assertCorrectOrRefused(byte[] bytes, FrameType type) {
    Frame frame;
    try {
      frame = decode(bytes, type);
    } catch (ProtocolException e) {
      assertThat(e.getMessage()).isNotBlank();
      return;
    }
    if (frame != null) {
      assertThat(decode(SampleFrames.encode(frame), frame.type())).isEqualTo(frame);
    }
  }

  private static Frame decode(byte[] bytes, FrameType type) {
    return FrameCodec.decode(Unpooled.wrappedBuffer(bytes), SampleFrames.phaseFor(type));
  }

  /** With the checksum that belongs to the rest. */
  private static byte[] sealed(byte[] frame) {
    CRC32C crc = new CRC32C();
    crc.update(frame, 0, frame.length - Protocol.TRAILER);
    ByteBuffer.wrap(frame).putInt(frame.length - Protocol.TRAILER, (int) crc.getValue());
    return frame;
  }

  private static byte[] compressed(long claimed, byte[] block) {
    ByteBuffer out =
        ByteBuffer.allocate(Protocol.HEADER + 48 + 4 + block.length + Protocol.TRAILER);
    out.putInt(48 + 4 + block.length).put((byte) 5).put((byte) RecordChunk.LZ4).putShort((short) 0);
    out.putInt(1).putLong(1).putLong(1).putLong(1 << 30).putInt(0).putLong(1).putLong(5);
    out.putInt((int) claimed).put(block);
    return sealed(out.array());
  }
}
