package io.tidemark.node.cli;

/** Colours of a terminal; none anywhere else. */
enum Paint {
  NONE(""),
  BAD("\u001b[31m"),
  WARN("\u001b[33m");

  private static final String END = "\u001b[0m";
  private final String begin;

  Paint(String begin) {
    this.begin = begin;
  }

  /** This colour if there are colours at all. */
  Paint onlyIf(boolean colours) {
    return colours ? this : NONE;
  }

  String on(String text) {
    return this == NONE ? text : begin + text + END;
  }
}
