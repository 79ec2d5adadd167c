package io.tidemark.stream;

/** A value that travels as a number, which is the same in all versions. */
interface Coded {
  int code();

  /** The value with that number; {@code other} for one of a later version. */
  static <T extends Coded> T of(T[] values, int code, T other) {
    for (T value : values) {
      if (value.code() == code) {
        return value;
      }
    }
    return other;
  }
}
