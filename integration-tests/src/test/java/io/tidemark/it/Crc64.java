package io.tidemark.it;

/** CRC-64/GO-ISO, written from its definition and not shared with the program under test. */
final class Crc64 {
  private static final long[] TABLE = new long[256];

  static {
    for (int i = 0; i < 256; i++) {
      long crc = i;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 1) != 0 ? (crc >>> 1) ^ 0xD800000000000000L : crc >>> 1;
      }
      TABLE[i] = crc;
    }
  }

  private long state = -1;

  Crc64 add(byte[] bytes) {
    long crc = state;
    for (byte b : bytes) {
      crc = TABLE[(int) (crc ^ b) & 0xff] ^ (crc >>> 8);
    }
    state = crc;
    return this;
  }

  Crc64 addInt(int value) {
    return add(
        new byte[] {
          (byte) (value >>> 24), (byte) (value >>> 16), (byte) (value >>> 8), (byte) value
        });
  }

  long value() {
    return ~state;
  }
}
