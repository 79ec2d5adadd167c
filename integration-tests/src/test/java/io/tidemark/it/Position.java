package io.tidemark.it;

/** A position as NAME-pos shows it, read without the program's own classes. */
record Position(long txid, long checksum) {
  static final Position NONE = new Position(0, 0);

  static Position parse(String text) {
    if (!text.matches("[0-9a-f]{16}/[0-9a-f]{16}")) {
      throw new AssertionError("not a position: '" + text + "'");
    }
    return new Position(
        Long.parseUnsignedLong(text.substring(0, 16), 16),
        Long.parseUnsignedLong(text.substring(17), 16));
  }

  @Override
  public String toString() {
    return String.format("%016x/%016x", txid, checksum);
  }
}
