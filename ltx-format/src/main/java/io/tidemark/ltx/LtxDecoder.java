package io.tidemark.ltx;

import io.tidemark.ltx.LtxException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/**
 * Reads an LTX file from a stream and checks all that can be checked without the database: every
 * header rule, page numbers ascending and within the commit, no lock page, snapshots complete, both
 * checksums, nothing after the trailer. Pages are handed out before the checksums at the end of the
 * file have been seen, so a caller must not make them visible until {@link #nextPage} returned
 * false.
 *
 * <p>Any bad input gives an {@link LtxException}; memory is bounded by one page and, in compressed
 * files, two LZ4 blocks of at most 4 MiB, whatever the file claims. A decoder can be used again
 * with {@link #reset} and then keeps its buffers. Not safe for use by several threads.
 */
public final class LtxDecoder {

  private enum State {
    /** Inside the pages. */
    PAGES,
    /** All read and found good. */
    CLOSED,
    /** An exception was thrown; what follows in the source has no meaning. */
    FAILED
  }

  /** Bytes that always follow a page: the end marker and the trailer. */
  private static final int AFTER_PAGE = 4 + LtxTrailer.SIZE;

  private final InputBuffer in = new InputBuffer();
  private Lz4FrameReader lz4;
  private byte[] straddling = new byte[0];
  private State state = State.FAILED;
  private boolean allowTrailing;

  private LtxHeader header;
  private LtxTrailer trailer;
  private Crc64.Combiner combiner;
  private long lockPage;
  private long pgno;
  private long pageCrc;
  private long fileCrc;
  private long rolling;

  /**
   * Reads the header of a file that is all the source contains.
   *
   * @throws LtxException if the header is not valid
   */
  public LtxDecoder(LtxSource source) throws IOException {
    this(source, false);
  }

  /**
   * Reads the header of a file.
   *
   * @param allowTrailing whether other data may follow in the source; then not a byte after the
   *     trailer is read
   */
  public LtxDecoder(LtxSource source, boolean allowTrailing) throws IOException {
    reset(source, allowTrailing);
  }

  /** A decoder for a file that is all the stream contains. */
  public static LtxDecoder of(InputStream in) throws IOException {
    return new LtxDecoder(LtxSource.of(in));
  }

  /** A decoder for a file that is all the blocking channel contains. */
  public static LtxDecoder of(ReadableByteChannel channel) throws IOException {
    return new LtxDecoder(LtxSource.of(channel));
  }

  /** A decoder for a file that is all the buffer contains from position to limit. */
  public static LtxDecoder of(ByteBuffer buffer) throws IOException {
    return new LtxDecoder(LtxSource.of(buffer));
  }

  /**
   * Reads a whole file and checks all of it.
   *
   * @return its header
   */
  public static LtxHeader verify(LtxSource source) throws IOException {
    LtxDecoder decoder = new LtxDecoder(source);
    decoder.drain();
    return decoder.header();
  }

  /** Turns to another source and reads the header of the file in it. */
  public void reset(LtxSource source, boolean mayTrail) throws IOException {
    state = State.FAILED;
    allowTrailing = mayTrail;
    trailer = null;
    pgno = 0;
    rolling = PageChecksums.EMPTY;
    in.begin(source, !mayTrail);
    in.require(LtxHeader.SIZE, AFTER_PAGE, "header");
    int at = in.position();
    header = LtxHeader.decode(ByteBuffer.wrap(in.array(), at, LtxHeader.SIZE));
    fileCrc = Crc64.update(0, in.array(), at, LtxHeader.SIZE);
    in.skip(LtxHeader.SIZE);
    combiner = Crc64.Combiner.forLength(4 + header.pageSize());
    lockPage = PageChecksums.lockPage(header.pageSize());
    if (header.isLz4()) {
      if (lz4 == null) {
        lz4 = new Lz4FrameReader();
      }
      lz4.begin(in);
    }
    state = State.PAGES;
  }

