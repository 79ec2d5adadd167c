package io.tidemark.proxy;

import io.netty.buffer.ByteBuf;
import io.netty.util.ByteProcessor;

/**
 * Looks at the bytes of a request's head before anybody interprets them, for what implementations
 * read in different ways (RFC 9112, sections 2.2, 3 and 5.2): a CR or LF by itself, a header that
 * goes on in the next line, a request line with more or other white space than its two spaces.
 * Bytes may come in any pieces.
 */
final class HeadScanner implements ByteProcessor {
  /** {@code HTTP/}. */
  private static final long HTTP = 0x485454502fL;

  /** An object for each of them weighs more than their bytes. */
  private static final int MAX_LINES = 140;

  private String problem;
  private boolean done;

  /** Whether a line with something in it has begun: empty ones before the request do not count. */
  private boolean begun;

  private int inLine;
  private boolean firstLineOver;
  private int spaces;
  private int lines;
  private byte before;

  /** The last eight bytes. */
  private long tail;

  /** How many of the readable bytes have been looked at. */
  private int seen;

  /** The next byte is the first of a request. */
  void restart() {
    problem = null;
    done = false;
    begun = false;
    inLine = 0;
    firstLineOver = false;
    spaces = 0;
    lines = 0;
    tail = 0;
    before = 0;
    seen = 0;
  }

  /** Whether what is wrong is only that there are too many headers. */
  boolean isTooLong() {
    return lines > MAX_LINES;
  }

  /** What is wrong with the head, or null. */
  String problem() {
    return problem;
  }

  /** Looks at what has come since the last time, as far as it belongs to the head. */
  void look(ByteBuf in) {
    int from = in.readerIndex() + seen;
    if (!done && problem == null && from < in.writerIndex()) {
      in.forEachByte(from, in.writerIndex() - from, this);
    }
    seen = in.readableBytes();
  }

  /** So many of the bytes that were looked at have been taken away. */
  void consumed(int bytes) {
    seen = Math.max(0, seen - bytes);
  }

  /** METHOD SP TARGET SP HTTP/DIGIT.DIGIT, with letters as they stand here. */
  private void requestLine() {
    boolean version = tail >>> 24 == HTTP && (tail >>> 8 & 0xff) == '.';
    if (problem == null && (spaces != 2 || !version)) {
      problem = "the request line is none";
    }
  }

  @Override
  public boolean process(byte b) {
    if (b == '\n') {
      if (before != '\r') {
        problem = "a line ends with LF instead of CRLF";
      } else if (inLine == 0 && begun) {
        done = true;
      }
      if (!firstLineOver && inLine > 0) {
        firstLineOver = true;
        requestLine();
      }
      if (++lines > MAX_LINES) {
        problem = "there are too many headers";
      }
      inLine = 0;
    } else if (before == '\r') {
      problem = "a CR stands alone";
    } else if (b != '\r') {
      if (inLine == 0 && firstLineOver && (b == ' ' || b == '\t')) {
        problem = "a header goes on in the next line";
      }
      begun = true;
      inLine++;
      if (!firstLineOver) {
        tail = tail << 8 | b & 0xff;
        spaces += b == ' ' ? 1 : 0;
        if (b == '\t') {
          problem = "the request line has a tab";
        }
      }
    }
    before = b;
    return problem == null && !done;
  }
}
