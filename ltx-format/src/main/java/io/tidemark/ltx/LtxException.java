package io.tidemark.ltx;

import java.io.IOException;
import java.util.Objects;

/**
 * Bytes that are not a valid LTX file, or files that do not fit together. Thrown for every kind of
 * bad input; failures of the underlying source or sink pass through as they are.
 */
public class LtxException extends IOException {

  private static final long serialVersionUID = 1L;

  /** What is wrong, in terms of the format. */
  public enum Kind {
    /** The file does not start with "LTX1". */
    BAD_MAGIC,
    /** A header flag this generation of the format does not define. */
    UNSUPPORTED_FLAGS,
    /** A header field is out of range or contradicts another one. */
    BAD_HEADER,
    /** The data ends before the file does. */
    TRUNCATED,
    /** A page number is out of range, out of order, or that of the lock page. */
    BAD_PAGE,
    /** A snapshot, or another file that has to be complete, lacks a page. */
    MISSING_PAGE,
    /** A trailer field is impossible whatever the pages are. */
    BAD_TRAILER,
    /** A checksum does not match the data it covers. */
    CHECKSUM_MISMATCH,
    /** Bytes follow the trailer. */
    TRAILING_DATA,
    /** The compressed page block is not a valid LZ4 frame. */
    BAD_LZ4,
    /** A valid LZ4 frame that uses an option not supported here. */
    UNSUPPORTED_LZ4,
    /** Files to be merged do not follow each other. */
    NOT_CONSECUTIVE
  }

  private final Kind kind;
  private final long offset;

  /** For problems that have no place in a file. */
  public LtxException(Kind kind, String message) {
    this(kind, -1, message);
  }

  /**
   * @param offset byte offset in the LTX file near which the problem was found, -1 if unknown
   */
  public LtxException(Kind kind, long offset, String message) {
    super(offset < 0 ? message : message + " (at byte " + offset + ")");
    this.kind = Objects.requireNonNull(kind, "kind");
    this.offset = Math.max(offset, -1);
  }

  public LtxException(Kind kind, long offset, String message, Throwable cause) {
    this(kind, offset, message);
    initCause(cause);
  }

  public Kind kind() {
    return kind;
  }

  /** Byte offset in the LTX file near which the problem was found, -1 if unknown. */
  public long offset() {
    return offset;
  }
}
