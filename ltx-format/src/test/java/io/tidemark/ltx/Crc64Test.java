package io.tidemark.ltx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class Crc64Test {

  /** The definition, one bit at a time. */
  private static long slowCrc(long crc, byte[] bytes, int offset, int length) {
    long c = ~crc;
    for (int i = offset; i < offset + length; i++) {
      c ^= bytes[i] & 0xff;
      for (int bit = 0; bit < 8; bit++) {
        c = (c & 1) != 0 ? c >>> 1 ^ 0xd800000000000000L : c >>> 1;
      }
    }
    return ~c;
  }

  @Test
  void checkValueIsThatOfTheCatalogue() {
    byte[] text = "123456789".getBytes(StandardCharsets.US_ASCII);

    assertThat(Crc64.update(0, text, 0, text.length)).isEqualTo(0xb90956c775a41001L);
  }

  @Test
  void nothingHasCrcZero() {
    assertThat(Crc64.update(0, new byte[0], 0, 0)).isZero();
  }

  @Test
  void everyLengthAndAlignmentAgreesWithTheBitwiseDefinition() {
    byte[] bytes = new byte[420];
    new Random(1).nextBytes(bytes);
    ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length).put(0, bytes);
    ByteBuffer readOnly = ByteBuffer.wrap(bytes).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer slice = ByteBuffer.wrap(bytes).position(3).slice();
    for (int length = 0; length <= 400; length++) {
      int offset = 3 + length % 16;
      long before = length * 0x9e3779b97f4a7c15L;
      long expected = slowCrc(before, bytes, offset, length);
      assertThat(Crc64.update(before, bytes, offset, length)).isEqualTo(expected);
      assertThat(Crc64.update(before, direct, offset, length)).isEqualTo(expected);
      assertThat(Crc64.update(before, readOnly, offset, length)).isEqualTo(expected);
      assertThat(Crc64.update(before, slice, offset - 3, length)).isEqualTo(expected);
    }
  }

  @Test
  void everySingleBitChangesTheCrcAsDefined() {
    for (int length : new int[] {1, 4, 8, 31, 32, 64, 100}) {
      for (int bit = 0; bit < 8 * length; bit++) {
        byte[] bytes = new byte[length];
        bytes[bit >> 3] = (byte) (1 << (bit & 7));
        assertThat(Crc64.update(0, bytes, 0, length)).isEqualTo(slowCrc(0, bytes, 0, length));
      }
    }
  }

  @Test
  void aCrcCanBeContinuedAtAnyPoint() {
    byte[] bytes = new byte[5000];
    new Random(2).nextBytes(bytes);
    long whole = Crc64.update(0, bytes, 0, bytes.length);
    for (int cut = 0; cut <= bytes.length; cut += 37) {
      long first = Crc64.update(0, bytes, 0, cut);
      assertThat(Crc64.update(first, bytes, cut, bytes.length - cut)).isEqualTo(whole);
    }
  }

  @Test
  void aBigEndianNumberCountsAsItsFourBytes() {
    byte[] bytes = {(byte) 0x81, 2, 3, (byte) 0xf4};

    assertThat(Crc64.updateInt(77, 0x810203f4)).isEqualTo(Crc64.update(77, bytes, 0, 4));
  }

  @Test
  void combiningTwoCrcsEqualsTheCrcOfBothSequences() {
    Random random = new Random(3);
    for (int lengthB : new int[] {0, 1, 7, 8, 100, 516, 4100, 65540}) {
      byte[] both = new byte[1000 + lengthB];
      random.nextBytes(both);
      long a = Crc64.update(0, both, 0, 1000);
      long b = Crc64.update(0, both, 1000, lengthB);
      long expected = Crc64.update(0, both, 0, both.length);
      assertThat(Crc64.combine(a, b, lengthB)).isEqualTo(expected);
      assertThat(Crc64.Combiner.forLength(lengthB).combine(a, b)).isEqualTo(expected);
      assertThat(Crc64.combine(0, b, lengthB)).isEqualTo(b);
    }
  }

  @Test
  void combiningWorksForLengthsBeyondMemory() {
    long length = 1L << 40;
    long step = Crc64.combine(0x0123456789abcdefL, 0, length / 2);

    assertThat(Crc64.combine(0x0123456789abcdefL, 0, length))
        .isEqualTo(Crc64.combine(step, 0, length / 2));
    assertThat(Crc64.combine(1, 2, Long.MAX_VALUE)).isNotZero();
  }

  @Test
  void combinersAreSharedPerLength() {
    assertThat(Crc64.Combiner.forLength(4100)).isSameAs(Crc64.Combiner.forLength(4100));
  }

  @Test
  void rangesOutsideTheDataAndNegativeLengthsAreRefused() {
    byte[] bytes = new byte[40];
    ByteBuffer direct = ByteBuffer.allocateDirect(40);

    assertThatThrownBy(() -> Crc64.update(0, bytes, 1, 40))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> Crc64.update(0, direct, 1, 40))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> Crc64.combine(0, 0, -1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Crc64.Combiner.forLength(-1))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
