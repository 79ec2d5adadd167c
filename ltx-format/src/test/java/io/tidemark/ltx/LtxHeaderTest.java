package io.tidemark.ltx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tidemark.ltx.LtxException.Kind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class LtxHeaderTest {

  private static LtxHeader.Builder good() {
    return Samples.INCREMENT_B.header().toBuilder();
  }

  static Stream<Arguments> badHeaders() {
    return Stream.of(
        Arguments.of("flag 2", good().flags(2), Kind.UNSUPPORTED_FLAGS, 4),
        Arguments.of("top flag", good().flags(1 << 31), Kind.UNSUPPORTED_FLAGS, 4),
        Arguments.of("page size 0", good().pageSize(0), Kind.BAD_HEADER, 8),
        Arguments.of("page size 1", good().pageSize(1), Kind.BAD_HEADER, 8),
        Arguments.of("page size 256", good().pageSize(256), Kind.BAD_HEADER, 8),
        Arguments.of("page size 1000", good().pageSize(1000), Kind.BAD_HEADER, 8),
        Arguments.of("page size 131072", good().pageSize(131072), Kind.BAD_HEADER, 8),
        Arguments.of("page size 2^31", good().pageSize(1 << 31), Kind.BAD_HEADER, 8),
        Arguments.of("commit 2^32", good().commit(1L << 32), Kind.BAD_HEADER, 12),
        Arguments.of("commit -1", good().commit(-1), Kind.BAD_HEADER, 12),
        Arguments.of("min 0", good().txids(0, 2), Kind.BAD_HEADER, 16),
        Arguments.of("max 0", good().txids(2, 0), Kind.BAD_HEADER, 24),
        Arguments.of("min above max", good().txids(3, 2), Kind.BAD_HEADER, 16),
        Arguments.of("min above max, unsigned", good().txids(-1, 2), Kind.BAD_HEADER, 16),
        Arguments.of("WAL offset -1", good().wal(-1, 1, 0, 0), Kind.BAD_HEADER, 48),
        Arguments.of("WAL size -1", good().wal(1, -1, 0, 0), Kind.BAD_HEADER, 56),
        Arguments.of("salt 1 without WAL", good().wal(0, 0, 1, 0), Kind.BAD_HEADER, 64),
        Arguments.of("salt 2 without WAL", good().wal(0, 0, 0, 1), Kind.BAD_HEADER, 64),
        Arguments.of("offset without size", good().wal(32, 0, 0, 0), Kind.BAD_HEADER, 48),
        Arguments.of("size without offset", good().wal(0, 32, 0, 0), Kind.BAD_HEADER, 48),
        Arguments.of("no checksum", good().preApplyChecksum(0), Kind.BAD_HEADER, 40),
        Arguments.of("checksum without mark", good().preApplyChecksum(5), Kind.BAD_HEADER, 40),
        Arguments.of("snapshot with checksum", good().txids(1, 2), Kind.BAD_HEADER, 40));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("badHeaders")
  void badHeadersAreRefusedWithTheirPlace(
      String name, LtxHeader.Builder builder, Kind kind, long offset) {
    LtxException e = catchThrowableOfType(LtxException.class, () -> builder.build().validate());

    assertThat(e.kind()).isEqualTo(kind);
    assertThat(e.offset()).isEqualTo(offset);
  }

  @Test
  void extremesAreValid() {
    assertThatCode(() -> good().pageSize(65536).commit(0xffffffffL).build().validate())
        .doesNotThrowAnyException();
    assertThatCode(() -> good().pageSize(512).commit(0).txids(-1, -1).build().validate())
        .doesNotThrowAnyException();
    assertThatCode(() -> good().timestampMillis(-1).wal(1, 1, 0, 0).build().validate())
        .doesNotThrowAnyException();
  }

  @Test
  void everyFieldReadsBackWhateverTheByteOrderOfTheBuffer() throws LtxException {
    LtxHeader header =
        new LtxHeader(
            1,
            65536,
            0xfedcba98L,
            0x1112131415161718L,
            0xf1f2f3f4f5f6f7f8L,
            -5,
            Long.MIN_VALUE | 9,
            0x2122232425262728L,
            0x3132333435363738L,
            0x81828384,
            0x91929394,
            -2);
    ByteBuffer buffer = ByteBuffer.allocate(120).order(ByteOrder.LITTLE_ENDIAN).position(7);
    header.encode(buffer);

    assertThat(buffer.position()).isEqualTo(107);
    assertThat(buffer.order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
    assertThat(LtxHeader.decode(buffer.flip().position(7))).isEqualTo(header);
    assertThat(header.toBuilder().build()).isEqualTo(header);
  }

  @Test
  void otherMagicAndShortHeadersAreRefused() {
    ByteBuffer buffer = ByteBuffer.allocate(100);
    good().build().encode(buffer);
    buffer.put(3, (byte) '2').flip();

    assertThat(catchThrowableOfType(LtxException.class, () -> LtxHeader.decode(buffer)).kind())
        .isEqualTo(Kind.BAD_MAGIC);
    assertThat(
            catchThrowableOfType(
                    LtxException.class, () -> LtxHeader.decode(ByteBuffer.allocate(99)))
                .kind())
        .isEqualTo(Kind.TRUNCATED);
  }
}
