package io.tidemark.lease.protocol;

/** A text is no cluster record, or one of a later version of this program. */
public final class RecordFormatException extends Exception {
  private static final long serialVersionUID = 1;

  RecordFormatException(String message) {
    super(message);
  }
}