  public LtxHeader header() {
    return header;
  }

  /**
   * Reads the next page.
   *
   * @param dst receives the page at its position, which is advanced by the page size
   * @return false at the end of the file, when everything has been verified and {@code dst} is
   *     unchanged
   * @throws IllegalArgumentException if {@code dst} has less space than a page
   * @throws IllegalStateException if decoding has failed before
   */
  public boolean nextPage(ByteBuffer dst) throws IOException {
    requirePagesOrEnd();
    if (dst.remaining() < header.pageSize()) {
      throw new IllegalArgumentException(
          "page buffer: expected " + header.pageSize() + " bytes of space, got " + dst.remaining());
    }
    return next(dst);
  }

  /** Reads and checks all that is left of the file. */
  public void drain() throws IOException {
    requirePagesOrEnd();
    while (next(null)) {
      // the checks are the point
    }
  }

  private void requirePagesOrEnd() {
    if (state == State.FAILED) {
      throw new IllegalStateException("decoding this file has failed before");
    }
  }

  private boolean next(ByteBuffer dst) throws IOException {
    if (state == State.CLOSED) {
      return false;
    }
    state = State.FAILED;
    boolean page = header.isLz4() ? nextCompressed(dst) : nextPlain(dst);
    if (!page) {
      finish();
    }
    state = page ? State.PAGES : State.CLOSED;
    return page;
  }

  private boolean nextPlain(ByteBuffer dst) throws IOException {
    in.require(4, LtxTrailer.SIZE, "page number");
    if (in.intAt(0) == 0) {
      in.skip(4);
      return false;
    }
    acceptNumber(in.intAt(0));
    int frame = 4 + header.pageSize();
    in.require(frame, AFTER_PAGE, "page");
    acceptFrame(in.array(), in.position(), dst);
    in.skip(frame);
    return true;
  }

  private boolean nextCompressed(ByteBuffer dst) throws IOException {
    int frame = 4 + header.pageSize();
    byte[] bytes;
    int at;
    if (lz4.available() >= frame) {
      bytes = lz4.array();
      at = lz4.position();
    } else {
      if (straddling.length < frame) {
        straddling = new byte[frame];
      }
      bytes = straddling;
      at = 0;
      gather(0, 4);
    }
    int number =
        bytes[at] << 24
            | (bytes[at + 1] & 0xff) << 16
            | (bytes[at + 2] & 0xff) << 8
            | bytes[at + 3] & 0xff;
    if (number == 0) {
      if (bytes != straddling) {
        lz4.skip(4);
      }
      lz4.end();
      return false;
    }
    acceptNumber(number);
    if (bytes == straddling) {
      gather(4, header.pageSize());
    } else {
      lz4.skip(frame);
    }
    acceptFrame(bytes, at, dst);
    return true;
  }

  /** Collects bytes of a page frame that lies in more than one block. */
  private void gather(int offset, int length) throws IOException {
    while (length > 0) {
      if (lz4.available() == 0) {
        lz4.nextBlock();
      }
      int n = Math.min(length, lz4.available());
      System.arraycopy(lz4.array(), lz4.position(), straddling, offset, n);
      lz4.skip(n);
      offset += n;
      length -= n;
    }
  }

  private void acceptNumber(int number) throws LtxException {
    long next = Integer.toUnsignedLong(number);
    if (next > header.commit()) {
      throw badPage("expected at most " + header.commit() + " (commit)", next);
    }
    if (next == lockPage) {
      throw badPage("expected any but the lock page", next);
    }
    if (next <= pgno) {
      throw badPage("expected one above " + pgno, next);
    }
    if (header.isSnapshot() && next != nextOf(pgno)) {
      throw new LtxException(
          Kind.MISSING_PAGE,
          in.offset(),
          "page number: expected " + nextOf(pgno) + " next in a snapshot, got " + next);
    }
    pgno = next;
  }

