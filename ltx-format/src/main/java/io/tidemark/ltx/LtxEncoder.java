package io.tidemark.ltx;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Writes LTX files, one after another: {@link #begin}, pages in ascending order, {@link #end}.
 *
 * <p>An encoder refuses whatever would make an invalid file before a byte of it is written: calls
 * in the wrong order ({@link IllegalStateException}) and pages that do not belong where they come
 * ({@link IllegalArgumentException}). After a refusal the file can still be continued correctly;
 * after an {@link IOException} it is lost and only {@link #begin} is allowed.
 *
 * <p>Meant to be kept, one per database: buffers are reused and nothing is allocated per page. Not
 * safe for use by several threads.
 */
public final class LtxEncoder {

  private enum State {
    /** Nothing open; {@link #begin} comes next. */
    HEADER,
    /** Header written; pages and then {@link #end} come next. */
    PAGES,
    /** The sink failed in the middle of a file; {@link #begin} starts the next one. */
    FAILED
  }

  private final OutputBuffer out = new OutputBuffer();
  private Lz4FrameWriter lz4;
  private State state = State.HEADER;

  private LtxHeader header;
  private Crc64.Combiner combiner;
  private long lockPage;
  private long lastPgno;
  private long fileCrc;
  private long rolling;

  /**
   * Starts a file.
   *
   * @throws IllegalStateException if a file is open; use {@link #reset(LtxHeader, LtxSink)} to give
   *     it up
   * @throws LtxException if the header is not valid; nothing is open then
   */
  public void begin(LtxHeader newHeader, LtxSink sink) throws IOException {
    if (state == State.PAGES) {
      throw new IllegalStateException(
          "begin: expected no open file, got one at page " + lastPgno + " of " + header);
    }
    start(newHeader, sink);
  }

  /** Starts a file, giving up the one that may be open. */
  public void reset(LtxHeader newHeader, LtxSink sink) throws IOException {
    reset();
    start(newHeader, sink);
  }

  /** Gives up the file that may be open. What the sink has received so far is not a valid file. */
  public void reset() {
    state = State.HEADER;
    out.release();
  }

  private void start(LtxHeader newHeader, LtxSink sink) throws IOException {
    Objects.requireNonNull(sink, "sink");
    newHeader.validate();
    if (header == null || header.pageSize() != newHeader.pageSize()) {
      combiner = Crc64.Combiner.forLength(4 + newHeader.pageSize());
      lockPage = PageChecksums.lockPage(newHeader.pageSize());
    }
    header = newHeader;
    lastPgno = 0;
    rolling = PageChecksums.EMPTY;
    out.begin(sink);
    ByteBuffer dst = out.reserve(LtxHeader.SIZE);
    int at = dst.position();
    newHeader.encode(dst);
    fileCrc = Crc64.update(0, dst, at, LtxHeader.SIZE);
    state = State.FAILED;
    if (newHeader.isLz4()) {
      if (lz4 == null) {
        lz4 = new Lz4FrameWriter();
      }
      lz4.begin(out);
    }
    state = State.PAGES;
  }

  /**
   * Writes the next page, computing its checksum.
   *
   * @param pgno page number, above that of the page before, at most the header's commit
   * @param data exactly one page from position to limit; both are left alone
   */
  public void page(long pgno, ByteBuffer data) throws IOException {
    requireWritable(pgno, data);
    append(
        pgno, data, PageChecksums.crcOfPage((int) pgno, data, data.position(), data.remaining()));
  }

  /**
   * Writes the next page and checks that it still has the checksum it should have. This reads the
   * page again: a page checksum lacks one bit of the CRC that the file checksum needs. {@link
   * #pageWithCrc} saves that pass.
   *
   * @param pageChecksum as {@link PageChecksums#ofPage} gives it
   * @throws IllegalArgumentException also if the page has another checksum
   */
  public void page(long pgno, ByteBuffer data, long pageChecksum) throws IOException {
    requireWritable(pgno, data);
    long crc = PageChecksums.crcOfPage((int) pgno, data, data.position(), data.remaining());
    if (PageChecksums.fromCrc(crc) != pageChecksum) {
      throw new IllegalArgumentException(
          "page "
              + pgno
              + ": expected checksum "
              + Hex16.format(pageChecksum)
              + ", got "
              + Hex16.format(PageChecksums.fromCrc(crc)));
    }
    append(pgno, data, crc);
  }

  /**
   * Writes the next page without reading it for checksums. The CRC is trusted: a wrong one makes a
   * file that no decoder accepts.
   *
   * @param pageCrc as {@link PageChecksums#crcOfPage} gives it for this number and content, all 64
   *     bits
   */
  public void pageWithCrc(long pgno, ByteBuffer data, long pageCrc) throws IOException {
    requireWritable(pgno, data);
    append(pgno, data, pageCrc);
  }

  private void requireWritable(long pgno, ByteBuffer data) {
    if (state != State.PAGES) {
      throw new IllegalStateException(
          "page " + pgno + ": expected an open file, got state " + state + "; call begin first");
    }
    if (data.remaining() != header.pageSize()) {
      throw new IllegalArgumentException(
          "page "
              + pgno
              + ": expected "
              + header.pageSize()
              + " bytes of data, got "
              + data.remaining());
    }
    if (pgno < 1 || pgno > header.commit()) {
      throw new IllegalArgumentException(
          "page number: expected 1 to " + header.commit() + " (commit), got " + pgno);
    }
    if (pgno == lockPage) {
      throw new IllegalArgumentException(
          "page number: expected any but the lock page, got " + pgno);
    }
    if (header.isSnapshot() ? pgno != nextOf(lastPgno) : pgno <= lastPgno) {
      throw new IllegalArgumentException(
          header.isSnapshot()
              ? "page number: expected " + nextOf(lastPgno) + " next in a snapshot, got " + pgno
              : "page number: expected one above " + lastPgno + ", got " + pgno);
    }
  }

  private long nextOf(long pgno) {
    return pgno + 1 == lockPage ? pgno + 2 : pgno + 1;
  }

  private void append(long pgno, ByteBuffer data, long pageCrc) throws IOException {
    int pageSize = header.pageSize();
    state = State.FAILED;
    if (header.isLz4()) {
      lz4.writeInt((int) pgno, out);
      lz4.write(data, data.position(), pageSize, out);
    } else {
      ByteBuffer dst = out.reserve(4 + pageSize);
      dst.putInt((int) pgno);
      int at = dst.position();
      dst.put(at, data, data.position(), pageSize).position(at + pageSize);
    }
    // A page frame in the file is byte for byte what the page CRC covers.
    fileCrc = combiner.combine(fileCrc, pageCrc);
    rolling = PageChecksums.xor(rolling, pageCrc);
    lastPgno = pgno;
    state = State.PAGES;
  }

  /**
   * Finishes the file and hands all of it to the sink. Making it durable is up to the caller.
   *
   * @param postApplyChecksum rolling checksum of the database after this file, bit 63 set
   * @return the file checksum
   * @throws IllegalStateException if no file is open or a snapshot lacks pages
   * @throws IllegalArgumentException if the checksum lacks bit 63, is not {@link
   *     PageChecksums#EMPTY} for a deleted database, or is not that of a snapshot's pages
   */
  public long end(long postApplyChecksum) throws IOException {
    if (state != State.PAGES) {
      throw new IllegalStateException(
          "end: expected an open file, got state " + state + "; call begin first");
    }
    if (header.isSnapshot() && nextOf(lastPgno) <= header.commit()) {
      throw new IllegalStateException(
          "end: expected a snapshot of " + header.commit() + " pages, got pages up to " + lastPgno);
    }
    requirePostApply(postApplyChecksum);
    state = State.FAILED;
    fileCrc = Crc64.updateInt(fileCrc, 0);
    if (header.isLz4()) {
      lz4.writeInt(0, out);
      lz4.end(out);
    } else {
      out.reserve(4).putInt(0);
    }
    ByteBuffer dst = out.reserve(LtxTrailer.SIZE);
    int at = dst.position();
    dst.putLong(postApplyChecksum);
    fileCrc = Crc64.update(fileCrc, dst, at, LtxTrailer.COVERED);
    long fileChecksum = fileCrc | Checksum.FLAG;
    dst.putLong(fileChecksum);
    out.flush();
    out.release();
    state = State.HEADER;
    return fileChecksum;
  }

  private void requirePostApply(long postApplyChecksum) {
    boolean contentKnown = header.isSnapshot() || header.commit() == 0;
    if (contentKnown ? postApplyChecksum != rolling : postApplyChecksum >= 0) {
      throw new IllegalArgumentException(
          "post-apply checksum: expected "
              + (contentKnown ? Hex16.format(rolling) + ", that of the pages" : "bit 63 set")
              + "; got "
              + Hex16.format(postApplyChecksum));
    }
  }

  /** Bytes of the current file so far, or of the last one once it is finished. */
  public long bytesWritten() {
    return out.total();
  }
}