  private LtxException badPage(String expected, long actual) {
    return new LtxException(
        Kind.BAD_PAGE, in.offset(), "page number: " + expected + ", got " + actual);
  }

  private long nextOf(long number) {
    return number + 1 == lockPage ? number + 2 : number + 1;
  }

  private void acceptFrame(byte[] bytes, int at, ByteBuffer dst) {
    int pageSize = header.pageSize();
    // A page frame in the file is byte for byte what the page CRC covers.
    pageCrc = Crc64.update(0, bytes, at, 4 + pageSize);
    fileCrc = combiner.combine(fileCrc, pageCrc);
    rolling = PageChecksums.xor(rolling, pageCrc);
    if (dst != null) {
      dst.put(bytes, at + 4, pageSize);
    }
  }

  private void finish() throws IOException {
    if (header.isSnapshot() && nextOf(pgno) <= header.commit()) {
      throw new LtxException(
          Kind.MISSING_PAGE,
          in.offset(),
          "snapshot: expected " + header.commit() + " pages, got pages up to " + pgno);
    }
    in.require(LtxTrailer.SIZE, 0, "trailer");
    long at = in.offset();
    fileCrc = Crc64.updateInt(fileCrc, 0);
    fileCrc = Crc64.update(fileCrc, in.array(), in.position(), LtxTrailer.COVERED);
    LtxTrailer read =
        LtxTrailer.decode(ByteBuffer.wrap(in.array(), in.position(), LtxTrailer.SIZE));
    in.skip(LtxTrailer.SIZE);
    if (read.fileChecksum() != (fileCrc | Checksum.FLAG)) {
      throw new LtxException(
          Kind.CHECKSUM_MISMATCH,
          at + LtxTrailer.COVERED,
          "file checksum: expected "
              + Hex16.format(fileCrc | Checksum.FLAG)
              + " from the data, got "
              + Hex16.format(read.fileChecksum()));
    }
    checkPostApply(read.postApplyChecksum(), at);
    if (!allowTrailing && !in.atEnd()) {
      throw new LtxException(
          Kind.TRAILING_DATA, in.offset(), "expected the end after the trailer, got more bytes");
    }
    trailer = read;
  }

  private void checkPostApply(long actual, long at) throws LtxException {
    if (actual >= 0) {
      throw new LtxException(
          Kind.BAD_TRAILER,
          at,
          "post-apply checksum: expected bit 63 set, got " + Hex16.format(actual));
    }
    boolean contentKnown = header.isSnapshot() || header.commit() == 0;
    if (contentKnown && actual != rolling) {
      throw new LtxException(
          Kind.CHECKSUM_MISMATCH,
          at,
          "post-apply checksum: expected "
              + Hex16.format(rolling)
              + ", that of the pages; got "
              + Hex16.format(actual));
    }
  }

  /** Number of the page read last, 1 to 2^32-1. */
  public long pageNumber() {
    return pgno;
  }

  /** Checksum of the page read last, bit 63 set. */
  public long pageChecksum() {
    return PageChecksums.fromCrc(pageCrc);
  }

  /** CRC of the page read last, as {@link LtxEncoder#pageWithCrc} wants it. */
  public long pageCrc() {
    return pageCrc;
  }

  /**
   * The verified trailer.
   *
   * @throws IllegalStateException before the end of the file has been read
   */
  public LtxTrailer trailer() {
    if (state != State.CLOSED) {
      throw new IllegalStateException(
          "trailer: expected all pages to be read, got state " + state + " at page " + pgno);
    }
    return trailer;
  }

  /**
   * The position of a database after this file.
   *
   * @throws IllegalStateException before the end of the file has been read
   */
  public Pos postPos() {
    return header.postPos(trailer());
  }

  /** Bytes of the file consumed so far; its length once the end has been read. */
  public long bytesRead() {
    return in.offset();
  }
}
